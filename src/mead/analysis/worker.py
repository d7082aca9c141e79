# SPDX-License-Identifier: Apache-2.0
"""Takes jobs from the work queue, looks into bodies, publishes what was found.

A job is done when its events are durably on the bus and the bodies that were taken out are in the store.
A job that raises is given back; when it was its last turn, the bus's reaper makes a finding of it.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import msgspec

from mead.analysis.analyser import Artifact, Engine
from mead.analysis.look import Looker
from mead.analysis.pipeline import Edge, Node, Pipeline
from mead.analysis.registry import ANALYSERS
from mead.analysis.settings import AnalysisSettings
from mead.analysis.telling import Teller
from mead.bus.publisher import Publisher
from mead.bus.queue import Job, Lease, WorkQueue
from mead.clock import Clock, SystemClock
from mead.errors import MissingTool
from mead.model.event import EngineReady
from mead.store.bodies import BodyStore

__all__ = ["ANALYSE", "ENGINES", "RESCAN", "Worker"]

_log = logging.getLogger(__name__)

ANALYSE = "analyse"
"""Job kind: look at a body and everything in it."""
RESCAN = "rescan"
"""Job kind: ask the engines with signatures about one body again."""
ENGINES = ("yara", "clamav")
"""Analysers whose answer changes with their signatures."""

_RETRY_SECONDS = 10.0
_WATCH_SECONDS = 30.0
_TELL_SECONDS = 3600.0


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
        self._engines = tuple(
            name for name in ENGINES if not settings.analysers or name in settings.analysers
        )
        self.done = 0
        """Jobs done since the start."""

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch_engines())
            group.create_task(self._work())

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        with ExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="analysis"))
            looker = stack.enter_context(Looker(self._settings))
            # whether a body is encrypted is part of what an engine's answer is worth
            asked = msgspec.structs.replace(self._settings, analysers=("unpack", *self._engines))
            lookers = {ANALYSE: looker, RESCAN: stack.enter_context(Looker(asked))}
            async with self._queue.consume() as leases:
                async for lease in leases:
                    await self._take(lease, lookers, loop, threads)

    async def _watch_engines(self) -> None:
        """Tell which signatures are in force: it is what the hub orders re-scans by."""
        told: dict[str, Engine] = {}
        next_time = 0.0
        loop = asyncio.get_running_loop()
        while True:
            if loop.time() >= next_time:
                told, next_time = {}, loop.time() + _TELL_SECONDS
            found = await asyncio.to_thread(self._ready_engines)
            for name, engine in found.items():
                if told.get(name) != engine:
                    self._publisher.publish(self._ready(name, engine))
            told = told | found
            await asyncio.sleep(_WATCH_SECONDS)

    def _ready_engines(self) -> dict[str, Engine]:
        """Version and signatures of each engine that is there."""
        ready: dict[str, Engine] = {}
        for name in self._engines:
            try:
                engine = ANALYSERS.load(name).engine(self._settings)
            except (MissingTool, OSError) as error:
                _log.debug("%s: %s", name, error)
                continue
            if engine.version is not None:
                ready[name] = engine
        return ready

    def _ready(self, name: str, engine: Engine) -> EngineReady:
        return EngineReady(
            time=self._clock.now(), sensor=self._sensor, analyser=name, engine_version=engine.version,
            database=engine.database,
        )  # fmt: skip

    async def _take(
        self,
        lease: Lease,
        lookers: dict[str, Looker],
        loop: asyncio.AbstractEventLoop,
        threads: ThreadPoolExecutor,
    ) -> None:
        job = lease.job
        try:
            async with lease.kept():
                look = self._scan if job.kind == RESCAN else self._look
                teller, later = await loop.run_in_executor(
                    threads, look, job, lookers.get(job.kind, lookers[ANALYSE])
                )
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
        root = self._root(job)
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
        teller.tree(job.sha256, tree.limits)
        # What a deferred body's own tree leaves over is not queued again: that ends a bomb's work.
        return teller, [] if job.key.startswith("deferred") else later

    def _scan(self, job: Job, looker: Looker) -> tuple[Teller, list[Artifact]]:
        """Ask the engines about this body alone; executed in a thread."""
        root = self._root(job)
        teller = Teller(self._sensor, job.session, self._clock)
        runs = tuple(run for run in looker.look(root) if run.analyser in self._engines)
        teller.tell(Node(sha256=root.sha256, size=len(root.data), depth=root.depth, runs=runs), [])
        return teller, []

    def _root(self, job: Job) -> Artifact:
        return Artifact(data=self._bodies.read(job.sha256), sha256=job.sha256, name=job.name, depth=job.depth)


def _later(job: Job, artifact: Artifact) -> Job:
    return Job(
        kind=ANALYSE, sha256=artifact.sha256, key=f"deferred of {job.sha256}", depth=artifact.depth,
        priority=job.priority - 1, name=artifact.name, sensor=job.sensor, session=job.session,
    )  # fmt: skip
