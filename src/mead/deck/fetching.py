# SPDX-License-Identifier: Apache-2.0
"""The central fetcher of policy `queue`: follows the offers that sensors only handed on.

It runs where the operator wants the fetches to come from (`mead worker --queues fetch`), with the same
gate, and publishes under the identity of the session that saw the offer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from mead.bus.bodies import BodySender
from mead.bus.publisher import Publisher
from mead.bus.queue import Lease, WorkQueue
from mead.clock import Clock
from mead.egress.fetch import Fetcher
from mead.egress.follow import Follower
from mead.egress.gate import Gate
from mead.egress.policy import EgressSettings
from mead.egress.result import Fetched, Request
from mead.model.event import Event, FetchDone, SampleCaptured

__all__ = ["FetchWorker"]

log = logging.getLogger(__name__)

_CONCURRENT = 8


class FetchWorker:
    """Takes fetch jobs and follows them; a job is done when its last attempt is."""

    def __init__(
        self,
        queue: WorkQueue,
        bodies: BodySender,
        publisher: Publisher,
        settings: EgressSettings,
        clock: Clock,
    ) -> None:
        self._queue = queue
        self._bodies = bodies
        self._publisher = publisher
        self._clock = clock
        allowed = msgspec.structs.replace(settings, policy="fetch")
        self._follower = Follower(
            Fetcher(Gate(allowed, clock), clock), clock, publish=publisher.publish, keep=self._keep
        )

    async def run(self) -> None:
        """Work until cancelled."""
        slots = asyncio.Semaphore(_CONCURRENT)
        async with asyncio.TaskGroup() as group, self._queue.consume() as leases:
            async for lease in leases:
                await slots.acquire()
                group.create_task(self._one(lease, slots.release))

    async def _one(self, lease: Lease, release: Callable[[], None]) -> None:
        try:
            async with lease.kept():
                try:
                    request = msgspec.json.decode(lease.job.detail or "", type=Request)
                except msgspec.MsgspecError as error:
                    log.error("a fetch job cannot be read: %s", error)
                    await lease.retry(reason=f"the job cannot be read: {error}")
                    return
                async for event in self._follower.follow(request):
                    self._publish(event, request)
                await self._publisher.flush()
                await lease.done()
        finally:
            release()

    def _publish(self, event: Event, request: Request) -> None:
        self._publisher.publish(event)
        if not isinstance(event, FetchDone):
            return
        self._publisher.publish(
            SampleCaptured(
                time=event.time, sensor=event.sensor, session=event.session, parent=event.parent,
                src=event.src, src_port=event.src_port, dst=event.dst, dst_port=event.dst_port,
                transport=event.transport, service=event.service,
                sha256=event.sha256, size=event.size, how="fetch",
                name=request.url.partition("?")[0].rstrip("/").rpartition("/")[2],
                url=request.url, offer=request.offer,
            )
        )  # fmt: skip

    async def _keep(self, request: Request, fetched: Fetched) -> str:  # noqa: ARG002 - the follower's signature
        return await self._bodies.put(fetched.body)
