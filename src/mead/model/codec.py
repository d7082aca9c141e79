# SPDX-License-Identifier: Apache-2.0
"""Events as bytes: JSON lines for people and files, MessagePack batches for the bus.

Both forms carry the schema version: a line as its first field `schema` (without it: 1), a batch as its
first element. A reader accepts every version from 1 up to its own and refuses a later one as a whole, so
that it can be read after an upgrade. Within a version kinds and fields may be added but never change their
type or meaning: an old reader skips a field that it does not know, and `salvage_batch` keeps the others
of a batch that holds a kind that it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Union

import msgspec

from mead.errors import InputError
from mead.model.catalogue import KINDS
from mead.model.event import Event

__all__ = [
    "SCHEMA_VERSION", "LaterSchemaError", "Unreadable", "decode_batch", "decode_line", "encode_batch",
    "encode_event", "encode_line", "excerpt", "join_batch", "salvage_batch", "text",
]  # fmt: skip

SCHEMA_VERSION = 1

AnyEvent = Union[tuple(KINDS.values())]  # type: ignore[valid-type]  # built from the catalogue  # noqa: UP007


class LaterSchemaError(InputError):
    """It was written by a later MEAD: kept as it is, it can be read after an upgrade."""


class Unreadable(msgspec.Struct, frozen=True):
    """Stands in a salvaged batch where an event cannot be read."""

    reason: str


class _Line(msgspec.Struct, frozen=True):
    schema: int = 1


class _RawBatch(msgspec.Struct, frozen=True, array_like=True):
    version: int
    events: list[msgspec.Raw]


class _Batch(msgspec.Struct, frozen=True, array_like=True):
    version: int
    events: list[AnyEvent]  # type: ignore[valid-type]  # as above


_json_encoder = msgspec.json.Encoder()
_json_decoder = msgspec.json.Decoder(AnyEvent)
_line_decoder = msgspec.json.Decoder(_Line)
_batch_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(_Batch)
_raw_batch_decoder = msgspec.msgpack.Decoder(_RawBatch)
_event_decoder = msgspec.msgpack.Decoder(AnyEvent)
_LINE_START = b'{"schema":%d,' % SCHEMA_VERSION
_BROKEN = (msgspec.MsgspecError, UnicodeDecodeError)


def encode_line(event: Event) -> bytes:
    """One event as a JSON object without a line end."""
    return _LINE_START + _json_encoder.encode(event)[1:]


def decode_line(line: bytes) -> Event:
    """The event of one JSON line.

    Raises:
        InputError: it is no JSON, no known kind, or a field has the wrong type.
        LaterSchemaError: a later MEAD wrote it.
    """
    try:
        _check_version(_line_decoder.decode(line).schema, "line")
        event: Event = _json_decoder.decode(line)
    except _BROKEN as error:
        raise InputError(f"not an event: {error}") from error
    return event


def _check_version(version: int, what: str) -> None:
    if version > SCHEMA_VERSION:
        raise LaterSchemaError(
            f"{what} has schema {version}, this MEAD reads up to {SCHEMA_VERSION}: upgrade it"
        )
    if version < 1:
        raise InputError(f"not an event: there is no schema {version}")


def encode_batch(events: Iterable[Event]) -> bytes:
    """Events as one MessagePack message `[version, [event, …]]`."""
    return _batch_encoder.encode(_Batch(SCHEMA_VERSION, list(events)))


def encode_event(event: Event) -> bytes:
    """One event as it stands in a batch, so that a sender knows its size before it has a batch."""
    return _batch_encoder.encode(event)


def join_batch(events: Iterable[bytes]) -> bytes:
    """A batch out of events that `encode_event` encoded; the same bytes as `encode_batch` gives."""
    return _batch_encoder.encode((SCHEMA_VERSION, [msgspec.Raw(event) for event in events]))


def decode_batch(data: bytes) -> Sequence[Event]:
    """The events of one MessagePack message.

    Raises:
        InputError: it, or one event in it, cannot be read.
        LaterSchemaError: a later MEAD wrote it.
    """
    try:
        batch = _batch_decoder.decode(data)
    except _BROKEN as error:
        _raw_batch(data)  # says so if it is of a later schema
        raise InputError(f"not a batch of events: {error}") from error
    _check_version(batch.version, "batch")
    return batch.events


def salvage_batch(data: bytes) -> list[Event | Unreadable]:
    """What can be read of one MessagePack message, each event at its place.

    Raises:
        InputError: nothing of it can be read.
        LaterSchemaError: a later MEAD wrote it.
    """
    return [_salvaged(event) for event in _raw_batch(data).events]


def _raw_batch(data: bytes) -> _RawBatch:
    try:
        batch = _raw_batch_decoder.decode(data)
    except _BROKEN as error:
        raise InputError(f"not a batch of events: {error}") from error
    _check_version(batch.version, "batch")
    return batch


def _salvaged(data: msgspec.Raw) -> Event | Unreadable:
    try:
        event: Event = _event_decoder.decode(data)
    except _BROKEN as error:
        return Unreadable(str(error))
    return event


def text(data: bytes, *, max_bytes: int = 4096) -> str:
    r"""Attacker's bytes as text: valid UTF-8 stays, other bytes and NUL become `\xNN`; cut at `max_bytes`."""
    return data[:max_bytes].decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def excerpt(data: bytes, *, max_bytes: int = 64) -> str:
    r"""The first bytes for a person to look at: printable ASCII stays, the rest becomes `\xNN`."""
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in data[:max_bytes])
