"""Skips that say why, and the deck that the end-to-end tests share."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MEAD = str(Path(sys.executable).parent / "mead")
_START_SECONDS = 90
_STOP_SECONDS = 60


def pytest_configure() -> None:
    """What `nohup` or a background job of a script ignores is inherited, and would change what is tested."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("needs root")
    for marker in item.iter_markers("tool"):
        for name in marker.args:
            if shutil.which(name) is None and not Path(f"/usr/sbin/{name}").exists():
                pytest.skip(f"needs the program {name}: make setup as root installs it")
    if item.get_closest_marker("soak") and "soak" not in (item.config.getoption("-m") or ""):
        pytest.skip("slow: run by `make soak`")


_YARDSTICK_SECONDS = 0.008
"""What `_yardstick` takes on a core that nobody else uses (AMD EPYC, Python 3.11)."""


def _yardstick() -> float:
    """How much slower than a quiet core this one is now; neighbours cost even CPU seconds."""
    begin = time.process_time()
    words = [f"{number}:{number * 7}" for number in range(20_000)]
    assert len({word.partition(":")[2] for word in words}) == len(words)
    return max(1.0, (time.process_time() - begin) / _YARDSTICK_SECONDS)


@contextmanager
def costs_less(seconds: float) -> Iterator[None]:
    """Check that the block takes fewer CPU seconds, as a quiet core would count them.

    A guard against costs that grow faster than the input, with room for a slow machine: no benchmark.
    """
    slowness = _yardstick()
    begin = time.process_time()
    yield
    spent = time.process_time() - begin
    slowness = max(slowness, _yardstick())
    assert spent < seconds * slowness, (
        f"{spent:.2f} CPU-s on a core {slowness:.1f} times as slow as a quiet one"
    )


@pytest.fixture(scope="session", name="costs_less")
def _costs_less() -> Callable[[float], AbstractContextManager[None]]:
    """The check, for tests."""
    return costs_less


@dataclass(frozen=True)
class RunningDeck:
    """A deck started as a user starts it."""

    directory: Path
    configuration: Path
    process: subprocess.Popen[bytes]

    def mead(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command against this deck."""
        command = [MEAD, "-c", str(self.configuration), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=check, timeout=120)

    @property
    def ports(self) -> dict[str, int]:
        """Port by service."""
        import json

        status = json.loads((self.directory / "data" / "running.json").read_text())
        return {door["service"]: door["port"] for door in status["listeners"]}


_CONFIGURATION = """\
data_dir = "{directory}/data"
[sensor]
addresses = ["127.0.0.1"]
[sensor.services]
telnet = [0]
ssh = [0]
http = [0]
https = [0]
[hub]
commit_seconds = 0.1
clamd = false
"""


@contextmanager
def running_deck(
    directory: Path, more: str = "", *, environment: dict[str, str] | None = None
) -> Iterator[RunningDeck]:
    """`mead run` on free ports of loopback until the block ends; `more` is added to its configuration."""
    configuration = directory / "mead.toml"
    configuration.write_text(_CONFIGURATION.format(directory=directory) + more)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [MEAD, "-c", str(configuration), "run"],
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
        )
    running = RunningDeck(directory, configuration, process)
    deadline = time.monotonic() + _START_SECONDS
    while "The deck is up" not in (directory / "log").read_text():
        assert process.poll() is None, (directory / "log").read_text()
        assert time.monotonic() < deadline, (directory / "log").read_text()
        time.sleep(0.1)
    yield running
    process.send_signal(signal.SIGTERM)
    assert process.wait(_STOP_SECONDS) == 0, (directory / "log").read_text()
    assert "everything accepted is stored" in (directory / "log").read_text()


@pytest.fixture(scope="session")
def deck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDeck]:
    """One deck for all tests that need no settings of their own; they belong to the xdist group "deck"."""
    with running_deck(tmp_path_factory.mktemp("deck")) as running:
        yield running


@pytest.fixture(scope="session")
def start_deck() -> Callable[..., AbstractContextManager[RunningDeck]]:
    """Starts decks with settings of their own."""
    return running_deck
