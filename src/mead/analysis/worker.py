# SPDX-License-Identifier: Apache-2.0
"""Takes jobs from the work queue, looks into bodies, publishes what was found.

A job is done when its events are durably on the bus and the bodies that were taken out are in the store.
A job that raises is given back; when it was its last turn, the bus's reaper makes a finding of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import msgspec

from mead.analysis.analyser import Artifact
from mead.analysis.look import Looker
from mead.analysis.pipeline import Edge, Node, Pipeline
from mead.analysis.settings import AnalysisSettings
from mead.analysis.telling import Teller
from mead.bus.publisher import Publisher
from mead.bus.queue import Job, Lease, WorkQueue
from mead.clock import Clock, SystemClock
from mead.store.bodies import BodyStore

__all__ = ["ANALYSE", "ENGINES", "RESCAN", "Worker", "rescan"]

_log = logging.getLogger(__name__)

ANALYSE = "analyse"
"""Job kind: look at a body and everything in it."""
RESCAN = "rescan"
"""Job kind: ask the engines with signatures about one body again."""
ENGINES = ("yara", "clamav")
"""Analysers whose answer changes with their signatures."""

_RETRY_SECONDS = 10.0


async def rescan(queue: WorkQueue, digests: Iterable[str], key: str) -> int:
    """Queue a re-scan of bodies; `key` names the occasion (a new signature set), so that it is done once.

    Returns how many jobs were queued. Each gives an `analysis.done` per engine, which is what the time to
    detection is counted from.
    """
    count = 0
    for sha256 in digests:
        count += await queue.submit(Job(kind=RESCAN, sha256=sha256, key=key))
    return count


class Worker:
    """One worker: one body at a time, parsed in jailed children."""

    def __init__(
        self,
        queue: WorkQueue,
        bodies: BodyStore,
        publisher: Publisher,
        settings: AnalysisSettings,
        *,
        sensor: str = "worker",
        clock: Clock | None = None,
    ) -> None:
        self._queue = queue
        self._bodies = bodies
        self._publisher = publisher
        self._settings = settings
        self._sensor = sensor
        self._clock = clock or SystemClock()
        self.done = 0
        """Jobs done since the start."""

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="analysis"))
            looker = stack.enter_context(Looker(self._settings))
            engines = tuple(
                name for name in ENGINES if not self._settings.analysers or name in self._settings.analysers
            )
            again = stack.enter_context(Looker(msgspec.structs.replace(self._settings, analysers=engines)))
            lookers = {ANALYSE: looker, RESCAN: again}
            async with self._queue.consume() as leases:
                async for lease in leases:
                    await self._take(lease, lookers, loop, threads)

    async def _take(
        self,
        lease: Lease,
        lookers: dict[str, Looker],
        loop: asyncio.AbstractEventLoop,
        threads: ThreadPoolExecutor,
    ) -> None:
        job = lease.job
        looker = lookers.get(job.kind, lookers[ANALYSE])
        try:
            async with lease.kept():
                teller, later = await loop.run_in_executor(threads, self._look, job, looker)
                await self._publisher.publish_durably(teller.events)
                for artifact in later:
                    await self._queue.submit(_later(job, artifact))
                await lease.done()
            self.done += 1
        except Exception as error:  # noqa: BLE001 - one job must not end the worker
            _log.exception("job %s failed, turn %d", job.message_id, lease.attempt)
            await lease.retry(_RETRY_SECONDS, f"{type(error).__name__}: {error}")

    def _look(self, job: Job, looker: Looker) -> tuple[Teller, list[Artifact]]:
        """Run the pipeline; executed in a thread, because it waits for the jail."""
        data = self._bodies.read(job.sha256)
        root = Artifact(data=data, sha256=job.sha256, name=job.name, depth=job.depth)
        teller = Teller(self._sensor, job.session, self._clock)
        later: list[Artifact] = []

        def watch(artifact: Artifact, node: Node, edges: list[Edge]) -> None:
            if artifact is not root:
                self._bodies.put(artifact.data)
            teller.tell(node, edges)

        def defer(artifact: Artifact) -> None:
            self._bodies.put(artifact.data)
            later.append(artifact)

        tree = Pipeline(looker).run(root, watch, defer)
        teller.limits(job.sha256, tree.limits)
        # What a deferred body's own tree leaves over is not queued again: that ends a bomb's work.
        return teller, [] if job.key.startswith("deferred") else later


def _later(job: Job, artifact: Artifact) -> Job:
    return Job(
        kind=ANALYSE, sha256=artifact.sha256, key=f"deferred of {job.sha256}", depth=artifact.depth,
        priority=job.priority - 1, name=artifact.name, sensor=job.sensor, session=job.session,
    )  # fmt: skip
