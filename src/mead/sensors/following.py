# SPDX-License-Identifier: Apache-2.0
"""Offers handed to the egress follower, and what it fetched handed back to the session."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mead.clock import Clock
from mead.egress.fetch import Fetcher
from mead.egress.follow import Follower
from mead.egress.result import Fetched, Request
from mead.model.event import Event, OfferSeen
from mead.sensors.desk import Bodies

__all__ = ["EgressFollow"]


class EgressFollow:
    """Follows offers by way of the egress gate; a `Follow` of the desk.

    Args of the constructor:
        fetcher: makes single attempts, through the gate.
        clock: time of the events.
        bodies: where what was fetched becomes durable.
        enqueue: under policy `queue`, hands the request to the central fetcher.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        clock: Clock,
        bodies: Bodies,
        *,
        enqueue: Callable[[Request], Awaitable[None]] | None = None,
    ) -> None:
        self._bodies = bodies
        self._follower = Follower(fetcher, clock, keep=self._keep, enqueue=enqueue)

    async def __call__(self, offer: OfferSeen, publish: Callable[[Event], None]) -> bytes | None:
        request = Request.of(offer)
        try:
            return await self._follower.follow(request, publish)
        except asyncio.CancelledError:
            publish(self._follower.given_up(request))
            raise

    def stop(self) -> None:
        """Begin no attempt any more."""
        self._follower.stop()

    async def _keep(self, request: Request, fetched: Fetched) -> str:  # noqa: ARG002 - the follower's signature
        return await self._bodies.put(fetched.body)
