"""Events survive their encodings, and damaged bytes are a clear error."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.errors import InputError
from mead.model import codec
from mead.model.catalogue import KINDS
from mead.model.event import Event, LoginAttempt

# What a column of the store can hold.
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))

NOW = datetime(2026, 11, 24, 12, 0, 0, 123456, UTC)


def _any_event(name: str) -> st.SearchStrategy[Event]:
    hints = get_type_hints(KINDS[name])
    return st.builds(KINDS[name], **{field: st.from_type(hint) for field, hint in hints.items()})


@given(st.sampled_from(sorted(KINDS)).flatmap(_any_event))
def test_every_kind_survives_both_encodings(event: Event) -> None:
    event = msgspec.structs.replace(event, time=NOW)
    if hasattr(event, "last_time"):
        event = msgspec.structs.replace(event, last_time=None)
    assert codec.decode_line(codec.encode_line(event)) == event
    assert list(codec.decode_batch(codec.encode_batch([event, event]))) == [event, event]


def test_a_line_says_its_kind() -> None:
    event = LoginAttempt(time=NOW, sensor="s", username="root", method="password", success=False)
    assert event.kind == "login.attempt"
    assert b'"kind":"login.attempt"' in codec.encode_line(event)


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"kind":"no.such"}', b'{"kind":"login.attempt"}', b"\xff"]
)
def test_a_damaged_line_is_an_input_error(line: bytes) -> None:
    with pytest.raises(InputError, match="not an event"):
        codec.decode_line(line)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_batch_or_an_input_error(data: bytes) -> None:
    try:
        codec.decode_batch(data)
    except InputError as error:
        assert str(error)  # noqa: PT017 - either outcome is right, a traceback is not


def test_a_newer_schema_is_refused_with_advice() -> None:
    newer = msgspec.msgpack.encode([codec.SCHEMA_VERSION + 1, []])
    with pytest.raises(InputError, match="upgrade"):
        codec.decode_batch(newer)


def test_an_unknown_field_of_the_same_version_is_skipped() -> None:
    line = b'{"kind":"loss.counted","time":"2026-01-01T00:00:00Z","sensor":"s","what":"w","count":1,'
    assert codec.decode_line(line + b'"unit":"u","reason":"r","later_field":1}').sensor == "s"


def test_text_keeps_utf8_and_shows_other_bytes() -> None:
    assert codec.text("wäre".encode() + b"\xff\x00") == "wäre\\xff\\x00"
    assert codec.text(b"a" * 10, max_bytes=4) == "aaaa"


def test_an_excerpt_is_printable_ascii() -> None:
    assert codec.excerpt(b"A\x1b\\\xff", max_bytes=4) == "A\\x1b\\x5c\\xff"
