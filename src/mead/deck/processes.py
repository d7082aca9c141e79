# SPDX-License-Identifier: Apache-2.0
"""Hub and worker as processes: run until told to stop, then end in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any

from mead.analysis.worker import Worker
from mead.bus.bodies import BodySender
from mead.bus.client import Bus, BusAddress
from mead.bus.publisher import Publisher
from mead.bus.queue import WorkQueue
from mead.clock import SystemClock
from mead.deck import status
from mead.deck.embedded import Way
from mead.deck.fetching import FetchWorker
from mead.deck.hub import ANALYSIS_QUEUE, Hub
from mead.deck.jobs import FETCH_QUEUE
from mead.deck.layout import Layout
from mead.deck.resources import quiet_collector
from mead.deck.settings import Settings, egress_of
from mead.errors import ConfigError, MeadError
from mead.sensors.listeners import drop_privileges
from mead.store.bodies import BodyStore

__all__ = ["QUEUES", "hub", "until_told", "worker"]

log = logging.getLogger(__name__)

QUEUES = (ANALYSIS_QUEUE, FETCH_QUEUE)
_BUS_SECONDS = 60.0
_FINISH_SECONDS = 5.0
_POLL_SECONDS = 0.05


async def until_told(
    work: Coroutine[Any, Any, None], *, finish: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Run `work` until it ends, or until SIGTERM or SIGINT; then cancel it.

    When told to stop, the work goes on until `finish` returns, for a few seconds at the most.
    When several parts of it run side by side and one fails, that one's own error is raised.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    if finish is not None and not task.done():
        with suppress(TimeoutError, MeadError):
            async with asyncio.timeout(_FINISH_SECONDS):
                await finish()
    stopped.cancel()
    task.cancel()
    try:
        with suppress(asyncio.CancelledError):
            await task
    except ExceptionGroup as group:
        raise _cause(group) from group


def _cause(error: Exception) -> Exception:
    """What lies behind groups of errors: one that is meant for people, if there is any."""
    if not isinstance(error, ExceptionGroup):
        return error
    causes = [_cause(inner) for inner in error.exceptions]
    return next((cause for cause in causes if isinstance(cause, MeadError)), causes[0])


async def hub(settings: Settings) -> None:
    """The hub, until told to stop; what sensors said while they ended is stored before."""
    quiet_collector()
    layout = Layout(settings.data_dir)
    layout.make()
    address = BusAddress.load(layout.bus)
    async with (
        Bus.connect(address, timeout_seconds=_BUS_SECONDS) as bus,
        Hub(bus, layout, settings) as running,
    ):
        way = Way(bus, layout, settings)

        async def drained() -> None:
            while await way.behind():  # noqa: ASYNC110 - the hub does not know what is still to come
                await asyncio.sleep(_POLL_SECONDS)

        status.listening(layout.hub_status, ())
        try:
            await until_told(running.run(), finish=drained)
        finally:
            status.forget(layout.hub_status)


async def worker(settings: Settings, queues: tuple[str, ...], number: int = 1) -> None:
    """A worker on the named queues, until told to stop; one that only fetches gives up root.

    Raises:
        ConfigError: there is no queue or user of that name.
    """
    if unknown := set(queues) - set(QUEUES):
        raise ConfigError(f"no queue is called {', '.join(sorted(unknown))}; known: {', '.join(QUEUES)}")
    layout = Layout(settings.data_dir)
    layout.make()
    address = BusAddress.load(layout.bus)
    name = f"worker-{number}"
    if set(queues) == {FETCH_QUEUE}:
        name = f"fetcher-{number}"
        address.seed()
        drop_privileges(settings.egress.user, setting="egress.user")
    elif FETCH_QUEUE in queues and os.geteuid() == 0:
        log.warning("a fetcher that analyses too stays root; run `mead worker --queues fetch` beside it")
    async with (
        Bus.connect(address, timeout_seconds=_BUS_SECONDS) as bus,
        Publisher(bus, name, settings.publisher) as publisher,
    ):
        await until_told(_work(bus, publisher, layout, settings, queues, name))


async def _work(
    bus: Bus, publisher: Publisher, layout: Layout, settings: Settings, queues: tuple[str, ...], name: str
) -> None:
    async with asyncio.TaskGroup() as group:
        if ANALYSIS_QUEUE in queues:
            analysis = Worker(
                WorkQueue(bus, ANALYSIS_QUEUE),
                BodyStore(layout.bodies),
                publisher,
                settings.analysis,
                sensor=name,
            )
            group.create_task(analysis.run())
        if FETCH_QUEUE in queues:
            fetching = FetchWorker(
                WorkQueue(bus, FETCH_QUEUE), BodySender(bus), publisher, egress_of(settings), SystemClock()
            )
            group.create_task(fetching.run())
