# SPDX-License-Identifier: Apache-2.0
"""`mead run`: everything on one machine, under one supervisor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from mead.bus.client import Bus
from mead.bus.server import BusAddress, NatsServer
from mead.deck import clamd, status
from mead.deck.embedded import Way
from mead.deck.layout import Layout
from mead.deck.processes import until_told
from mead.deck.settings import Settings
from mead.deck.status import Door
from mead.deck.supervisor import Child, Supervisor, mead_arguments
from mead.errors import BusError, MeadError

__all__ = ["run", "with_own_clamd"]

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_SIGNATURES_SECONDS = 60.0
_ASK_SECONDS = 5.0
_HUB_SECONDS = 10.0


async def run(
    settings: Settings, config: Path | None, ready: Callable[[list[Door], list[str]], None]
) -> bool:
    """Run bus, hub, sensor, workers and clamd until told to stop; `ready` is called once all doors are open.

    Returns whether all that was accepted is in the store; what is not waits on the bus for the next start.

    Raises:
        MeadError: something that the deck needs cannot be started; the message is the part's own.
    """
    layout = Layout(settings.data_dir)
    layout.make()
    async with NatsServer(layout.bus, settings.bus) as server:
        for path in (layout.status, layout.hub_status):
            status.forget(path)  # a killed predecessor's; only now is it sure that nobody else runs here
        supervisor = Supervisor()
        try:
            missing = _start(supervisor, settings, config, layout)
            await until_told(_watch(supervisor, layout, missing, ready))
            if supervisor.failure is not None:
                raise supervisor.failure
        finally:
            await supervisor.stop()
            status.forget(layout.status)
        return await _all_stored(server.credentials, layout, settings)


async def _all_stored(address: BusAddress, layout: Layout, settings: Settings) -> bool:
    try:
        async with asyncio.timeout(_ASK_SECONDS), Bus.connect(address) as bus:
            return not await Way(bus, layout, settings).behind()
    except (MeadError, TimeoutError) as error:
        log.info("whether everything is stored is not known: %s", error)
        return False


def _start(supervisor: Supervisor, settings: Settings, config: Path | None, layout: Layout) -> list[str]:
    """Start the children; returns what is missing, in words."""
    missing = []
    supervisor.start(Child("hub", *mead_arguments(config, "hub")))
    if settings.hub.clamd:
        engine = clamd.prepare(layout.clamd, stream_max_bytes=settings.analysis.clamd_max_bytes)
        if isinstance(engine, str):
            missing.append(f"no ClamAV findings: {engine}")
        else:
            arguments = [f"--config-file={engine.configuration}"]
            supervisor.start(Child("clamd", engine.program, arguments, vital=False))
    for number in range(1, settings.hub.workers + 1):
        supervisor.start(
            Child(f"worker-{number}", *mead_arguments(config, "worker", "--number", str(number)))
        )
    supervisor.start(Child("sensor", *mead_arguments(config, "sensor")))
    return missing


async def _watch(
    supervisor: Supervisor,
    layout: Layout,
    missing: list[str],
    ready: Callable[[list[Door], list[str]], None],
) -> None:
    """Say when the doors are open; return when a vital child cannot run."""
    opened = asyncio.create_task(_opened(layout))
    failed = asyncio.create_task(supervisor.wait_failed())
    follows = asyncio.create_task(_follow_signatures(layout))
    done, _ = await asyncio.wait({opened, failed}, return_when=asyncio.FIRST_COMPLETED)
    if opened in done:
        doors, storing = opened.result()
        if not storing:
            missing = [*missing, "the store side is not up yet; until it is, events wait on the bus"]
        ready(doors, missing)
        await failed
    opened.cancel()
    follows.cancel()


async def _follow_signatures(layout: Layout) -> None:
    """Keep the system's signatures among those of our clamd, whatever an update calls them."""
    while True:
        await asyncio.sleep(_SIGNATURES_SECONDS)
        with suppress(OSError):
            await asyncio.to_thread(clamd.follow, layout.clamd)


async def _opened(layout: Layout) -> tuple[list[Door], bool]:
    """All doors, once they are open, and whether what comes in is being stored."""
    while True:
        try:
            doors = status.listeners(layout)
        except BusError:
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return doors, await _storing(layout)


async def _storing(layout: Layout) -> bool:
    """Wait for the hub, which takes its time when there is much to catch up; not for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_HUB_SECONDS):
            while not status.is_at_work(layout.hub_status):  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(_POLL_SECONDS)
            return True
    return False


def with_own_clamd(settings: Settings) -> Settings:
    """The settings with the socket and signatures of the deck's own clamd, where it has one."""
    if not settings.hub.clamd:
        return settings
    layout = Layout(settings.data_dir)
    engine = clamd.prepare(layout.clamd, stream_max_bytes=settings.analysis.clamd_max_bytes)
    if isinstance(engine, str):
        return settings
    analysis = msgspec.structs.replace(
        settings.analysis,
        clamd_socket=str(engine.socket),
        clamd_database=str(engine.database),
        clamd_reload_seconds=0,
    )
    return msgspec.structs.replace(settings, analysis=analysis)
