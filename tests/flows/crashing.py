# SPDX-License-Identifier: Apache-2.0
"""A deck to crash: `mead run` with a load on it, and a note of what the bus acknowledged.

While the load runs, the hub compacts a closed day again and again (there are always late events for it),
forgets days that are too old, projects into the catalogue, and a worker analyses.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mead.bus.bodies import BodySender
from mead.bus.client import Bus, BusAddress
from mead.bus.publisher import Publisher
from mead.model.event import Event, LoginAttempt, SampleCaptured

MEAD = str(Path(sys.executable).parent / "mead")
VICTIMS = ("nats-server", "hub", "worker", "sensor", "run")
_START_SECONDS = 60
SETTLE_SECONDS = 240
EVENTS = 20
BODY_EVERY = 10
"""Batches between two bodies: the worker has to come to the end of them."""


@dataclass
class Promised:
    """What the bus acknowledged."""

    numbers: list[int] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)


class Deck:
    """`mead run` as a process, whose children can be killed one by one."""

    def __init__(self, directory: Path, log: Path | None = None) -> None:
        self.data = directory / "data"
        self.configuration = directory / "mead.toml"
        self.configuration.write_text(
            f'data_dir = "{self.data}"\n[sensor]\naddresses = ["127.0.0.1"]\n'
            "[sensor.services]\ntelnet = [0]\n"
            "[hub]\ncommit_seconds = 0.05\nclamd = false\nmaintain_seconds = 1\n"
            "[store]\nmerge_width = 3\ngrace_seconds = 30\nretention_days = 5\n"
            '[analysis]\nanalysers = ["hashes", "strings"]\n'
        )
        self.log = (log or directory / "log").open("ab")
        self.killed: Counter[str] = Counter()
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

    def kill(self, victim: str) -> None:
        """Kill -9 one process of this deck, as soon as it is there."""
        self.killed[victim] += 1
        if victim == "run":
            self.process.kill()
            self.process.wait()
            self.start()
            return
        deadline = time.monotonic() + _START_SECONDS
        while not self._kill_child(victim):
            assert time.monotonic() < deadline, f"{victim} is not started again"
            time.sleep(0.05)

    def _kill_child(self, victim: str) -> bool:
        for pid in self.pids(victim):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def pids(self, victim: str) -> Iterator[int]:
        for pid in _children(self.process.pid):
            words = _words(pid)
            if victim in words or Path(words[0]).name == victim:
                yield pid

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


def login(number: int) -> Event:
    """One in four comes late, for a day that is closed; the next is so old that it is forgotten at once."""
    late = timedelta(days=(0, 1, 0, 0)[number % 4])
    return LoginAttempt(
        time=datetime.now(UTC) - late, sensor="crashing", session=f"c{number}", src=f"192.0.2.{number % 99}",
        username="root", password=str(number), method="password", success=False,
    )  # fmt: skip


def captured(number: int, digest: str, size: int) -> Event:
    return SampleCaptured(
        time=datetime.now(UTC), sensor="crashing", session=f"c{number}", sha256=digest, size=size, how="echo"
    )


def _forgotten(number: int) -> Event:
    old = datetime.now(UTC) - timedelta(days=30)
    return LoginAttempt(
        time=old, sensor="crashing", session="old", username="root", password=f"old {number}",
        method="password", success=False,
    )  # fmt: skip


async def load(deck: Deck, promised: Promised, stop: asyncio.Event) -> None:
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
            batch = [login(number + index) for index in range(EVENTS)]
            digest = None
            if number % (EVENTS * BODY_EVERY) == 0:
                body = f"benign body {number}\n".encode() * 4000
                digest = await sender.put(body)
                batch += [captured(number, digest, len(body)), _forgotten(number)]
            await publisher.publish_durably(batch)
            promised.numbers.extend(range(number, number + EVENTS))
            if digest:
                promised.digests.append(digest)
            number += EVENTS
            await asyncio.sleep(0.01)
