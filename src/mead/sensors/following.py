# SPDX-License-Identifier: Apache-2.0
"""Offers handed to the egress follower, and what it fetched handed back to the session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from mead.clock import Clock
from mead.egress.fetch import Fetcher
from mead.egress.follow import Follower
from mead.egress.result import Fetched, Request
from mead.model.event import Event, LossCounted, OfferSeen
from mead.sensors.desk import Bodies

__all__ = ["EgressFollow"]


class EgressFollow:
    """Follows offers by way of the egress gate; a `Follow` of the desk.

    Args of the constructor:
        fetcher: makes single attempts, through the gate.
        clock: time of the events.
        bodies: where what was fetched becomes durable.
        max_pending: offers under way or waiting for their next attempt; more of them are lost and counted.
        enqueue: under policy `queue`, hands the request to the central fetcher.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        clock: Clock,
        bodies: Bodies,
        *,
        max_pending: int = 1000,
        enqueue: Callable[[Request], Awaitable[None]] | None = None,
    ) -> None:
        self._bodies = bodies
        self._clock = clock
        self._max_pending = max_pending
        self._pending = 0
        self._fetched: dict[str, bytes] = {}
        self._follower = Follower(fetcher, clock, publish=_nowhere, keep=self._keep, enqueue=enqueue)

    async def __call__(self, offer: OfferSeen, publish: Callable[[Event], None]) -> bytes | None:
        if self._pending >= self._max_pending:
            publish(
                LossCounted(
                    time=self._clock.now(), sensor=offer.sensor, session=offer.session, what="offer",
                    count=1, unit="offers", reason="too many offers are being followed",
                )
            )  # fmt: skip
            return None
        self._pending += 1
        try:
            async for event in self._follower.follow(Request.of(offer)):
                publish(event)
            return self._fetched.pop(offer.offer, None)
        finally:
            self._pending -= 1
            self._fetched.pop(offer.offer, None)

    async def _keep(self, request: Request, fetched: Fetched) -> str:
        digest = await self._bodies.put(fetched.body)
        self._fetched[request.offer] = fetched.body
        return digest


def _nowhere(event: Event) -> None:
    raise AssertionError(f"an event went past its session: {event}")
