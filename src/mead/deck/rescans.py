# SPDX-License-Identifier: Apache-2.0
"""Has bodies scanned again when an engine got new signatures: that is how time to detection is learnt.

Workers say which signatures they have (`engine.ready`); what the catalogue lacks of scans with these is
put on the work queue, the youngest bodies first, never more at a time than new samples can wait for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from mead.analysis.worker import RESCAN
from mead.bus.client import BusAwayError
from mead.bus.queue import Job, WorkQueue
from mead.clock import Clock
from mead.errors import StoreError
from mead.model.event import EngineReady, Event
from mead.store.catalogue import Catalogue

__all__ = ["Rescans"]

log = logging.getLogger(__name__)

MAX_WAITING = 20
"""Jobs that may wait in the queue, re-scans or not, before more re-scans are put behind them."""
_AGAIN = timedelta(hours=1)
"""After this a body is asked for again that nobody scanned: its scan failed, or met other signatures."""
_SETTLED = timedelta(minutes=5)
"""So long nothing is asked of the catalogue once nothing was overdue."""
_FIRST_LOOK = timedelta(minutes=2)
"""So long the scans of a body's first look may take to reach the catalogue."""
_PAUSE_SECONDS = 2.0
_IDLE_SECONDS = 30.0


class _Signatures(Struct, frozen=True, kw_only=True):
    """What an engine answers with."""

    version: str | None
    database: str | None


class Rescans:
    """Follows what engines know, and orders re-scans; `run` until cancelled."""

    def __init__(self, queue: WorkQueue, catalogue: Catalogue, clock: Clock, *, days: int) -> None:
        self._queue = queue
        self._catalogue = catalogue
        self._clock = clock
        self._days = days
        self._heard: dict[str, list[_Signatures]] = {}
        """Per engine all signatures that were ever in force, the newest last: workers differ for a while."""
        self._since: dict[str, datetime] = {}
        """Per engine, when we heard of its newest signatures."""
        self._settled: dict[str, datetime] = {}
        """Per engine, when nothing was overdue the last time we looked."""
        self._asked: dict[tuple[str, str], datetime] = {}
        """Engine and body to when a scan was ordered."""

    def see(self, events: Iterable[Event]) -> None:
        """Take notice of what engines say of themselves."""
        for event in events:
            if isinstance(event, EngineReady):
                self._ready(event)

    def _ready(self, event: EngineReady) -> None:
        signatures = _Signatures(version=event.engine_version, database=event.database)
        heard = self._heard.setdefault(event.analyser, [])
        if signatures in heard:
            return
        heard.append(signatures)
        self._since[event.analyser] = self._clock.now()
        self._settled.pop(event.analyser, None)
        self._asked = {key: time for key, time in self._asked.items() if key[0] != event.analyser}
        log.info("%s answers with new signatures: %s", event.analyser, event.database or event.engine_version)

    async def run(self) -> None:
        """Order re-scans until cancelled."""
        while self._days:
            try:
                ordered = await self.order()
            except (StoreError, BusAwayError) as error:
                log.debug("re-scans wait: %s", error)
                ordered = 0
            await asyncio.sleep(_PAUSE_SECONDS if ordered else _IDLE_SECONDS)

    async def order(self) -> int:
        """Put re-scans on the queue as far as there is room; how many."""
        now = self._clock.now()
        self._asked = {key: time for key, time in self._asked.items() if now - time < _AGAIN}
        room = MAX_WAITING - await self._queue.length()
        ordered = 0
        for engine, heard in tuple(self._heard.items()):
            settled = self._settled.get(engine)
            if room <= ordered or (settled and now - settled < _SETTLED):
                continue
            digests = await self._overdue(engine, heard[-1], room - ordered)
            if not digests and now - self._since[engine] > _FIRST_LOOK:
                self._settled[engine] = now  # before that, bodies at their first look are not owed a scan yet
            for digest in digests:
                key = f"{engine} {heard[-1].database or heard[-1].version} {now:%Y-%m-%dT%H:%M}"
                await self._queue.submit(Job(kind=RESCAN, sha256=digest, key=key))
                self._asked |= {(asked, digest): now for asked in self._heard}  # a job asks all of them
            ordered += len(digests)
        return ordered

    async def _overdue(self, engine: str, signatures: _Signatures, limit: int) -> list[str]:
        """Bodies that are owed a scan and were not asked for within the last hour."""
        waiting = {sha256 for name, sha256 in self._asked if name == engine}
        now = self._clock.now()

        def ask() -> list[str]:
            with self._catalogue.ask() as queries:
                return queries.overdue(
                    engine, signatures.version, signatures.database, since=now - timedelta(days=self._days),
                    looked_before=now - _FIRST_LOOK, limit=limit + len(waiting),
                )  # fmt: skip

        return [sha256 for sha256 in await asyncio.to_thread(ask) if sha256 not in waiting][:limit]
