"""Every process is killed at random moments under load; nothing that was acknowledged is lost or doubled."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mead.bus.bodies import BodySender
from mead.bus.client import Bus, BusAddress
from mead.bus.publisher import Publisher
from mead.model.event import LoginAttempt, SampleCaptured
from mead.store.bodies import BodyStore
from mead.store.reader import StoredEvents

MEAD = str(Path(sys.executable).parent / "mead")
VICTIMS = ("nats-server", "hub", "worker", "sensor", "run")
_START_SECONDS = 60
_SETTLE_SECONDS = 120


class Deck:
    """`mead run` as a process, whose children can be killed one by one."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        self.configuration = directory / "mead.toml"
        self.configuration.write_text(
            f'data_dir = "{self.data}"\n[sensor]\naddresses = ["127.0.0.1"]\n'
            "[sensor.services]\ntelnet = [0]\n"
            "[hub]\ncommit_seconds = 0.05\nclamd = false\nmaintain_seconds = 1\n"
        )
        self.log = (directory / "log").open("ab")
        self.start()

    def start(self) -> None:
        (self.data / "running.json").unlink(missing_ok=True)
        command = [MEAD, "-c", str(self.configuration), "run"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + _START_SECONDS
        while not (self.data / "running.json").exists():
            assert self.process.poll() is None, Path(self.log.name).read_text()[-2000:]
            assert time.monotonic() < deadline, Path(self.log.name).read_text()[-2000:]
            time.sleep(0.05)

    def kill(self, victim: str) -> bool:
        """Kill -9 one process of this deck; false if it is not there right now."""
        if victim == "run":
            self.process.kill()
            self.process.wait()
            self.start()
            return True
        for pid in _children(self.process.pid):
            words = _words(pid)
            if victim in words or Path(words[0]).name == victim:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    return True
        return False

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.log.close()
        return code


def _children(pid: int) -> list[int]:
    with suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _words(pid: int) -> list[str]:
    with suppress(OSError):
        return [word.decode() for word in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if word] or [
            ""
        ]
    return [""]


async def _load(deck: Deck, acknowledged: list[int], digests: list[str], stop: asyncio.Event) -> None:
    """Publish numbered events and bodies as a sensor does, and note what the bus acknowledged."""
    number = 0
    while not (deck.data / "bus" / "address.json").exists():
        await asyncio.sleep(0.05)
    async with (
        Bus.connect(BusAddress.load(deck.data / "bus"), timeout_seconds=_START_SECONDS) as bus,
        Publisher(bus, "crashing") as publisher,
    ):
        sender = BodySender(bus)
        while not stop.is_set():
            body = f"benign body {number}\n".encode() * 4000
            digest = await sender.put(body)
            batch = [
                LoginAttempt(
                    time=datetime.now(UTC), sensor="crashing", session=f"c{number + index}", username="root",
                    password=str(number + index), method="password", success=False,
                )
                for index in range(20)
            ]  # fmt: skip
            captured = SampleCaptured(
                time=datetime.now(UTC), sensor="crashing", session=f"c{number}", sha256=digest,
                size=len(body), how="echo",
            )  # fmt: skip
            await publisher.publish_durably([*batch, captured])
            acknowledged.extend(range(number, number + 20))
            digests.append(digest)
            number += 20
            await asyncio.sleep(0.01)


async def _visit(deck: Deck) -> None:
    """A Telnet peer that says something and leaves, so that the sensor is under load too."""
    with suppress(OSError, ValueError, KeyError):
        import json

        port = json.loads((deck.data / "running.json").read_text())["listeners"][0]["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
            peer.sendall(b"root\r\nroot\r\necho crash\r\n")


async def _rounds(deck: Deck, rounds: int, seed: int) -> tuple[list[int], list[str]]:
    chance = random.Random(seed)
    acknowledged: list[int] = []
    digests: list[str] = []
    stop = asyncio.Event()
    load = asyncio.create_task(_load(deck, acknowledged, digests, stop))
    try:
        for number in range(rounds):
            await asyncio.sleep(chance.uniform(0.2, 1.2))
            await _visit(deck)
            assert not load.done(), load
            await asyncio.to_thread(deck.kill, VICTIMS[number % len(VICTIMS)])
        before = len(acknowledged)
        for _ in range(1200):
            await asyncio.sleep(0.1)
            if len(acknowledged) > before + 40:
                break
    finally:
        stop.set()
        await load
    return acknowledged, digests


def _stored(deck: Deck) -> Counter[int]:
    rows = StoredEvents(deck.data / "events").select("sensor = 'crashing' and kind = 'login.attempt'")
    return Counter(int(row["password"]) for row in rows)


async def _check(deck: Deck, rounds: int, seed: int) -> None:
    acknowledged, digests = await _rounds(deck, rounds, seed)
    assert len(acknowledged) > 100
    deadline = time.monotonic() + _SETTLE_SECONDS
    while not set(acknowledged) <= set(stored := await asyncio.to_thread(_stored, deck)):
        assert time.monotonic() < deadline, (
            f"{len(set(acknowledged) - set(stored))} acknowledged events missing"
        )
        await asyncio.sleep(0.2)
    assert [number for number, count in stored.items() if count > 1] == []
    bodies = BodyStore(deck.data / "bodies")
    for digest in digests:
        assert hashlib.sha256(bodies.read(digest)).hexdigest() == digest
    captured = StoredEvents(deck.data / "events").select("kind = 'sample.captured'")
    assert {row["sha256"] for row in captured} >= set(digests)


async def test_each_process_killed_once_loses_nothing(tmp_path: Path) -> None:
    deck = await asyncio.to_thread(Deck, tmp_path)
    try:
        await _check(deck, len(VICTIMS), seed=1)
    finally:
        code = await asyncio.to_thread(deck.stop)
    assert code == 0


@pytest.mark.soak
@pytest.mark.timeout(3000)
async def test_fifty_rounds_lose_nothing(tmp_path: Path) -> None:
    deck = await asyncio.to_thread(Deck, tmp_path)
    try:
        await _check(deck, 50, seed=2)
    finally:
        await asyncio.to_thread(deck.stop)
