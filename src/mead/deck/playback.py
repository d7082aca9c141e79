# SPDX-License-Identifier: Apache-2.0
"""A capture's events one by one: replayed on a thread of its own, no faster than they are taken.

A capture may hold more events than memory does. The replay pushes, its readers pull; between them stands a
short queue, so that neither has to wait for the whole.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from mead.errors import InputError
from mead.model.event import Event, LossCounted
from mead.sensors.desk import Bodies
from mead.sensors.replay import PORTS, ReplayCounts, replay

__all__ = ["Playback"]

_SEED = sha256(b"mead replay").digest()
"""Nobody sees the persona of a replay: a fixed one makes the same capture give the same events."""
_QUEUE_EVENTS = 1_000
_LOOK_SECONDS = 0.2


class Playback:
    """Iterate once over the events of the capture at `path`; then `counts` says what it held.

    `ports` says which service is at which port, besides the usual ones. With `bodies` it must be made in
    the loop that those belong to, and be iterated outside of it.

    Raises:
        InputError: (while iterating) it cannot be read, or is no capture at all.
    """

    def __init__(
        self,
        path: Path,
        sensor: str,
        bodies: Bodies | None = None,
        *,
        ports: Mapping[int, str] | None = None,
    ) -> None:
        self.counts = ReplayCounts()
        self._path = path
        self._sensor = sensor
        self._ports = ports or {}
        self._bodies = None if bodies is None else _Across(bodies, asyncio.get_running_loop())
        self._events: queue.Queue[Event | None] = queue.Queue(_QUEUE_EVENTS)
        self._left = threading.Event()

    def __iter__(self) -> Iterator[Event]:
        with ThreadPoolExecutor(1, "replay") as executor:
            played = executor.submit(self._play)
            try:
                events = self._pulled()
                first, second = next(events, None), next(events, None)
                if isinstance(first, LossCounted) and second is None:
                    self.counts = played.result()
                    self._refuse_without_packets(first.reason)
                yield from (event for event in (first, second) if event is not None)
                yield from events
                self.counts = played.result()
            finally:
                self._left.set()

    def _refuse_without_packets(self, reason: str) -> None:
        if not self.counts.frames:
            raise InputError(f"{self._path}: {reason}; give a pcap or pcapng file")

    def _pulled(self) -> Iterator[Event]:
        while (event := self._events.get()) is not None:
            yield event

    def _play(self) -> ReplayCounts:
        try:
            return asyncio.run(self._replay())
        finally:
            self._put(None)

    async def _replay(self) -> ReplayCounts:
        playing = asyncio.current_task()
        assert playing

        def push(event: Event) -> None:
            if not self._put(event):
                playing.cancel()

        return await replay(
            self._path, self._sensor, _SEED, push, bodies=self._bodies, ports={**PORTS, **self._ports}
        )

    def _put(self, item: Event | None) -> bool:
        """Hand over, waiting for room; `False` when the reader has stopped early."""
        while not self._left.is_set():
            try:
                self._events.put(item, timeout=_LOOK_SECONDS)
            except queue.Full:
                continue
            return True
        return False


class _Across:
    """Bodies are handed over to the loop that owns the connection to the bus."""

    def __init__(self, bodies: Bodies, loop: asyncio.AbstractEventLoop) -> None:
        self._bodies = bodies
        self._loop = loop

    async def put(self, data: bytes) -> str:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._put(data), self._loop))

    async def _put(self, data: bytes) -> str:
        return await self._bodies.put(data)
