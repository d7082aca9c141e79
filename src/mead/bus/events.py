# SPDX-License-Identifier: Apache-2.0
"""Read the events of one sensor from the bus, in the order and under the sequence numbers of its stream.

The reader begins where the store ends, survives the bus going away, and yields each sequence once.
`ack` lets the bus forget what is in the store. What cannot be read is not skipped: a damaged batch, or a
single event of a kind that this MEAD does not know, comes out as `loss.counted` at its own place, and so
does a gap in the sequence, when the bus lost messages. A batch that a later MEAD wrote stops the reader,
so that it is still there after an upgrade.

Counterpart: `mead.bus.publisher`.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from msgspec import Struct

from mead.bus import streams
from mead.bus.client import Bus, BusAwayError, BusRefusedError
from mead.bus.pull import Consumer, Message, Puller
from mead.errors import BusError, InputError
from mead.model.codec import LaterSchemaError, Unreadable, decode_batch, salvage_batch
from mead.model.event import Event, LossCounted

__all__ = ["COMPRESSED", "ENCODING_HEADER", "MAX_BATCH_BYTES", "Batch", "EventReader"]

_log = logging.getLogger(__name__)

ENCODING_HEADER = "Mead-Encoding"
COMPRESSED = "zlib"
MAX_BATCH_BYTES = 64 << 20
"""What a batch may unpack to."""
_PULL_BYTES = 16 << 20
_PURGE_AFTER_SECONDS = 5.0


class Batch(Struct, frozen=True):
    """Events that were acknowledged together; an event's identity is (stream, sequence, index)."""

    stream: str
    sequence: int
    events: Sequence[Event]
    first: int = 0
    """First sequence that this stands for, when messages before it are gone; else 0."""


class EventReader:
    """The batches of one stream from `start_sequence` on: `async with` it, `async for` over it.

    Args:
        start_sequence: first sequence that the store lacks; 0 when the stream's first will do.
    """

    def __init__(self, bus: Bus, stream: str, start_sequence: int = 0) -> None:
        self._bus = bus
        self._stream = stream
        self._next = start_sequence
        self._checked = start_sequence <= 1
        self._puller: Puller | None = None
        self._kept: Message | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        batch = await self.next()
        assert batch is not None
        return batch

    async def next(self, timeout_seconds: float | None = None) -> Batch | None:
        """The next batch; `None` when none came for `timeout_seconds` (default: wait for ever).

        Raises:
            BusError: the stream ends before `start_sequence`: it is not the one that the store knows; or the
                next batch was written by a later MEAD. Nothing is skipped: the same call raises it again.
        """
        clock = asyncio.get_running_loop().time
        deadline = None if timeout_seconds is None else clock() + timeout_seconds
        while True:
            left = None if deadline is None else max(deadline - clock(), 0.0)
            try:
                message = await self._pull(left)
            except BusAwayError as error:
                _log.debug("%s: %s", self._stream, error)
                await self.close()
                try:
                    async with asyncio.timeout(left):
                        await self._bus.pause()
                except TimeoutError:
                    return None
                continue
            if message is None:
                return None
            if message.sequence >= self._next:
                return self._batch(message)

    async def _pull(self, timeout_seconds: float | None) -> Message | None:
        if self._kept:
            return self._kept
        await self._check()
        if self._puller is None:
            cursor = Consumer.cursor(self._next)
            self._puller = Puller(self._bus, self._stream, cursor, max_bytes=_PULL_BYTES)
        return await self._puller.next(timeout_seconds)

    def _batch(self, message: Message) -> Batch:
        """The batch of a message, or first that of the gap before it; then the message is kept."""
        self._kept = message
        first, self._next = self._next, message.sequence
        if 0 < first < message.sequence:
            return Batch(self._stream, message.sequence - 1, [_gap(self._stream, message, first)], first)
        events = _events(self._stream, message)
        self._kept, self._next = None, message.sequence + 1
        return Batch(self._stream, message.sequence, events)

    async def ack(self, sequence: int) -> bool:
        """Everything up to and including `sequence` is in the store: the bus may forget it.

        Returns whether it did. Not in the first seconds of a connection: a publisher that is unsure about
        a batch it sent before the bus went away looks for it in the stream first. Ack again later.
        """
        if self._bus.connected_seconds < _PURGE_AFTER_SECONDS:
            return False
        try:
            await self._bus.purge(self._stream, below=sequence + 1)
        except (BusAwayError, BusRefusedError) as error:
            _log.debug("%s: %s", self._stream, error)
            return False
        return True

    async def close(self) -> None:
        """Stop reading."""
        puller, self._puller = self._puller, None
        if puller:
            await puller.close()

    async def _check(self) -> None:
        if self._checked:
            return
        info = await self._bus.stream_info(self._stream)
        if info is None:
            raise BusAwayError(f"{self._stream} is not there yet")
        if info.state.last_seq < self._next - 1:
            raise BusError(
                f"{self._stream} ends at {info.state.last_seq}, but the store has it up to {self._next - 1}:"
                " the bus's directory is older than the store; restore both together, or remove the bus's"
            )
        self._checked = True


def unpack(data: bytes, encoding: str | None) -> bytes:
    """The payload of a message as it was before compression, at most `MAX_BATCH_BYTES`.

    Raises:
        InputError: damaged or too large.
        LaterSchemaError: compressed in a way that this MEAD does not know.
    """
    if encoding is None:
        return data
    if encoding != COMPRESSED:
        raise LaterSchemaError(f"batch is encoded as {encoding!r}: upgrade this MEAD")
    unpacker = zlib.decompressobj()
    try:
        plain = unpacker.decompress(data, MAX_BATCH_BYTES)
    except zlib.error as error:
        raise InputError(f"batch is damaged: {error}") from error
    if not unpacker.eof:
        raise InputError(f"batch is cut off or larger than {MAX_BATCH_BYTES} bytes")
    return plain


def _events(stream: str, message: Message) -> Sequence[Event]:
    try:
        plain = unpack(message.data, message.headers.get(ENCODING_HEADER))
        try:
            return decode_batch(plain)
        except LaterSchemaError:
            raise
        except InputError:
            return [_or_loss(event, stream, message) for event in salvage_batch(plain)]
    except LaterSchemaError as error:
        raise BusError(f"{stream}:{message.sequence} waits on the bus: {error}") from error
    except InputError as error:
        return [_loss(stream, message, "batch", "batches", str(error))]


def _or_loss(event: Event | Unreadable, stream: str, message: Message) -> Event:
    if isinstance(event, Unreadable):
        return _loss(stream, message, "event", "events", event.reason)
    return event


def _gap(stream: str, message: Message, first: int) -> LossCounted:
    last = message.sequence - 1
    reason = f"the bus lost the messages {first} to {last} of {stream} before they were stored"
    return _loss(stream, message, "batch", "batches", reason, count=last - first + 1)


def _loss(stream: str, message: Message, what: str, unit: str, reason: str, *, count: int = 1) -> LossCounted:
    _log.error("%s:%d: %d %s lost: %s", stream, message.sequence, count, unit, reason)
    return LossCounted(
        time=datetime.fromtimestamp(message.time_ns / 1e9, UTC),
        sensor=streams.sensor_of(stream),
        what=what,
        count=count,
        unit=unit,
        reason=reason,
    )
