# SPDX-License-Identifier: Apache-2.0
"""A full disk: the bus stops, says so, and goes on by itself when there is room, with nothing lost."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mead.bus.disk import WriteErrors, wait_for_room

FULL = "[1] 2026/01/01 00:00:00 [ERR] Filestore [EVENTS_s1] Critical write error: no space left on device\n"
FINE = "[1] 2026/01/01 00:00:00 [INF] Server is ready\n"


def test_a_complaint_is_seen_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    errors = WriteErrors(log)
    assert errors.new() is None, "no log yet"
    log.write_text(FINE + FULL)
    assert errors.new() == "Filestore [EVENTS_s1] Critical write error: no space left on device"
    assert errors.new() is None


def test_a_log_that_was_rotated_is_read_from_its_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    errors = WriteErrors(log)
    log.write_text(FINE * 10)
    assert errors.new() is None
    log.write_text(FULL)
    assert errors.new()


async def test_a_complaint_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mead.bus.disk._POLL_SECONDS", 0.01)
    waiting = asyncio.create_task(WriteErrors(tmp_path / "log").next())
    await asyncio.sleep(0.02)
    (tmp_path / "log").write_text(FULL)
    assert "no space left" in await asyncio.wait_for(waiting, 5)


async def test_room_is_waited_for_and_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("mead.bus.disk._POLL_SECONDS", 0.01)
    monkeypatch.setattr("mead.bus.disk._ROOM_BYTES", 1 << 62)
    waiting = asyncio.create_task(wait_for_room(tmp_path))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    assert caplog.text.count("is full") == 1
    monkeypatch.setattr("mead.bus.disk._ROOM_BYTES", 0)
    await asyncio.wait_for(waiting, 5)


SCENARIO = """
import asyncio, os, pathlib, sys
from datetime import UTC, datetime
from mead.bus import disk
from mead.bus.client import Bus
from mead.bus.events import EventReader
from mead.bus.publisher import Publisher, PublisherSettings
from mead.bus.server import NatsServer
from mead.model.event import CommandInput

disk._POLL_SECONDS, disk._ROOM_BYTES = 0.05, 16 << 20
mount = pathlib.Path(sys.argv[1])

async def main():
    async with NatsServer(mount / "bus") as server, Bus.connect(server.credentials) as bus:
        async with Publisher(bus, "s1", PublisherSettings(compression="none", batch_events=50)) as publisher:
            ballast = os.open(mount / "ballast", os.O_WRONLY | os.O_CREAT)
            os.posix_fallocate(ballast, 0, 50 << 20)
            for n in range(6000):
                publisher.publish(CommandInput(
                    time=datetime.now(UTC), sensor="s1", session=str(n), command=os.urandom(1000).hex()))
            flushed = asyncio.create_task(publisher.flush())
            for _ in range(200):
                await asyncio.sleep(0.05)
                if os.statvfs(mount).f_bavail < 256:
                    break
            await asyncio.sleep(0.2)
            assert not flushed.done() and 0 < publisher.acknowledged < 6000, publisher.acknowledged
            os.ftruncate(ballast, 0)
            await asyncio.wait_for(flushed, 20)
            assert server.restarts == 1 and publisher.dropped == 0
        info = await bus.stream_info("EVENTS_s1")
        async with EventReader(bus, "EVENTS_s1") as reader:
            batches = [await anext(reader) for _ in range(info.state.messages)]
        got = sorted(int(event.session) for batch in batches for event in batch.events)
        assert got == list(range(6000)), len(got)

asyncio.run(main())
print("whole")
"""


@pytest.mark.root
@pytest.mark.tool("unshare")
def test_a_full_disk_loses_and_doubles_nothing(tmp_path: Path) -> None:
    script = tmp_path / "scenario.py"
    script.write_text(SCENARIO)
    mount = tmp_path / "mount"
    mount.mkdir()
    shell = 'mount -t tmpfs -o size=60m tmpfs "$1" && exec "$2" "$3" "$1"'
    command = ["unshare", "-m", "sh", "-c", shell, "sh", str(mount), sys.executable, str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=os.environ)
    if done.returncode and "permission denied" in done.stderr.lower():
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    assert done.stdout == "whole\n", done.stderr
