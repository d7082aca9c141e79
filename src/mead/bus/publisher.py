# SPDX-License-Identifier: Apache-2.0
"""Publish events: never block the caller, never lose what fits in memory, count what does not.

Events gather for a moment, travel as one message, and are forgotten only when the server has it on disk.
A batch carries a message id, so sending it again after a lost answer stores nothing twice; when the bus
was away for longer than the server remembers ids, the stream itself is searched for the id first.

Counterpart: `mead.bus.events`.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

from msgspec import Struct

from mead.bus import streams
from mead.bus.client import Bus, BusAwayError, BusFullError, BusRefusedError
from mead.bus.events import COMPRESSED, ENCODING_HEADER
from mead.bus.pull import Consumer, Puller
from mead.model.codec import encode_batch, encode_event, join_batch
from mead.model.event import Event, LossCounted

__all__ = ["Publisher", "PublisherSettings", "publish_once"]

_log = logging.getLogger(__name__)

_OVERHEAD_BYTES = 56
"""Memory that Python needs for an event beside its own bytes."""
_FULL_PAUSE_SECONDS = 0.5
_WINDOW_MARGIN = 0.8
"""Part of the duplicate window after which an id is not relied on any more."""


class PublisherSettings(Struct, frozen=True, kw_only=True):
    """How events are gathered and how many are held while the bus is away.

    Attributes:
        batch_seconds: how long the first event of a batch waits for others.
        batch_bytes: size at which a batch is sent at once.
        batch_events: number of events at which a batch is sent at once.
        in_flight: batches on the way at the same time.
        memory_bytes: memory for events that are not acknowledged yet.
        memory_events: number of events that are not acknowledged yet.
        max_event_bytes: largest single event.
        compression: `zlib` (level 1) or `none`.
        close_seconds: how long the end of the process waits for the bus.
    """

    batch_seconds: float = 0.05
    batch_bytes: int = 256 << 10
    batch_events: int = 1000
    in_flight: int = 32
    memory_bytes: int = 64 << 20
    memory_events: int = 200_000
    max_event_bytes: int = 1 << 20
    compression: Literal["none", "zlib"] = "zlib"
    close_seconds: float = 5.0


async def publish_once(bus: Bus, sensor: str, events: Iterable[Event], message_id: str) -> None:
    """Publish a batch under a name of its own: done again with the same name, it stores nothing more.

    Raises:
        BusFullError: there is no room; nothing was stored.
        BusAwayError: no answer; do it again with the same name.
    """
    await bus.stream_for(sensor)
    await bus.publish(streams.event_subject(sensor), encode_batch(events), message_id=message_id)


class _Batch:
    """Events on their way; ordered by number so that they leave in their order."""

    def __init__(self, message_id: str, events: list[bytes], size: int) -> None:
        self.message_id = message_id
        self.events = events
        self.size = size
        self.done = asyncio.get_running_loop().create_future()
        self.first_sent: float | None = None


class Publisher:
    """Publishes the events of one sensor; use as an asynchronous context manager."""

    def __init__(self, bus: Bus, sensor: str, settings: PublisherSettings | None = None) -> None:
        self.settings = settings or PublisherSettings()
        self.sensor = sensor
        self.acknowledged = 0
        """Events that the bus has on disk."""
        self.dropped = 0
        """Events that found no room."""
        self._bus = bus
        self._subject = streams.event_subject(sensor)
        self._id = secrets.token_hex(8)
        self._number = 0
        self._gathered: list[bytes] = []
        self._gathered_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._outstanding: set[_Batch] = set()
        self._ready: asyncio.Queue[_Batch] = asyncio.Queue()
        self._held_bytes = 0
        self._held_events = 0
        self._room = asyncio.Event()
        self._lost: Counter[tuple[str, str]] = Counter()
        self._lost_since: datetime | None = None
        self._last_sequence = 0
        self._senders: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._senders = [
            asyncio.create_task(self._send_batches(), name=f"publisher of {self.sensor}")
            for _ in range(self.settings.in_flight)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self.settings.close_seconds):
                await self.flush()
        for task in self._senders:
            task.cancel()
        await asyncio.gather(*self._senders, return_exceptions=True)
        self._senders = []
        if self._timer:
            self._timer.cancel()
        if left := self._held_events + sum(self._lost.values()):
            _log.error("%s ends while the bus is away: %d events are lost", self.sensor, left)

    @property
    def held_events(self) -> int:
        """Events that are accepted and not acknowledged yet."""
        return self._held_events

    def publish(self, event: Event) -> None:
        """Accept an event, or count it as lost when there is no room. Never blocks."""
        data = encode_event(event)
        if len(data) > self.settings.max_event_bytes:
            self._lose(event.kind, f"an event may have {self.settings.max_event_bytes} bytes")
        elif not self._fits(len(data) + _OVERHEAD_BYTES, 1):
            self._lose(event.kind, "the bus is away or full, and so is the memory of the publisher")
        else:
            self._accept(data)

    async def flush(self) -> None:
        """Return when everything accepted so far, and every loss counted so far, is durable."""
        for _ in range(2):  # the second time for losses that came up while the first was under way
            self._report_losses()
            self._cut()
            if self._outstanding:
                await asyncio.wait([batch.done for batch in self._outstanding])
            if not self._lost:
                return

    async def publish_durably(self, events: Iterable[Event]) -> None:
        """Publish events and return when they are durable; waits for room instead of dropping.

        Raises:
            ValueError: one of them is larger than `max_event_bytes`.
        """
        for event in events:
            data = encode_event(event)
            if len(data) > self.settings.max_event_bytes:
                raise ValueError(
                    f"{event.kind} has {len(data)} bytes, at most {self.settings.max_event_bytes} travel"
                )
            while not self._fits(len(data) + _OVERHEAD_BYTES, 1):
                self._cut()
                self._room.clear()
                await self._room.wait()
            self._accept(data)
        await self.flush()

    def _fits(self, size: int, count: int) -> bool:
        return (
            self._held_bytes + size <= self.settings.memory_bytes
            and self._held_events + count <= self.settings.memory_events
        )

    def _half_empty(self) -> bool:
        """Losses are reported then, not for each event that finds no room."""
        return (
            self._held_bytes <= self.settings.memory_bytes // 2
            and self._held_events <= self.settings.memory_events // 2
        )

    def _lose(self, kind: str, reason: str) -> None:
        if not self._lost:
            self._lost_since = self._bus.clock.now()
            _log.warning("%s drops events: %s", self.sensor, reason)
        self._lost[kind, reason] += 1
        self.dropped += 1

    def _report_losses(self) -> None:
        """Turn the counts into events; there are at most as many as kinds, so they need no room."""
        lost, self._lost = self._lost, Counter()
        for (kind, reason), count in lost.items():
            loss = LossCounted(
                time=self._bus.clock.now(),
                sensor=self.sensor,
                what=kind,
                count=count,
                unit="events",
                reason=f"{reason}, since {self._lost_since:%Y-%m-%dT%H:%M:%S.%fZ}",
            )
            self._accept(encode_event(loss))

    def _accept(self, data: bytes) -> None:
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        self._held_bytes += len(data) + _OVERHEAD_BYTES
        self._held_events += 1
        if (
            self._gathered_bytes >= self.settings.batch_bytes
            or len(self._gathered) >= self.settings.batch_events
        ):
            self._cut()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.settings.batch_seconds, self._cut)

    def _cut(self) -> None:
        """End the batch that is gathered and hand it to the senders."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._gathered:
            self._number += 1
            size = self._gathered_bytes + _OVERHEAD_BYTES * len(self._gathered)
            batch = _Batch(f"{self._id}:{self._number}", self._gathered, size)
            self._outstanding.add(batch)
            self._ready.put_nowait(batch)
            self._gathered, self._gathered_bytes = [], 0

    async def _send_batches(self) -> None:
        while True:
            batch = await self._ready.get()
            await self._deliver(batch)
            self._outstanding.discard(batch)
            self._held_bytes -= batch.size
            self._held_events -= len(batch.events)
            self.acknowledged += len(batch.events)
            if self._lost and self._half_empty():
                self._report_losses()
            self._room.set()
            batch.done.set_result(None)

    async def _deliver(self, batch: _Batch) -> None:
        """Send until the server says that it has the batch."""
        payload, headers = self._pack(batch.events)
        while True:
            try:
                if await self._is_there(batch):
                    return
                await self._bus.stream_for(self.sensor)
                batch.first_sent = batch.first_sent or asyncio.get_running_loop().time()
                stored = await self._bus.publish(
                    self._subject, payload, message_id=batch.message_id, headers=headers
                )
            except BusFullError:
                await asyncio.sleep(_FULL_PAUSE_SECONDS)
            except BusAwayError as error:
                _log.debug("%s: %s", batch.message_id, error)
                await self._bus.pause()
            except BusRefusedError as error:
                _log.error("%s: %s; trying again", self._subject, error)
                await asyncio.sleep(_FULL_PAUSE_SECONDS)
            else:
                self._last_sequence = max(self._last_sequence, stored.sequence)
                return

    def _pack(self, events: Sequence[bytes]) -> tuple[bytes, dict[str, str]]:
        payload = join_batch(events)
        if self.settings.compression == "none":
            return payload, {}
        return zlib.compress(payload, 1), {ENCODING_HEADER: COMPRESSED}

    async def _is_there(self, batch: _Batch) -> bool:
        """Whether a batch sent long ago, without an answer, lies in the stream after all."""
        if batch.first_sent is None:
            return False
        age = asyncio.get_running_loop().time() - batch.first_sent
        if age < self._bus.settings.duplicate_window_seconds * _WINDOW_MARGIN:
            return False
        cursor = Consumer.cursor(self._last_sequence, headers_only=True)
        puller = Puller(self._bus, streams.event_stream_name(self.sensor), cursor)
        try:
            info = await self._bus.stream_info(streams.event_stream_name(self.sensor))
            pending = info.state.messages if info else 0
            while pending and (message := await puller.next(1.0)):
                if message.headers.get("Nats-Msg-Id") == batch.message_id:
                    return True
                pending = message.pending
        finally:
            await puller.close()
        batch.first_sent = None  # it is certain now that the bus does not have it
        return False
