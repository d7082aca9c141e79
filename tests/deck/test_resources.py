"""What a sensor asks of the machine: open files for its connections, and a collector that waits."""

from __future__ import annotations

import gc
import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from mead.deck import resources
from mead.sensors.host import Limits


class Machine:
    """The limits of a process that may be anything."""

    RLIMIT_NOFILE = resource.RLIMIT_NOFILE

    def __init__(self, soft: int, hard: int, most: int) -> None:
        self.files = (soft, hard)
        self.most = most

    def getrlimit(self, _: int) -> tuple[int, int]:
        return self.files

    def setrlimit(self, _: int, files: tuple[int, int]) -> None:
        if files[1] > self.most:
            raise ValueError("not allowed to raise maximum limit")
        self.files = files


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(soft: int, hard: int, *, root: bool = False, most: int = 1 << 20) -> Machine:
        made = Machine(soft, hard, most)
        monkeypatch.setattr(resources, "resource", made)
        monkeypatch.setattr(resources.os, "geteuid", lambda: 0 if root else 1000)
        return made

    return make


def test_the_usual_soft_limit_is_raised_as_far_as_connections_need_it(machine: Any) -> None:
    there = machine(1024, 1 << 20)
    assert resources.open_files(Limits(max_connections=18_000)) == 18_500
    assert there.files == (18_500, 1 << 20)


def test_a_limit_that_is_high_enough_stays(machine: Any) -> None:
    there = machine(65_536, 65_536)
    assert resources.open_files(Limits()) == 65_536
    assert there.files == (65_536, 65_536)


def test_root_raises_the_hard_limit_too(machine: Any) -> None:
    there = machine(1024, 4096, root=True)
    assert resources.open_files(Limits(max_connections=18_000)) == 18_500
    assert there.files == (18_500, 18_500)


@pytest.mark.parametrize("root", [False, True])
def test_what_cannot_be_raised_makes_fewer_connections_and_is_said(
    machine: Any, caplog: pytest.LogCaptureFixture, root: bool
) -> None:
    machine(1024, 4096, root=root, most=4096)
    assert resources.open_files(Limits(max_connections=18_000)) == 4096
    assert resources.fitted(Limits(max_connections=18_000)).max_connections == 3596
    assert "3596 connections at a time; raise `ulimit -Hn`" in caplog.text


def test_limits_that_fit_are_left_alone(machine: Any) -> None:
    machine(20_000, 20_000)
    limits = Limits(max_connections=18_000)
    assert resources.fitted(limits) is limits


@pytest.fixture
def collector() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("collector")
def test_the_collector_leaves_alone_what_was_loaded_before() -> None:
    kept = [[]]  # type: ignore[var-annotated]
    resources.quiet_collector()
    assert gc.get_freeze_count() > 1000
    assert gc.get_threshold()[0] > 10_000
    assert not any(one is kept for one in gc.get_objects())


def test_a_sensor_started_under_a_low_limit_raises_it_for_itself() -> None:
    code = (
        "import resource as r; r.setrlimit(r.RLIMIT_NOFILE, (256, r.getrlimit(r.RLIMIT_NOFILE)[1]));"
        "from mead.deck.resources import open_files; from mead.sensors.host import Limits;"
        "print(open_files(Limits(max_connections=1000)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "1500\n"
