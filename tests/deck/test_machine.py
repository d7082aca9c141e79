# SPDX-License-Identifier: Apache-2.0
"""One machine under one supervisor: it says when it is up, and whether all is stored when it ends."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import msgspec
import pytest

from mead.deck import machine, status
from mead.deck.layout import Layout
from mead.deck.settings import HubSettings, SensorSettings, Settings
from mead.deck.status import Door
from mead.errors import BusError, ConfigError


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Settings of a deck on a free port, without workers and clamd."""
    return msgspec.structs.replace(
        settings,
        sensor=SensorSettings(addresses=("127.0.0.1",), services={"http": (0,)}),
        hub=HubSettings(commit_seconds=0.05, workers=0, clamd=False),
    )


@pytest.fixture
def written(quick: Settings, tmp_path: Path) -> Path:
    path = tmp_path / "mead.toml"
    path.write_text(
        f'data_dir = "{quick.data_dir}"\n[sensor]\naddresses = ["127.0.0.1"]\nservices = {{http = [0]}}\n'
        "[hub]\ncommit_seconds = 0.05\n"
    )
    return path


async def test_it_runs_until_told_and_a_second_one_does_it_no_harm(
    quick: Settings, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.bus.server._LOCK_SECONDS", 0.2)
    opened: asyncio.Queue[list[Door]] = asyncio.Queue()
    first = asyncio.create_task(machine.run(quick, written, lambda doors, _: opened.put_nowait(doors)))
    async with asyncio.timeout(60):
        (door,) = await opened.get()
    with pytest.raises(BusError, match="in use by another bus"):
        await machine.run(quick, written, lambda *_: None)
    assert status.listeners(Layout(quick.data_dir)) == [door]
    reader, writer = await asyncio.open_connection(door.address, door.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    assert (await reader.read(9)).startswith(b"HTTP/1.")
    writer.close()
    os.kill(os.getpid(), signal.SIGINT)
    async with asyncio.timeout(60):
        assert await first is True
    assert not Layout(quick.data_dir).status.exists()


async def test_a_store_that_is_not_up_is_said(
    quick: Settings, written: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_HUB_SECONDS", 0.1)
    (layout.events / "manifest.json").write_text("broken")
    told: asyncio.Queue[list[str]] = asyncio.Queue()
    running = asyncio.create_task(machine.run(quick, written, lambda _, missing: told.put_nowait(missing)))
    async with asyncio.timeout(60):
        (missing,) = await told.get()
        os.kill(os.getpid(), signal.SIGINT)
        assert await running is False
    assert "the store side is not up yet" in missing


async def test_a_part_that_cannot_start_ends_it_with_its_own_words(quick: Settings, written: Path) -> None:
    written.write_text(written.read_text().replace("http = [0]", "http = []"))
    with pytest.raises(ConfigError, match="nothing to listen on"):
        async with asyncio.timeout(60):
            await machine.run(quick, written, lambda *_: pytest.fail("it is not up"))


async def test_what_the_store_does_not_have_is_not_called_stored(
    quick: Settings, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def behind(_: object) -> list[str]:
        return ["EVENTS_s1"]

    async def lost(_: object) -> list[str]:
        raise BusError("the bus is away")

    async with machine.NatsServer(layout.bus) as server:
        assert await machine._all_stored(server.credentials, layout, quick)
        for answer in (behind, lost):
            monkeypatch.setattr(machine.Way, "behind", answer)
            assert not await machine._all_stored(server.credentials, layout, quick)


def test_workers_find_the_clamd_of_the_deck(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = machine.clamd.Clamd(Path("/clamd"), Path("/conf"), Path("/socket"), Path("/signatures"))
    monkeypatch.setattr(machine.clamd, "prepare", lambda *_, **__: engine)
    found = machine.with_own_clamd(settings).analysis
    assert (found.clamd_socket, found.clamd_database) == ("/socket", "/signatures")
    off = msgspec.structs.replace(settings, hub=HubSettings(clamd=False))
    assert machine.with_own_clamd(off) is off
    monkeypatch.setattr(machine.clamd, "prepare", lambda *_, **__: "no signatures")
    assert machine.with_own_clamd(settings) is settings


async def test_clamd_is_started_when_it_would_know_something(
    quick: Settings, written: Path, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_clamd = msgspec.structs.replace(quick, hub=HubSettings(workers=2, clamd=True))
    engine = machine.clamd.Clamd(Path("/clamd"), Path("/conf"), Path("/socket"), Path("/signatures"))
    for prepared, started, missing in (
        (engine, ["hub", "clamd", "worker-1", "worker-2", "sensor"], []),
        ("no signatures", ["hub", "worker-1", "worker-2", "sensor"], ["no ClamAV findings: no signatures"]),
    ):
        monkeypatch.setattr(machine.clamd, "prepare", lambda *_, prepared=prepared, **__: prepared)
        supervisor = _Noted()
        assert machine._start(supervisor, with_clamd, written, layout) == missing  # type: ignore[arg-type]
        assert supervisor.names == started


class _Noted:
    """A supervisor that only notes whom it was given."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def start(self, child: machine.Child) -> None:
        self.names.append(child.name)
