# SPDX-License-Identifier: Apache-2.0
"""The hub: moves what sensors and workers put on the bus into the store, and hands out work.

For every batch of events the order is: bodies into the body store, events into the event store (commit),
work onto the queue, the catalogue, and only then the bus is told to forget. A crash between any two of
these repeats the later ones at the next start; each of them may be repeated without harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

from mead.bus.bodies import BodyReceiver
from mead.bus.client import Bus
from mead.bus.events import Batch, EventReader
from mead.bus.publisher import Publisher
from mead.bus.queue import Job, WorkQueue
from mead.bus.reaper import Reaper
from mead.bus.streams import bodies_stream
from mead.clock import Clock, SystemClock
from mead.deck.layout import Layout
from mead.deck.settings import Settings
from mead.errors import StoreError
from mead.model.event import Event, LossCounted, SampleCaptured, SessionClose
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.events import EventStore

__all__ = ["ANALYSIS_QUEUE", "Hub"]

log = logging.getLogger(__name__)

ANALYSIS_QUEUE = "analysis"
_DISCOVER_SECONDS = 0.5
_RETRY_SECONDS = 2.0
_CARRIES_BODY = frozenset(
    {
        "sample.captured", "file.uploaded", "fetch.done", "payload.received", "layer.decoded",
        "request.received", "tunnel.requested",
    }
)  # fmt: skip
"""Kinds whose `sha256` names a body that was put on the bus before them."""


@dataclass(slots=True)
class _Intake:
    """Batches that were read and are not stored yet."""

    batches: list[Batch] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.arrived.set()

    def take(self) -> list[Batch]:
        batches, self.batches = self.batches, []
        self.arrived.clear()
        return batches


class Hub:
    """The store side of the deck; use as an asynchronous context manager, then `run`."""

    def __init__(self, bus: Bus, layout: Layout, settings: Settings, clock: Clock | None = None) -> None:
        self._bus = bus
        self._layout = layout
        self._settings = settings
        self._clock = clock or SystemClock()
        self._intake = _Intake()
        self._room = asyncio.Semaphore(64)
        self._readers: dict[str, EventReader] = {}
        self._stack = AsyncExitStack()
        self.stored_events = 0

    async def __aenter__(self) -> Self:
        layout, settings = self._layout, self._settings
        self.bodies = await asyncio.to_thread(BodyStore, layout.bodies)
        self.events = await asyncio.to_thread(EventStore.open, layout.events, settings.store)
        self._stack.callback(self.events.close)
        self.catalogue = await asyncio.to_thread(Catalogue.open, layout.catalogue)
        self._stack.callback(self.catalogue.close)
        await self._bus.ensure(bodies_stream(self._bus.settings))  # sensors may come later than we do
        self._receiver = BodyReceiver(self._bus)
        self._queue = WorkQueue(self._bus, ANALYSIS_QUEUE)
        self._publisher = await self._stack.enter_async_context(
            Publisher(self._bus, "hub", settings.publisher)
        )
        await self._catch_up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._discover(group))
            group.create_task(self._store())
            group.create_task(self._maintain())
            group.create_task(Reaper(self._bus, "hub").run())

    async def _catch_up(self) -> None:
        """Project what was committed and not projected when the last hub ended."""
        with self.catalogue.ask() as queries:
            after = {stream: ((1, sequence),) for stream, sequence in queries.positions().items()}
        batches: list[Batch] = []
        for stream, sequence, _, event in self.events.snapshot().events(after=after):
            if batches and (batches[-1].stream, batches[-1].sequence) == (stream, sequence):
                batches[-1] = Batch(stream, sequence, (*batches[-1].events, event))
            else:
                batches.append(Batch(stream, sequence, (event,)))
        if batches:
            log.info("projecting %d batches that were stored and not projected", len(batches))
            await self._project(batches)

    async def _discover(self, group: asyncio.TaskGroup) -> None:
        """Begin to read every event stream that appears."""
        while True:
            for stream in await self._bus.event_streams():
                if stream not in self._readers:
                    start = await self._first_unstored(stream)
                    self._readers[stream] = EventReader(self._bus, stream, start)
                    group.create_task(self._read(self._readers[stream]))
            await asyncio.sleep(_DISCOVER_SECONDS)

    async def _first_unstored(self, stream: str) -> int:
        """Where to begin reading; what the bus does not have any more is settled first."""
        info = await self._bus.stream_info(stream)
        first = info.state.first_seq if info else 0
        if self.events.last_sequence(stream) < first - 1:
            self.events.settle(stream, first - 1)
        return max(self.events.last_sequence(stream) + 1, first)

    async def _read(self, reader: EventReader) -> None:
        async with reader:
            async for batch in reader:
                await self._room.acquire()
                self._intake.add(batch)

    async def _store(self) -> None:
        while True:
            await self._intake.arrived.wait()
            batches = self._intake.take()
            while True:
                try:
                    await self._keep(batches)
                except StoreError as error:
                    log.error("%s; trying again in %g s, nothing is lost meanwhile", error, _RETRY_SECONDS)
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    break
            for _ in batches:
                self._room.release()
            await asyncio.sleep(self._settings.hub.commit_seconds)

    async def _keep(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            await self._keep_bodies(batch.events)
        await asyncio.to_thread(self._commit, batches)
        await self._project(batches)
        last = {batch.stream: batch.sequence for batch in batches}
        for stream, sequence in last.items():
            await self._readers[stream].ack(sequence)
        self.stored_events += sum(len(batch.events) for batch in batches)

    def _commit(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            self.events.append(batch.stream, batch.sequence, batch.events)
        self.events.commit()

    async def _keep_bodies(self, events: Iterable[Event]) -> None:
        for event in events:
            digest = _body_of(event)
            if digest is None or await asyncio.to_thread(self.bodies.has, digest):
                continue
            data = await self._receiver.take(digest)
            if data is not None:
                await asyncio.to_thread(self.bodies.put, data)
                await self._receiver.done(digest)
            elif isinstance(event, SampleCaptured):
                self._lost(event, digest)

    def _lost(self, event: Event, digest: str) -> None:
        log.error("the body %s of %s is neither on the bus nor in the store", digest, event.kind)
        self._publisher.publish(
            LossCounted(
                time=self._clock.now(), sensor="hub", session=event.session, what=f"body {digest}",
                count=1, unit="bodies", reason="neither on the bus nor in the store",
            )
        )  # fmt: skip

    async def _project(self, batches: Sequence[Batch]) -> None:
        digests = {
            event.sha256 for batch in batches for event in batch.events if isinstance(event, SampleCaptured)
        }
        for digest in sorted(await asyncio.to_thread(self._unknown, digests)):
            await self._queue.submit(Job(kind="analyse", sha256=digest))
        rows = [
            (batch.stream, batch.sequence, index, event)
            for batch in batches
            for index, event in enumerate(batch.events)
        ]
        await asyncio.to_thread(self.catalogue.apply, rows)

    def _unknown(self, digests: set[str]) -> set[str]:
        with self.catalogue.ask() as queries:
            return {digest for digest in digests if queries.sample(digest) is None}

    async def _maintain(self) -> None:
        """Compact and forget, at quiet intervals."""
        while True:
            await asyncio.sleep(self._settings.hub.maintain_seconds)
            try:
                await asyncio.to_thread(self.events.compact)
                await asyncio.to_thread(self.events.retain)
            except StoreError as error:
                log.error("compaction waits: %s", error)


def _body_of(event: Event) -> str | None:
    """The digest of the body that was put on the bus for this event."""
    if isinstance(event, SessionClose):
        return event.transcript
    if event.kind in _CARRIES_BODY:
        digest: str | None = getattr(event, "sha256", None)
        return digest
    return None
