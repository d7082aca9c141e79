# SPDX-License-Identifier: Apache-2.0
"""A page token is hostile input like any other."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.errors import ConfigError
from mead.store.catalogue.paging import _behind, _position
from mead.store.catalogue.tables import scans

ORDER: list[Any] = [
    (scans.c.time, False),
    (scans.c.stream, False),
    (scans.c.sequence, False),
    (scans.c.sha256, False),
]


def token(*values: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(values)).decode()


def test_the_next_page_starts_behind_the_last_row() -> None:
    position = _position(token("2026-01-01T00:00:00Z", "s", 7, "ab" * 32), ORDER)
    sql = str(_behind(ORDER[:2], position[:2]))
    assert sql == "scans.time > :time_1 OR scans.time = :time_2 AND scans.stream > :stream_1"


@pytest.mark.parametrize(
    "values",
    [
        ("x", "s", 1, "ab"),
        ("2026-01-01", "s", "x", "ab"),
        ("2026-01-01", "s", 1, "xyz"),
        ("2026-01-01",),
        (None,) * 4,
    ],
)
def test_a_position_of_another_listing_is_refused(values: tuple[object, ...]) -> None:
    with pytest.raises(ConfigError, match="page of"):
        _position(token(*values), ORDER)


@given(
    st.text(max_size=60) | st.binary(max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode())
)
def test_anything_else_is_refused_too(text: str) -> None:
    with pytest.raises(ConfigError):
        _position(text, ORDER)
