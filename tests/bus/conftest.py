# SPDX-License-Identifier: Apache-2.0
"""A real nats-server for each test, on a free port of loopback."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mead.bus.client import Bus
from mead.bus.server import NatsServer
from mead.bus.streams import StreamSettings
from mead.model.event import CommandInput

SHORT = StreamSettings(
    ack_wait_seconds=0.3, events_bytes=32 << 20, bodies_bytes=32 << 20, queue_bytes=8 << 20
)
MakeEvent = Callable[..., CommandInput]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    async with NatsServer(tmp_path / "bus") as running:
        yield running


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with Bus.connect(server.credentials, settings=SHORT) as connected:
        yield connected


@pytest.fixture
def command() -> MakeEvent:
    def make(number: int, sensor: str = "s1", *, padding: int = 0) -> CommandInput:
        return CommandInput(
            time=datetime(2026, 1, 1, tzinfo=UTC), sensor=sensor, session=str(number), command="x" * padding
        )

    return make


@pytest.fixture
def kill() -> Callable[[NatsServer], None]:
    def kill_server(server: NatsServer) -> None:
        if server.pid is None:
            return  # it was killed already, and is being started again
        with suppress(ProcessLookupError):  # it was killed already, and nobody has noticed yet
            os.kill(server.pid, signal.SIGKILL)

    return kill_server


@pytest.fixture
def freeze(server: NatsServer) -> Callable[[], AbstractContextManager[None]]:
    """The server is there but says nothing, as with a hung disk."""

    @contextmanager
    def frozen() -> Iterator[None]:
        assert server.pid
        os.kill(server.pid, signal.SIGSTOP)
        while not _all_threads_stopped(server.pid):
            time.sleep(0.001)
        try:
            yield
        finally:
            os.kill(server.pid, signal.SIGCONT)

    return frozen


def _all_threads_stopped(pid: int) -> bool:
    """A signal is sent before every thread has seen it."""
    states = [
        path.read_text().rpartition(")")[2].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")
    ]
    return all(state == "T" for state in states)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., object]:
    return until
