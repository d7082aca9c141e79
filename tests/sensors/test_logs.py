# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.errors import ConfigError
from mead.model.codec import encode_line
from mead.sensors.logs import LOGS, BrokenLine, read

KINDS = [entry.name for entry in LOGS.entries()]
WORDS = st.sampled_from(
    ["eventid", "cowrie.login.failed", "cowrie.session.file_download", "timestamp", "session", "src_ip",
     "url", "shasum", "connection", "2025-01-01T00:00:00Z", "credentials", "ftp", "commands", "a" * 64,
     "attack_connection", "start_time", "payload", "data_hex", "downloads", "date", "category", "source-ip",
     "192.0.2.1", "auth_attempts", "num_auth_attempts", "duration", "username", "password"]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=8,
)


def test_an_unknown_kind_of_log_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean cowrie"):
        read("cowry", [], "s")


@pytest.mark.parametrize("kind", KINDS)
@given(records=st.lists(st.dictionaries(WORDS, VALUES, max_size=8), max_size=3), cut=st.integers(0, 20))
def test_any_record_gives_events_that_can_be_written_or_broken_lines(
    kind: str, records: list[dict[str, Any]], cut: int
) -> None:
    data = b"\n".join(json.dumps(record).encode() for record in records)
    for event in read(kind, [data[: len(data) - cut]], "s"):
        if not isinstance(event, BrokenLine):
            encode_line(event)
            assert event.origin


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_survived(kind: str, data: bytes) -> None:
    list(read(kind, [data], "s"))
