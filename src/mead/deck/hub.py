# SPDX-License-Identifier: Apache-2.0
"""The hub: moves what sensors and workers put on the bus into the store, and hands out work.

For every batch of events the order is: bodies into the body store, events into the event store (commit),
work onto the queue, the catalogue, and only then the bus is told to forget. A crash between any two of
these repeats the later ones at the next start; each of them may be repeated without harm.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Self

from mead.bus.client import Bus, BusAwayError
from mead.bus.events import Batch, EventReader
from mead.bus.publisher import Publisher
from mead.bus.queue import Job, WorkQueue
from mead.bus.reaper import Reaper
from mead.bus.streams import bodies_stream
from mead.clock import Clock, SystemClock
from mead.deck.bodies import BodyMover
from mead.deck.jobs import buried
from mead.deck.layout import Layout
from mead.deck.rescans import Rescans
from mead.deck.retention import Retention
from mead.deck.settings import Settings, catalogue_of
from mead.errors import BusError, StoreError
from mead.model.event import SampleCaptured
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue, Sequenced
from mead.store.events import EventStore

__all__ = ["ANALYSIS_QUEUE", "Hub"]

log = logging.getLogger(__name__)

ANALYSIS_QUEUE = "analysis"
_DISCOVER_SECONDS = 0.5
_RETRY_SECONDS = 2.0
_REFUSED_SECONDS = 30.0
_CATCH_UP_EVENTS = 5_000
_PLACES = 64
"""Batches that are gathered while as many are being stored."""


class _Intake:
    """Batches that were read and are not being stored yet; a bounded number, so that readers wait."""

    def __init__(self, places: int) -> None:
        self._batches: list[Batch] = []
        self._places = asyncio.Semaphore(places)
        self._arrived = asyncio.Event()
        self._full = asyncio.Event()

    async def add(self, batch: Batch) -> None:
        await self._places.acquire()
        self._batches.append(batch)
        self._arrived.set()
        if self._places.locked():
            self._full.set()

    async def take(self) -> list[Batch]:
        """All that is there, as soon as there is any."""
        await self._arrived.wait()
        batches, self._batches = self._batches, []
        self._arrived.clear()
        self._full.clear()
        for _ in batches:
            self._places.release()
        return batches

    async def rest(self, seconds: float) -> None:
        """Let batches gather for so long, or until there is no room for more."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._full.wait()


class Hub:
    """The store side of the deck; use as an asynchronous context manager, then `run`."""

    def __init__(self, bus: Bus, layout: Layout, settings: Settings, clock: Clock | None = None) -> None:
        self._bus = bus
        self._layout = layout
        self._settings = settings
        self._clock = clock or SystemClock()
        self._intake = _Intake(_PLACES)
        self._readers: dict[str, EventReader] = {}
        self._stored_until: dict[str, int] = {}
        """Per stream, what the bus may forget and was not told yet."""
        self._stack = AsyncExitStack()
        self.stored_events = 0

    async def __aenter__(self) -> Self:
        layout, settings = self._layout, self._settings
        self.bodies = await asyncio.to_thread(BodyStore, layout.bodies)
        self.events = await asyncio.to_thread(EventStore.open, layout.events, settings.store)
        self._stack.callback(self.events.close)
        self.catalogue = await asyncio.to_thread(Catalogue.open, catalogue_of(settings))
        self._stack.callback(self.catalogue.close)
        await self._bus.ensure(bodies_stream(self._bus.settings))  # sensors may come later than we do
        self._queue = WorkQueue(self._bus, ANALYSIS_QUEUE)
        publisher = await self._stack.enter_async_context(Publisher(self._bus, "hub", settings.publisher))
        self._mover = BodyMover(self._bus, self.bodies, publisher, self._clock)
        self._retention = Retention(self.events, self.catalogue, self.bodies)
        self._rescans = Rescans(self._queue, self.catalogue, self._clock, days=settings.hub.rescan_days)
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
            group.create_task(self._rescans.run())
            group.create_task(Reaper(self._bus, "hub", epitaph=buried).run())

    async def _catch_up(self) -> None:
        """Project what was committed and not projected when the last hub ended, or all of it."""
        with self.catalogue.ask() as queries:
            after = {stream: ((1, sequence),) for stream, sequence in queries.positions().items()}
        snapshot = self.events.snapshot()
        analysed: set[str] | None = None
        done = 0
        rows = _whole_messages(snapshot.events(after=after), _CATCH_UP_EVENTS)
        while chunk := await asyncio.to_thread(next, rows, None):
            unknown = await self._unknown(chunk)
            if unknown and analysed is None:
                analysed = await asyncio.to_thread(snapshot.analysed)
            done_before = analysed or set()
            await self._hand_out([event for event in unknown if event.sha256 not in done_before])
            await asyncio.to_thread(self.catalogue.apply, chunk)
            done += len(chunk)
        snapshot.close()
        if done:
            log.info("%d events that were stored and not projected are in the catalogue now", done)

    async def _discover(self, group: asyncio.TaskGroup) -> None:
        """Begin to read every event stream that appears."""
        known: set[str] = set()
        while True:
            for stream in set(await self._event_streams()) - known:
                known.add(stream)
                group.create_task(self._read(stream))
            await asyncio.sleep(_DISCOVER_SECONDS)

    async def _event_streams(self) -> list[str]:
        try:
            return await self._bus.event_streams()
        except BusAwayError:
            await self._bus.pause()
            return []

    async def _read(self, stream: str) -> None:
        """Read one stream; when it cannot be read, the others go on."""
        while True:
            try:
                async with EventReader(self._bus, stream, await self._first_unstored(stream)) as reader:
                    self._readers[stream] = reader
                    async for batch in reader:
                        await self._intake.add(batch)
            except BusAwayError:
                await self._bus.pause()
            except BusError as error:
                log.error("%s; trying again in %g s", error, _REFUSED_SECONDS)
                await asyncio.sleep(_REFUSED_SECONDS)

    async def _first_unstored(self, stream: str) -> int:
        """Where to begin reading. What the bus lost behind that, the reader finds."""
        info = await self._bus.stream_info(stream)
        begins = int(info.config.get("first_seq", 0)) if info else 0
        if self.events.last_sequence(stream) < begins - 1:
            self.events.settle(stream, begins - 1)  # the stream was made anew, later than all before
        return max(self.events.last_sequence(stream) + 1, begins)

    async def _store(self) -> None:
        while True:
            batches = await self._intake.take()
            while True:
                try:
                    await self._keep(batches)
                except StoreError as error:
                    if self.events.broken:
                        raise  # the next hub opens it anew and goes on from what is on disk
                    log.error("%s; trying again in %g s, nothing is lost meanwhile", error, _RETRY_SECONDS)
                    await asyncio.sleep(_RETRY_SECONDS)
                else:
                    break
            await self._intake.rest(self._settings.hub.commit_seconds)

    async def _keep(self, batches: Sequence[Batch]) -> None:
        await self._mover.keep(batches)
        await asyncio.to_thread(self._commit, batches)
        rows = [
            (batch.stream, batch.sequence, index, event)
            for batch in batches
            for index, event in enumerate(batch.events)
        ]
        await self._hand_out(await self._unknown(rows))
        await asyncio.to_thread(self.catalogue.apply, rows)
        self._rescans.see(event for *_, event in rows)
        self._stored_until |= {batch.stream: batch.sequence for batch in batches}
        self.stored_events += len(rows)
        await self._acknowledge()

    async def _acknowledge(self) -> None:
        for stream, sequence in tuple(self._stored_until.items()):
            if await self._readers[stream].ack(sequence) and self._stored_until.get(stream) == sequence:
                del self._stored_until[stream]

    def _commit(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            if batch.first:
                self.events.settle(batch.stream, batch.sequence - 1)
            self.events.append(batch.stream, batch.sequence, batch.events)
        self.events.commit()

    async def _unknown(self, rows: Sequence[Sequenced]) -> list[SampleCaptured]:
        """Samples that come for the first time, by their first sighting."""
        captured = [event for *_, event in rows if isinstance(event, SampleCaptured)]
        first = {event.sha256: event for event in reversed(captured)}
        known = await asyncio.to_thread(self._known, set(first)) if first else set()
        return [event for digest, event in sorted(first.items()) if digest not in known]

    def _known(self, digests: set[str]) -> set[str]:
        with self.catalogue.ask() as queries:
            return queries.known_samples(digests)

    async def _hand_out(self, captured: Sequence[SampleCaptured]) -> None:
        """Have samples analysed; the name that one came under may be its password."""
        for event in captured:
            job = Job(
                kind="analyse",
                sha256=event.sha256,
                name=name_of(event),
                sensor=event.sensor,
                session=event.session,
            )
            await self._queue.submit(job)

    async def _maintain(self) -> None:
        """Compact and forget, at quiet intervals."""
        while True:
            await asyncio.sleep(self._settings.hub.maintain_seconds)
            try:
                await asyncio.to_thread(self.events.compact)
                await asyncio.to_thread(self._retention.forget, self._clock.now())
                await self._acknowledge()
                await self._mover.sweep()
            except StoreError as error:
                log.error("compaction waits: %s", error)
            except BusAwayError as error:
                log.debug("leftovers wait: %s", error)


def name_of(event: SampleCaptured) -> str | None:
    """What its sender called a body: the file's name, or the last part of the URL that it came from."""
    if event.name or not event.url:
        return event.name
    path = event.url.partition("://")[2].partition("?")[0].partition("#")[0]
    return path.partition("/")[2].rsplit("/", 1)[-1] or None


def _whole_messages(rows: Iterator[Sequenced], at_least: int) -> Iterator[list[Sequenced]]:
    """Rows in lists of about `at_least`; no message is divided, because a position is that of a message."""
    chunk: list[Sequenced] = []
    for row in rows:
        if len(chunk) >= at_least and chunk[-1][:2] != row[:2]:
            yield chunk
            chunk = []
        chunk.append(row)
    if chunk:
        yield chunk
