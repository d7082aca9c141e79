# SPDX-License-Identifier: Apache-2.0
"""`mead run`: everything on one machine, under one supervisor."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from mead.bus.server import NatsServer
from mead.deck import clamd, status
from mead.deck.layout import Layout
from mead.deck.processes import until_told
from mead.deck.settings import Settings
from mead.deck.status import Door
from mead.deck.supervisor import Child, Supervisor, mead_arguments
from mead.errors import ConfigError

__all__ = ["run", "with_own_clamd"]

log = logging.getLogger(__name__)


_POLL_SECONDS = 0.05
_SIGNATURES_SECONDS = 60.0


async def run(
    settings: Settings, config: Path | None, ready: Callable[[list[Door], list[str]], None]
) -> None:
    """Run bus, hub, sensor, workers and clamd until told to stop; `ready` is called once all doors are open.

    Raises:
        MeadError: something that the deck needs cannot be started; the message is the part's own.
    """
    layout = Layout(settings.data_dir)
    layout.make()
    status.forget(layout.status)
    async with NatsServer(layout.bus, settings.bus):
        supervisor = Supervisor()
        try:
            missing = _start(supervisor, settings, config, layout)
            await until_told(_watch(supervisor, layout, missing, ready))
            if supervisor.failure is not None:
                raise supervisor.failure
        finally:
            await supervisor.stop()
            status.forget(layout.status)


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
        ready(opened.result(), missing)
        await failed
    opened.cancel()
    follows.cancel()


async def _follow_signatures(layout: Layout) -> None:
    """Keep the system's signatures among those of our clamd, whatever an update calls them."""
    while True:
        await asyncio.sleep(_SIGNATURES_SECONDS)
        with suppress(OSError):
            await asyncio.to_thread(clamd.follow, layout.clamd)


async def _opened(layout: Layout) -> list[Door]:
    while True:
        try:
            return status.doors(layout)
        except ConfigError:
            await asyncio.sleep(_POLL_SECONDS)


def with_own_clamd(settings: Settings) -> Settings:
    """The settings with the socket and signatures of the deck's own clamd, where it has one."""
    layout = Layout(settings.data_dir)
    engine = clamd.prepare(layout.clamd, stream_max_bytes=settings.analysis.clamd_max_bytes)
    if not settings.hub.clamd or isinstance(engine, str):
        return settings
    analysis = msgspec.structs.replace(
        settings.analysis,
        clamd_socket=str(engine.socket),
        clamd_database=str(engine.database),
        clamd_reload_seconds=0,
    )
    return msgspec.structs.replace(settings, analysis=analysis)
