# SPDX-License-Identifier: Apache-2.0
"""Brings bodies from the bus into the body store, before the events that name them are stored.

A body that an event names and that is nowhere is counted as lost. What lies on the bus and is named by no
event, because its sender died between the two, is brought into the store as well, and the missing event
is counted; of what arrived in part only, the bus is rid.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from mead.bus.bodies import BodyReceiver, Leftover
from mead.bus.client import Bus, BusAwayError, BusFullError
from mead.bus.events import Batch
from mead.bus.publisher import Publisher, publish_once
from mead.clock import Clock
from mead.model.artifact import is_sha256
from mead.model.event import Event, LossCounted, SessionClose
from mead.store.bodies import BodyStore

__all__ = ["BodyMover"]

log = logging.getLogger(__name__)

_CARRIES_BODY = frozenset(
    {
        "sample.captured", "file.uploaded", "fetch.done", "payload.received", "layer.decoded",
        "request.received", "tunnel.requested",
    }
)  # fmt: skip
"""Kinds whose `sha256` names a body that was put on the bus before them."""
_AT_ONCE = 8
_LEFT_OVER_SECONDS = 3600.0
"""Longer than a body waits for its event, however busy its sender is."""


class BodyMover:
    """Brings bodies from the bus into the store; its losses are events of `publisher`'s sensor."""

    def __init__(self, bus: Bus, store: BodyStore, publisher: Publisher, clock: Clock) -> None:
        self._bus = bus
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._receiver = BodyReceiver(bus)
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def keep(self, batches: Iterable[Batch]) -> None:
        """Have every body that these events name in the store.

        Raises:
            StoreError: one could not be written; do it again.
        """
        named: dict[str, tuple[Batch, Event]] = {}
        for batch in batches:
            for event in batch.events:
                if (digest := _body_of(event)) is not None:
                    named.setdefault(digest, (batch, event))
        moving = [self._move(digest, *source) for digest, source in named.items()]
        for result in await asyncio.gather(*moving, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _move(self, digest: str, batch: Batch, event: Event) -> None:
        async with self._places:
            if await self._bring(digest):
                await self._receiver.done(digest)  # also when it was sent again after the store had it
            elif event.origin is None:  # a foreign log names bodies that were never ours
                where = "neither on the bus nor in the store"
                reason = f"{event.kind} of {event.sensor} names it, but it is {where}"
                loss = self._loss(f"body {digest}", "bodies", reason, event.session)
                await self._tell(loss, f"lost:{batch.stream}:{batch.sequence}:{digest}")

    async def _bring(self, digest: str) -> bool:
        """Whether the body is in the store now."""
        if await asyncio.to_thread(self._store.want, digest):
            return True
        data = await self._receiver.take(digest)
        if data is not None:
            await asyncio.to_thread(self._store.put, data)
        return data is not None

    async def sweep(self) -> int:
        """Deal with what was left over on the bus; returns how many bodies.

        Raises:
            StoreError: one could not be written; it stays for the next time.
            BusAwayError: the same.
        """
        leftovers = await self._receiver.leftovers(_LEFT_OVER_SECONDS)
        for leftover in leftovers:
            await self._clear(leftover)
        return len(leftovers)

    async def _clear(self, leftover: Leftover) -> None:
        digest = leftover.sha256
        if not await asyncio.to_thread(self._store.has, digest):
            if leftover.whole and await self._bring(digest):
                reason = "its sender ended before it said how the body came; the body is kept"
                loss = self._loss(f"sighting of {digest}", "events", reason, None)
            else:
                reason = "its sender ended before the whole of it was sent"
                loss = self._loss(f"body {digest}", "bodies", reason, None)
            await self._tell(loss, f"left:{leftover.sequence}:{digest}")
        await self._receiver.done(digest)

    def _loss(self, what: str, unit: str, reason: str, session: str | None) -> LossCounted:
        log.error("lost: %s: %s", what, reason)
        return LossCounted(
            time=self._clock.now(), sensor=self._publisher.sensor, session=session, what=what, count=1,
            unit=unit, reason=reason,
        )  # fmt: skip

    async def _tell(self, loss: LossCounted, name: str) -> None:
        """Publish a loss once, however often a crash has us find it again."""
        while True:
            try:
                return await publish_once(self._bus, self._publisher.sensor, [loss], name)
            except BusFullError:
                return self._publisher.publish(loss)  # waiting here would keep the bus full
            except BusAwayError:
                await self._bus.pause()


def _body_of(event: Event) -> str | None:
    """The digest of the body that was put on the bus for this event."""
    digest: str | None = None
    if isinstance(event, SessionClose):
        digest = event.transcript
    elif event.kind in _CARRIES_BODY:
        digest = getattr(event, "sha256", None)
    return digest if digest is not None and is_sha256(digest) else None
