# SPDX-License-Identifier: Apache-2.0
"""Every process is killed at random moments under load; nothing that was acknowledged is lost or doubled.

Nor when the disk fills up under all parts of the store at once.

While the load runs, the hub compacts a closed day again and again (there are always late events for it),
forgets days that are too old, projects into the catalogue, and a worker analyses. What is checked at the
end, and that each check notices what it is for, is in `Findings`.

`make soak` runs fifty rounds; MEAD_SOAK_ROUNDS and MEAD_SOAK_SEED choose others.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mead.bus.bodies import BodySender
from mead.bus.client import Bus, BusAddress
from mead.bus.publisher import Publisher
from mead.model.event import AnalysisDone, Event, LoginAttempt, SampleCaptured
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.events import EventStore
from mead.store.reader import StoredEvents

MEAD = str(Path(sys.executable).parent / "mead")
VICTIMS = ("nats-server", "hub", "worker", "sensor", "run")
_START_SECONDS = 60
_SETTLE_SECONDS = 240
_EVENTS = 20
_BODY_EVERY = 10
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
        for pid in self._pids(victim):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def _pids(self, victim: str) -> Iterator[int]:
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


def _login(number: int) -> Event:
    """One in four comes late, for a day that is closed; the next is so old that it is forgotten at once."""
    late = timedelta(days=(0, 1, 0, 0)[number % 4])
    return LoginAttempt(
        time=datetime.now(UTC) - late, sensor="crashing", session=f"c{number}", src=f"192.0.2.{number % 99}",
        username="root", password=str(number), method="password", success=False,
    )  # fmt: skip


def _captured(number: int, digest: str, size: int) -> Event:
    return SampleCaptured(
        time=datetime.now(UTC), sensor="crashing", session=f"c{number}", sha256=digest, size=size, how="echo"
    )


def _forgotten(number: int) -> Event:
    old = datetime.now(UTC) - timedelta(days=30)
    return LoginAttempt(
        time=old, sensor="crashing", session="old", username="root", password=f"old {number}",
        method="password", success=False,
    )  # fmt: skip


async def _load(deck: Deck, promised: Promised, stop: asyncio.Event) -> None:
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
            batch = [_login(number + index) for index in range(_EVENTS)]
            digest = None
            if number % (_EVENTS * _BODY_EVERY) == 0:
                body = f"benign body {number}\n".encode() * 4000
                digest = await sender.put(body)
                batch += [_captured(number, digest, len(body)), _forgotten(number)]
            await publisher.publish_durably(batch)
            promised.numbers.extend(range(number, number + _EVENTS))
            if digest:
                promised.digests.append(digest)
            number += _EVENTS
            await asyncio.sleep(0.01)


async def _visit(deck: Deck) -> None:
    """A Telnet peer that says something and leaves, so that the sensor is under load too."""
    with suppress(OSError, ValueError, KeyError):
        port = json.loads((deck.data / "running.json").read_text())["listeners"][0]["port"]
        with socket.create_connection(("127.0.0.1", port), timeout=1) as peer:
            peer.sendall(b"root\r\nroot\r\necho crash\r\n")


async def _rounds(deck: Deck, rounds: int, seed: int) -> Promised:
    chance = random.Random(seed)
    promised, stop = Promised(), asyncio.Event()
    load = asyncio.create_task(_load(deck, promised, stop))
    try:
        for number in range(rounds):
            await asyncio.sleep(chance.uniform(0.0, 1.2))
            await _visit(deck)
            assert not load.done(), load
            await asyncio.to_thread(deck.kill, VICTIMS[number % len(VICTIMS)])
        before = len(promised.numbers)
        async with asyncio.timeout(_SETTLE_SECONDS):
            while len(promised.numbers) < before + 2 * _EVENTS * _BODY_EVERY:
                await asyncio.sleep(0.1)
    finally:
        stop.set()
        await load
    return promised


class Findings:
    """What is wrong with a deck's store, in words; none of it may be."""

    def __init__(self, data: Path, promised: Promised) -> None:
        self._data = data
        self._promised = promised

    def unsettled(self) -> list[str]:
        """What may still be on its way."""
        connection = StoredEvents(self._data / "events").connect()
        stored = {int(row[0]) for row in connection.execute(_NUMBERS).fetchall()}
        analysed = {row[0] for row in connection.execute(_ANALYSED).fetchall()}
        connection.close()
        numbers, digests = set(self._promised.numbers), set(self._promised.digests)
        with Catalogue.open(self._data / "catalogue.sqlite") as catalogue, catalogue.ask() as queries:
            known = queries.known_samples(digests)
        missing = {
            "acknowledged events": numbers - stored,
            "samples in the catalogue": digests - known,
            "analyses": digests - analysed,
        }
        return [f"{len(what)} {name} are missing" for name, what in missing.items() if what]

    def all(self) -> list[str]:
        """Everything, once the deck has stopped."""
        return [*self.unsettled(), *self._of_events(), *self._of_bodies(), *self._of_catalogue()]

    def _of_events(self) -> Iterator[str]:
        store = StoredEvents(self._data / "events")
        connection = store.connect()
        for what, query in _DOUBLED.items():
            if doubled := connection.execute(query).fetchall():
                yield f"{len(doubled)} {what} are stored more than once, first {doubled[0]}"
        for name, column in (("hourly", "events"), ("source_day", "events")):
            rolled, raw = connection.execute(_ROLLED[name].format(column=column)).fetchall()[0]
            if rolled != raw:
                yield f"the rollup {name} counts {rolled} events, there are {raw}"
        connection.close()
        yield from store.problems()
        listed = store.snapshot().manifest.paths()
        found = {str(path.relative_to(store.directory)) for path in store.directory.rglob("*.parquet")}
        if orphans := found - listed:
            yield f"{len(orphans)} files belong to nothing, first {min(orphans)}"

    def _of_bodies(self) -> Iterator[str]:
        bodies = BodyStore(self._data / "bodies")
        for digest in bodies.digests():
            if hashlib.sha256(bodies.path(digest).read_bytes()).hexdigest() != digest:
                yield f"body {digest} is torn"
        for digest in self._promised.digests:
            if not bodies.has(digest):
                yield f"body {digest} was acknowledged and is missing"
        for name in ("tmp", "quarantine"):
            if left := list((bodies.directory / name).iterdir()):
                yield f"{len(left)} files are left in bodies/{name}"

    def _of_catalogue(self) -> Iterator[str]:
        with Catalogue.open(self._data / "catalogue.sqlite") as catalogue, catalogue.ask() as queries:
            for digest in self._promised.digests:
                sample = queries.sample(digest)
                if sample and sample.sightings != 1:
                    yield f"the catalogue counts {sample.sightings} sightings of {digest}, there was one"


_OURS = "sensor = 'crashing' AND kind = 'login.attempt' AND session <> 'old'"
_NUMBERS = f"SELECT password FROM events WHERE {_OURS}"
_ANALYSED = "SELECT DISTINCT sha256 FROM events WHERE kind = 'analysis.done'"
_DOUBLED = {
    "events": f"SELECT password FROM events WHERE {_OURS} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1",
    "captures": "SELECT sha256 FROM events WHERE sensor = 'crashing' AND kind = 'sample.captured'"
    " GROUP BY 1 HAVING count(*) > 1 ORDER BY 1",
    "identities": "SELECT stream, seq, idx FROM events GROUP BY ALL HAVING count(*) > 1 ORDER BY ALL",
}
_ROLLED = {
    "hourly": "SELECT (SELECT sum({column}) FROM hourly), (SELECT count(*) FROM events)",
    "source_day": "SELECT (SELECT sum({column}) FROM source_day),"
    " (SELECT count(*) FROM events WHERE src IS NOT NULL)",
}


async def _settle(findings: Findings) -> None:
    deadline = time.monotonic() + _SETTLE_SECONDS
    while unsettled := await asyncio.to_thread(findings.unsettled):
        assert time.monotonic() < deadline, unsettled
        await asyncio.sleep(0.5)


async def _survive(directory: Path, rounds: int, seed: int) -> None:
    begin = time.monotonic()
    deck = await asyncio.to_thread(Deck, directory)
    try:
        promised = await _rounds(deck, rounds, seed)
        assert len(promised.numbers) > 100
        findings = Findings(deck.data, promised)
        await _settle(findings)
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
    load = asyncio.create_task(_load(deck, promised, stop))
    try:
        async with asyncio.timeout(_SETTLE_SECONDS):
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
            while len(promised.numbers) < before + 20 * _EVENTS * _BODY_EVERY:
                await asyncio.sleep(0.1)
        stop.set()
        await load
        findings = Findings(deck.data, promised)
        await _settle(findings)
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
        while not list(deck._pids("worker")):
            await asyncio.sleep(0.05)
    assert await asyncio.to_thread(deck.stop) == 0


class Store:
    """A store as the deck leaves it behind, to damage."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.bodies = BodyStore(data / "bodies")
        self.promised = Promised()
        self.sequence = 0
        for number in range(0, 60, _EVENTS):
            body = f"body {number}".encode()
            digest = self.bodies.put(body).sha256
            done = AnalysisDone(
                time=datetime.now(UTC), sensor="worker-1", sha256=digest, analyser="hashes", verdict="done"
            )
            self.take(*map(_login, range(number, number + _EVENTS)), _captured(number, digest, 7), done)
            self.promised.numbers.extend(range(number, number + _EVENTS))
            self.promised.digests.append(digest)

    def take(self, *events: Event, project: bool = True, store: bool = True) -> None:
        self.sequence += 1
        rows = [("s", self.sequence, index, event) for index, event in enumerate(events)]
        if store:
            with EventStore.open(self.data / "events") as writer:
                writer.append("s", self.sequence, events)
                writer.commit()
        if project:
            with Catalogue.open(self.data / "catalogue.sqlite") as catalogue:
                catalogue.apply(rows)

    def tear(self) -> None:
        path = self.bodies.path(self.promised.digests[0])
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1])


def _leave_a_file(store: Store) -> None:
    (store.data / "events" / "day=2026-01-01").mkdir()
    (store.data / "events" / "day=2026-01-01" / "raw-orphan.parquet").write_bytes(b"PAR1")


DAMAGES: dict[str, Callable[[Store], object]] = {
    "1 acknowledged events are missing": lambda store: store.promised.numbers.append(99),
    "1 events are stored more than once, first ('7',)": lambda store: store.take(_login(7)),
    "1 captures are stored more than once": lambda store: store.take(
        _captured(0, store.promised.digests[0], 7)
    ),
    "the catalogue counts 2 sightings": lambda store: store.take(
        _captured(0, store.promised.digests[0], 7), store=False
    ),
    "is torn": lambda store: store.tear(),
    "was acknowledged and is missing": lambda store: store.bodies.path(store.promised.digests[1]).unlink(),
    "files are left in bodies/quarantine": lambda store: (store.data / "bodies/quarantine/x").touch(),
    "1 samples in the catalogue are missing": lambda store: store.promised.digests.append("a" * 64),
    "1 analyses are missing": lambda store: store.promised.digests.append("b" * 64),
    "1 files belong to nothing": _leave_a_file,
}


@pytest.mark.parametrize("words", DAMAGES)
def test_the_check_notices_each_damage(tmp_path: Path, words: str) -> None:
    store = Store(tmp_path)
    findings = Findings(tmp_path, store.promised)
    assert findings.all() == []
    DAMAGES[words](store)
    assert any(words in finding for finding in findings.all())
