# SPDX-License-Identifier: Apache-2.0
"""The sensor as a process: one identity for good, several processes at the same doors, all or none."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import pytest

from mead.bus.client import Bus
from mead.bus.server import NatsServer
from mead.clock import FakeClock
from mead.deck import sensor as module
from mead.deck.layout import Layout
from mead.deck.sensor import Identity
from mead.deck.settings import SensorSettings, Settings
from mead.errors import BusError, ConfigError


def test_the_identity_is_made_once(settings: Settings, layout: Layout) -> None:
    first = Identity.load(settings, FakeClock())
    second = Identity.load(settings, FakeClock())
    assert first.seed == second.seed
    assert len(first.seed) == 32
    seed = layout.sensor / "seed"
    assert stat.S_IMODE(seed.stat().st_mode) == 0o600
    seed.unlink()
    (layout.sensor / "seed.new").write_bytes(b"what a crash left")
    assert Identity.load(settings, FakeClock()).seed != first.seed


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_half_a_seed_is_not_an_identity(settings: Settings, layout: Layout, content: bytes) -> None:
    (layout.sensor / "seed").write_bytes(content)
    with pytest.raises(ConfigError, match=f"has {len(content)} bytes instead of 32"):
        Identity.load(settings, FakeClock())


def test_a_seed_that_cannot_be_read_is_said(settings: Settings, layout: Layout) -> None:
    (layout.sensor / "seed").mkdir()
    with pytest.raises(ConfigError, match="Is a directory; check data_dir"):
        Identity.load(settings, FakeClock())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can change the user")
def test_a_user_that_is_not_there_is_said_before_anything_is_opened(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "bind", lambda *_, **__: pytest.fail("a port was opened"))
    wrong = Settings(data_dir=settings.data_dir, sensor=SensorSettings(user="nobody-here"))
    with pytest.raises(ConfigError, match=r"sensor\.user: no user 'nobody-here'"):
        module.run(wrong)


def test_without_a_bus_it_says_so(settings: Settings) -> None:
    with pytest.raises(BusError, match="mead run"):
        module.run(settings)


@asynccontextmanager
async def _sensor(layout: Layout, processes: int) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """`mead sensor` with `processes` at one HTTP port, and that port."""
    configuration = layout.root.parent / "mead.toml"
    configuration.write_text(
        f'data_dir = "{layout.root}"\n[sensor]\naddresses = ["127.0.0.1"]\nprocesses = {processes}\n'
        "services = {http = [0]}\n"
    )
    mead = Path(sys.executable).with_name("mead")
    process = await asyncio.create_subprocess_exec(str(mead), "-c", str(configuration), "sensor")
    try:
        async with asyncio.timeout(60):
            while not layout.status.exists():
                await asyncio.sleep(0.02)
        yield process, json.loads(layout.status.read_text())["listeners"][0]["port"]
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(30):
            await process.wait()


async def _asked(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    answer = await reader.read(7)
    writer.close()
    return answer


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_several_processes_share_a_door_and_have_a_stream_each(bus: Bus, layout: Layout) -> None:
    async with _sensor(layout, processes=3) as (process, port):
        assert len(_children(process.pid)) == 2
        async with asyncio.timeout(60):
            while len({name for name in await bus.event_streams() if name.startswith("EVENTS_sensor")}) < 3:
                await asyncio.sleep(0.02)
            assert {await _asked(port) for _ in range(30)} == {b"HTTP/1."}
    assert process.returncode == 0


@pytest.mark.usefixtures("bus")
async def test_when_one_of_several_ends_all_do(layout: Layout) -> None:
    async with _sensor(layout, processes=2) as (process, port):
        async with asyncio.timeout(60):
            await _asked(port)
            (child,) = _children(process.pid)
            os.kill(child, signal.SIGKILL)
            assert await process.wait() == 0


@contextmanager
def _bus_beside(layout: Layout) -> Iterator[None]:
    """A bus on a thread of its own, for a sensor that takes the main one."""
    up, down = threading.Event(), threading.Event()

    async def serve() -> None:
        async with NatsServer(layout.bus):
            up.set()
            await asyncio.to_thread(down.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert up.wait(60)
        yield
    finally:
        down.set()
        thread.join()


def test_it_serves_until_told_and_then_nobody_believes_that_it_does(
    settings: Settings, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropped: list[str] = []
    monkeypatch.setattr(module, "drop_privileges", dropped.append)
    monkeypatch.setattr(module, "die_with_parent", lambda _: None)
    monkeypatch.setattr(module, "quiet_collector", lambda: None)
    settings = msgspec.structs.replace(
        settings, sensor=SensorSettings(addresses=("127.0.0.1",), services={"http": (0,)})
    )
    answers: list[bytes] = []

    def visit() -> None:
        while not layout.status.exists():
            time.sleep(0.02)
        try:
            answers.append(asyncio.run(_asked(json.loads(layout.status.read_text())["listeners"][0]["port"])))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    visitor = threading.Thread(target=visit)
    with _bus_beside(layout):
        visitor.start()
        module.run(settings)
        visitor.join()
    assert answers == [b"HTTP/1."]
    assert dropped == ["nobody"]
    assert not layout.status.exists()


def test_the_loop_is_the_fast_one_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert module._loop_factory() is not None
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert module._loop_factory() is None
