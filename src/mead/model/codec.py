# SPDX-License-Identifier: Apache-2.0
"""Events as bytes: JSON lines for people and files, MessagePack batches for the bus.

Both forms carry the schema version. A reader accepts every version up to its own; within a version,
fields may be added but never change their type or meaning, so an old reader skips what it does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Union

import msgspec

from mead.errors import InputError
from mead.model.catalogue import KINDS
from mead.model.event import Event

__all__ = [
    "SCHEMA_VERSION", "decode_batch", "decode_line", "encode_batch", "encode_event", "encode_line",
    "excerpt", "join_batch", "text",
]  # fmt: skip

SCHEMA_VERSION = 1

AnyEvent = Union[tuple(KINDS.values())]  # type: ignore[valid-type]  # built from the catalogue  # noqa: UP007


class _Batch(msgspec.Struct, frozen=True, array_like=True):
    version: int
    events: list[AnyEvent]  # type: ignore[valid-type]  # as above


_json_encoder = msgspec.json.Encoder()
_json_decoder = msgspec.json.Decoder(AnyEvent)
_batch_encoder = msgspec.msgpack.Encoder()
_batch_decoder = msgspec.msgpack.Decoder(_Batch)


def encode_line(event: Event) -> bytes:
    """One event as a JSON object without a line end."""
    return _json_encoder.encode(event)


def decode_line(line: bytes) -> Event:
    """The event of one JSON line.

    Raises:
        InputError: it is no JSON, no known kind, or a field has the wrong type.
    """
    try:
        event: Event = _json_decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"not an event: {error}") from error
    return event


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
        InputError: it is damaged, or written by a newer MEAD than this one.
    """
    try:
        batch = _batch_decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InputError(f"not a batch of events: {error}") from error
    if batch.version > SCHEMA_VERSION:
        raise InputError(
            f"batch has schema {batch.version}, this MEAD reads up to {SCHEMA_VERSION}: upgrade it"
        )
    return batch.events


def text(data: bytes, *, max_bytes: int = 4096) -> str:
    r"""Attacker's bytes as text: valid UTF-8 stays, other bytes and NUL become `\xNN`; cut at `max_bytes`."""
    return data[:max_bytes].decode("utf-8", "backslashreplace").replace("\0", "\\x00")


def excerpt(data: bytes, *, max_bytes: int = 64) -> str:
    r"""The first bytes for a person to look at: printable ASCII stays, the rest becomes `\xNN`."""
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\x{b:02x}" for b in data[:max_bytes])
