# SPDX-License-Identifier: Apache-2.0
"""Every process is killed at random moments under load; nothing that was acknowledged is lost or doubled.

`make soak` runs fifty rounds; MEAD_SOAK_ROUNDS and MEAD_SOAK_SEED choose others.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.flows.crashing import BODY_EVERY, EVENTS, SETTLE_SECONDS, VICTIMS, Deck, Promised, load
from tests.flows.findings import Findings, settle


async def _visit(deck: Deck) -> None:
    """A Telnet peer that says something and leaves, so that the sensor is under load too."""
    with suppress(OSError, ValueError, KeyError):
        port = json.loads((deck.data / "running.json").read_text())["listeners"][0]["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
            peer.sendall(b"root\r\nroot\r\necho crash\r\n")


async def _rounds(deck: Deck, rounds: int, seed: int) -> Promised:
    chance = random.Random(seed)
    promised, stop = Promised(), asyncio.Event()
    loading = asyncio.create_task(load(deck, promised, stop))
    try:
        for number in range(rounds):
            await asyncio.sleep(chance.uniform(0.0, 1.2))
            await _visit(deck)
            assert not loading.done(), loading
            await asyncio.to_thread(deck.kill, VICTIMS[number % len(VICTIMS)])
        before = len(promised.numbers)
        async with asyncio.timeout(SETTLE_SECONDS):
            while len(promised.numbers) < before + 2 * EVENTS * BODY_EVERY:
                await asyncio.sleep(0.1)
    finally:
        stop.set()
        await loading
    return promised


async def _survive(directory: Path, rounds: int, seed: int) -> None:
    begin = time.monotonic()
    deck = await asyncio.to_thread(Deck, directory)
    try:
        promised = await _rounds(deck, rounds, seed)
        assert len(promised.numbers) > 100
        findings = Findings(deck.data, promised)
        await settle(findings)
    finally:
        code = await asyncio.to_thread(deck.stop)
    assert findings.all() == []
    assert code == 0, (directory / "log").read_text()[-3000:]
    assert set(deck.killed) == set(VICTIMS)
    sys.stdout.write(
        f"\n{rounds} rounds, seed {seed}, {time.monotonic() - begin:.0f} s: killed {dict(deck.killed)};"
        f" {len(promised.numbers)} events and {len(promised.digests)} bodies acknowledged, each stored once\n"
    )


@pytest.mark.timeout(500)
async def test_each_process_killed_once_loses_nothing(tmp_path: Path) -> None:
    await _survive(tmp_path, len(VICTIMS), seed=1)


@pytest.mark.soak
@pytest.mark.timeout(3000)
async def test_fifty_rounds_lose_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rounds, seed = int(os.environ.get("MEAD_SOAK_ROUNDS", "50")), int(os.environ.get("MEAD_SOAK_SEED", "2"))
    with capfd.disabled():
        await _survive(tmp_path, rounds, seed)
