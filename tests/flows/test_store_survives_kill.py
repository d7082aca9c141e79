"""A writer that is killed at any moment: every event is in the store exactly once, and none that was
acknowledged is missing."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mead.store.events import EventStore
from mead.store.reader import StoredEvents
from mead.store.settings import StoreSettings

MESSAGES = """
import os, random, shutil, sys, threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from mead.model.event import RequestReceived, SessionOpen
from mead.store.events import EventStore
from mead.store.settings import StoreSettings

start = datetime(2026, 3, 1, tzinfo=UTC)

def message(stream, sequence):
    made = random.Random(f"{stream}-{sequence}")
    for _ in range(1 + sequence % 7):
        time = start + timedelta(seconds=made.random() * 3 * 86400)
        src = f"192.0.2.{sequence % 9}"
        yield SessionOpen(time=time, sensor=stream, session=f"{sequence}", src=src, dst_port=23)
        if sequence % 3 == 0:
            headers = [("a", "b")]
            yield RequestReceived(time=time, sensor=stream, method="GET", target="/", headers=headers)

"""

WRITER = (
    MESSAGES
    + """
directory, seed, mode = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
dice = random.Random(seed)
store = EventStore.open(directory, StoreSettings(merge_width=2, grace_seconds=0))
next_of = {stream: store.last_sequence(stream) + 1 for stream in ("one", "two")}
print("ready", flush=True)

def compacting():
    while True:
        store.compact()

if mode == "thread":
    threading.Thread(target=compacting, daemon=True).start()
while True:
    for stream in next_of:
        for _ in range(dice.randrange(1, 4)):
            store.append(stream, next_of[stream], list(message(stream, next_of[stream])))
            if dice.random() < 0.2:
                store.append(stream, next_of[stream], list(message(stream, next_of[stream])))
            next_of[stream] += 1
    store.commit()
    print(*(number - 1 for number in next_of.values()), flush=True)
    if mode == "often" and dice.random() < 0.5:
        store.compact()
"""
)

STEPPER = (
    MESSAGES
    + """
base, work, stride = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])

def in_child(function, *arguments):
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        function(*arguments)
        os._exit(0)
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)

def append(store, first, last):
    for sequence in range(first, last + 1):
        for stream in ("one", "two"):
            store.append(stream, sequence, list(message(stream, sequence)))
    store.commit()

def prepare():
    with EventStore.open(base, StoreSettings(grace_seconds=0)) as store:
        append(store, 1, 3)
        store.compact()
        append(store, 4, 5)

def work_until(step):
    steps = 0
    def count(*_):
        nonlocal steps
        steps += 1
        if steps == step:
            os._exit(9)
    real = os.fsync
    def fsync(handle):
        count()
        real(handle)
        count()
    def audit(event, arguments):
        if event in {"os.rename", "os.remove", "os.mkdir", "os.truncate"}:
            count()
        elif event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR) and str(work) in str(arguments[0]):
            count()
    os.fsync = fsync
    sys.addaudithook(audit)
    with EventStore.open(work, StoreSettings(grace_seconds=0)) as store:
        append(store, 6, 7)
        store.compact()
        store.compact()
        store.retain(0)

def verify():
    with EventStore.open(work, StoreSettings(grace_seconds=0)) as store:
        last = store.last_sequence("one")
        assert last == store.last_sequence("two"), "half a commit"
        assert last in (5, 7), last
        if last == 5:
            append(store, 6, 7)
        store.compact()
        expected = sorted(
            (stream, sequence, at)
            for stream in ("one", "two") for sequence in range(1, 8)
            for at in range(len(list(message(stream, sequence))))
        )
        assert [tuple(entry[:3]) for entry in store.snapshot().events()] == expected
        assert store.problems() == []
        store.compact()
        listed = store.snapshot().manifest.paths()
        assert {str(path.relative_to(work)) for path in work.rglob("*.parquet")} == listed

assert in_child(prepare) == 0
step, tried, ended = 1 - stride, 0, 9
while ended == 9:
    step, tried = step + stride, tried + 1
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(base, work)
    ended = in_child(work_until, step)
    assert in_child(verify) == 0, f"after step {step}"
assert ended == 0
print(tried)
"""
)


def _expected(sequence: int) -> int:
    events = 1 + sequence % 7
    return events * 2 if sequence % 3 == 0 else events


def _round(directory: Path, seed: int, mode: str) -> tuple[int, int]:
    """Start a writer, kill it at a random moment after it was ready, return what it had acknowledged."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory), str(seed), mode],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert writer.stdout is not None
    assert writer.stderr is not None
    first = writer.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.02, 0.5))
    writer.send_signal(signal.SIGKILL)
    said, complaints = writer.communicate()
    assert first == "ready\n", complaints
    assert writer.returncode == -signal.SIGKILL, complaints
    whole = [line for line in said.splitlines(keepends=True) if line.endswith("\n")]
    return tuple(map(int, whole[-1].split())) if whole else (0, 0)  # type: ignore[return-value]  # two numbers


def _check(directory: Path, acknowledged: tuple[int, int]) -> None:
    """What a reader finds right after the kill, before anybody cleaned up."""
    snapshot = StoredEvents(directory).snapshot()
    identities = [(stream, sequence, index) for stream, sequence, index, _ in snapshot.events()]
    for stream, least in zip(("one", "two"), acknowledged, strict=True):
        ranges = snapshot.position.get(stream, ())
        last = ranges[0][1] if ranges else 0
        assert len(ranges) <= 1
        assert last >= least
        expected = [(stream, number, at) for number in range(1, last + 1) for at in range(_expected(number))]
        assert [identity for identity in identities if identity[0] == stream] == expected
    for view, column in (("hourly", "events"), ("attacks", "flows")):
        connection = snapshot.connect()
        wanted = (
            len(identities) if view == "hourly" else sum(1 for _ in snapshot.events(kinds=["session.open"]))
        )
        assert connection.execute(f"SELECT coalesce(sum({column}), 0) FROM {view}").fetchall() == [(wanted,)]
        connection.close()


def _soak(directory: Path, rounds: int, seed: int) -> None:
    acknowledged = (0, 0)
    for number in range(rounds):
        mode = ("often", "thread", "none")[number % 3]
        said = _round(directory, seed + number, mode)
        acknowledged = (max(said[0], acknowledged[0]), max(said[1], acknowledged[1]))
        _check(directory, acknowledged)
    with EventStore.open(directory, StoreSettings(grace_seconds=0)) as store:
        store.compact()
        listed = store.snapshot().manifest.paths()
        assert {str(path.relative_to(directory)) for path in directory.rglob("*.parquet")} == listed
        assert store.problems() == []
    _check(directory, acknowledged)
    assert min(acknowledged) > 0


def test_a_killed_writer_loses_and_doubles_nothing(tmp_path: Path) -> None:
    _soak(tmp_path / "events", rounds=12, seed=100)


def _step_by_step(directory: Path, stride: int) -> int:
    """End the writer at every `stride`th file that it opens, renames, removes or syncs; count the tries."""
    arguments = [str(directory / "base"), str(directory / "work"), str(stride)]
    done = subprocess.run(
        [sys.executable, "-c", STEPPER, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_a_writer_that_ends_at_some_of_its_steps_loses_and_doubles_nothing(tmp_path: Path) -> None:
    assert _step_by_step(tmp_path, stride=11) > 5


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_writer_that_ends_at_any_of_its_steps_loses_and_doubles_nothing(tmp_path: Path) -> None:
    assert _step_by_step(tmp_path, stride=1) > 100


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_writer_killed_two_hundred_times_loses_and_doubles_nothing(tmp_path: Path) -> None:
    _soak(tmp_path / "events", rounds=200, seed=1000)
