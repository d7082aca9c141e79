"""Events survive their encodings, and damaged bytes are a clear error."""

from __future__ import annotations

from collections.abc import Callable
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
    fields = {field: st.from_type(hint) for field, hint in hints.items()}
    moments = st.datetimes(timezones=st.just(UTC))
    fields["time"] = moments
    if "last_time" in hints:
        fields["last_time"] = st.none() | moments
    return st.builds(KINDS[name], **fields)


@given(st.sampled_from(sorted(KINDS)).flatmap(_any_event))
def test_every_kind_survives_both_encodings(event: Event) -> None:
    assert codec.decode_line(codec.encode_line(event)) == event
    assert list(codec.decode_batch(codec.encode_batch([event, event]))) == [event, event]
    assert codec.salvage_batch(codec.join_batch([codec.encode_event(event)])) == [event]


def test_a_line_says_its_kind() -> None:
    event = LoginAttempt(time=NOW, sensor="s", username="root", method="password", success=False)
    assert event.kind == "login.attempt"
    assert codec.encode_line(event).startswith(b'{"schema":1,"kind":"login.attempt"')


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


@given(st.binary(max_size=200))
def test_any_bytes_can_be_salvaged_or_are_an_input_error(data: bytes) -> None:
    try:
        codec.salvage_batch(data)
    except InputError as error:
        assert str(error)  # noqa: PT017 - as above


@pytest.mark.parametrize("read", [codec.decode_batch, codec.salvage_batch])
@pytest.mark.parametrize("events", [[], [{"kind": "moon.landed"}]])
def test_a_later_schema_is_refused_with_advice(read: Callable[[bytes], object], events: list[object]) -> None:
    later = msgspec.msgpack.encode([codec.SCHEMA_VERSION + 1, events])
    with pytest.raises(codec.LaterSchemaError, match="upgrade"):
        read(later)


def test_a_line_of_a_later_schema_is_refused_with_advice() -> None:
    with pytest.raises(codec.LaterSchemaError, match="upgrade"):
        codec.decode_line(b'{"schema":2,"kind":"moon.landed"}')


@pytest.mark.parametrize("version", [0, -1])
def test_a_schema_that_never_was_is_damage(version: int) -> None:
    with pytest.raises(InputError, match="no schema"):
        codec.decode_batch(msgspec.msgpack.encode([version, []]))
    with pytest.raises(InputError, match="no schema"):
        codec.decode_line(b'{"schema":%d,"kind":"session.open"}' % version)


def test_one_unreadable_event_does_not_take_the_others_with_it() -> None:
    event = LoginAttempt(time=NOW, sensor="s", username="root", method="password", success=False)
    good, strange = msgspec.to_builtins(event), {"kind": "moon.landed"}
    data = msgspec.msgpack.encode([1, [strange, good, good | {"success": "maybe"}, 7]])
    with pytest.raises(InputError, match="not a batch"):
        codec.decode_batch(data)
    kind, kept, field, number = codec.salvage_batch(data)
    assert kept == event
    assert isinstance(kind, codec.Unreadable)
    assert "moon.landed" in kind.reason
    assert isinstance(field, codec.Unreadable)
    assert "success" in field.reason
    assert isinstance(number, codec.Unreadable)


def test_a_time_without_a_zone_is_no_time() -> None:
    line = b'{"kind":"session.open","time":"2026-01-01T00:00:00","sensor":"s"}'
    with pytest.raises(InputError, match="timezone"):
        codec.decode_line(line)


def test_an_unknown_field_of_the_same_version_is_skipped() -> None:
    line = b'{"kind":"loss.counted","time":"2026-01-01T00:00:00Z","sensor":"s","what":"w","count":1,'
    assert codec.decode_line(line + b'"unit":"u","reason":"r","later_field":1}').sensor == "s"


def test_text_keeps_utf8_and_shows_other_bytes() -> None:
    assert codec.text("wäre".encode() + b"\xff\x00") == "wäre\\xff\\x00"
    assert codec.text(b"a" * 10, max_bytes=4) == "aaaa"


def test_an_excerpt_is_printable_ascii() -> None:
    assert codec.excerpt(b"A\x1b\\\xff", max_bytes=4) == "A\\x1b\\x5c\\xff"
