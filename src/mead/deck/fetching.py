# SPDX-License-Identifier: Apache-2.0
"""The central fetcher of policy `queue`: follows the offers that sensors only handed on.

It runs where the operator wants the fetches to come from (`mead worker --queues fetch`), with the same
gate, and publishes under the identity of the session that saw the offer. A job stays in the queue until its
last attempt was made: a fetcher that is stopped gives it back with the number of the next attempt, and what
a killed one held comes back when its lease ends.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

import msgspec

from mead.bus.bodies import BodySender
from mead.bus.client import BusAwayError
from mead.bus.publisher import Publisher
from mead.bus.queue import Lease, WorkQueue
from mead.clock import Clock
from mead.deck.jobs import FetchJob
from mead.deck.scripts import offers_of
from mead.egress.fetch import Fetcher
from mead.egress.follow import Follower
from mead.egress.gate import Gate
from mead.egress.policy import EgressSettings
from mead.egress.result import Fetched, Request
from mead.egress.telling import Told, name_in
from mead.model.event import FetchDone, LimitReached, OfferSeen, SampleCaptured

__all__ = ["FetchWorker"]

log = logging.getLogger(__name__)

_HAND_BACK_SECONDS = 5.0


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
        self._max_jobs = settings.max_pending
        allowed = msgspec.structs.replace(settings, policy="fetch")
        self._follower = Follower(Fetcher(Gate(allowed, clock), clock), clock, keep=self._keep)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Work until cancelled."""
        slots = asyncio.Semaphore(self._max_jobs)

        def ended(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            slots.release()
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("a fetch job failed; it comes back when its lease ends", exc_info=error)

        try:
            async with self._queue.consume() as leases:
                while True:
                    await slots.acquire()  # before the lease, which ends when nobody works on it
                    task = asyncio.create_task(self._one(await anext(leases)))
                    self._tasks.add(task)
                    task.add_done_callback(ended)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _one(self, lease: Lease) -> None:
        job = FetchJob.of(lease.job)
        if job is None:
            log.error("a fetch job cannot be read and was removed: %.200r", lease.job.detail)
            await lease.done()
            return
        work = _Work(job, self._publisher)
        try:
            async with lease.kept():
                body = await self._follower.follow(job.request, work.tell, attempt=job.attempt)
                if body:
                    await self._follow_script(job, body)
                work.over = True
                await self._settle(lease)
        except asyncio.CancelledError:
            with suppress(TimeoutError, BusAwayError):  # then the lease ends, and the job comes back so
                async with asyncio.timeout(_HAND_BACK_SECONDS):
                    if not work.over:
                        await self._queue.submit(work.rest.job(again=True))
                    await self._settle(lease)
            raise

    async def _settle(self, lease: Lease) -> None:
        await self._publisher.flush()
        await lease.done()

    async def _follow_script(self, job: FetchJob, body: bytes) -> None:
        """Hand on what a script offers; all scripts below one offer share its room."""
        found = await asyncio.to_thread(lambda: list(offers_of(body, job.request)))
        taken = found[: job.room]
        if len(taken) < len(found):
            self._publisher.publish(
                LimitReached(
                    time=self._clock.now(), sensor=job.request.sensor, session=job.request.session,
                    limit="fetch.offers_below_one", limit_value=job.room, unit="offers",
                )
            )  # fmt: skip
        for request in taken:
            shared = {name: getattr(request, name) for name in Request.__struct_fields__}
            self._publisher.publish(OfferSeen(time=self._clock.now(), **shared))
            room = (job.room - len(taken)) // len(taken)
            await self._queue.submit(FetchJob(request=request, room=room).job())

    async def _keep(self, request: Request, fetched: Fetched) -> str:  # noqa: ARG002 - the follower's signature
        return await self._bodies.put(fetched.body)


class _Work:
    """How far one job has come."""

    def __init__(self, job: FetchJob, publisher: Publisher) -> None:
        self.rest = job
        """The job as another fetcher would have to take it up."""
        self.over = False
        """Whether nothing is left of it."""
        self._publisher = publisher

    def tell(self, event: Told) -> None:
        """Publish what became of an attempt."""
        self._publisher.publish(event)
        if not isinstance(event, FetchDone):
            self.rest = msgspec.structs.replace(self.rest, attempt=event.attempt + 1)
            return
        self._publisher.publish(
            SampleCaptured(
                time=event.time, sensor=event.sensor, session=event.session, parent=event.parent,
                src=event.src, src_port=event.src_port, dst=event.dst, dst_port=event.dst_port,
                transport=event.transport, service=event.service,
                sha256=event.sha256, size=event.size, how="fetch",
                name=name_in(event.url), url=event.url, offer=event.offer,
            )
        )  # fmt: skip
