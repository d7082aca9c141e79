# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up under all parts of the deck at once is told, and nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flows.crashing import BODY_EVERY, EVENTS, SETTLE_SECONDS, Deck, Promised, load
from tests.flows.findings import Findings, settle


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=200m", "none", str(disk)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"cannot mount a small disk: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def _free_bytes(disk: Path) -> int:
    status = os.statvfs(disk)
    return status.f_bavail * status.f_frsize


@pytest.mark.root
@pytest.mark.tool("mount")
@pytest.mark.timeout(700)
async def test_a_full_disk_is_told_and_loses_nothing(small_disk: Path) -> None:
    """Bus, bodies, events and catalogue lie on one disk that fills up under load, and is then cleared."""
    log = small_disk.parent / "log"
    deck = await asyncio.to_thread(Deck, small_disk, log)
    promised, stop = Promised(), asyncio.Event()
    loading = asyncio.create_task(load(deck, promised, stop))
    try:
        async with asyncio.timeout(SETTLE_SECONDS):
            while len(promised.digests) < 5:
                await asyncio.sleep(0.1)
            ballast = os.open(small_disk / "ballast", os.O_WRONLY | os.O_CREAT)
            os.posix_fallocate(ballast, 0, _free_bytes(small_disk) - (400 << 10))
            while "is full" not in log.read_text():
                await asyncio.sleep(0.1)
            await asyncio.sleep(5)  # longer than any part waits before it tries again
            os.ftruncate(ballast, 0)
            os.close(ballast)
            before = len(promised.numbers)
            while len(promised.numbers) < before + 20 * EVENTS * BODY_EVERY:
                await asyncio.sleep(0.1)
        stop.set()
        await loading
        findings = Findings(deck.data, promised)
        await settle(findings)
    finally:
        stop.set()
        code = await asyncio.to_thread(deck.stop)
    said = log.read_text()
    assert findings.all() == []
    assert code == 0, said[-3000:]
    assert "unexpected" not in said
    assert "Traceback" not in said
    assert "given up" not in said


async def test_a_log_that_takes_nothing_more_does_not_end_the_deck(tmp_path: Path) -> None:
    deck = await asyncio.to_thread(Deck, tmp_path, Path("/dev/full"))
    await asyncio.to_thread(deck.kill, "worker")
    async with asyncio.timeout(60):
        while not list(deck.pids("worker")):
            await asyncio.sleep(0.05)
    assert await asyncio.to_thread(deck.stop) == 0
