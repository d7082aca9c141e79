"""Children are kept alive, end with the supervisor, and a hopeless one ends the deck."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from mead.deck.supervisor import Child, Supervisor, mead_arguments
from mead.errors import ConfigError

PYTHON = Path(sys.executable)
SLEEPER = Child("sleeper", PYTHON, ["-c", "import time; time.sleep(60)"])


async def _pid(supervisor: Supervisor, name: str, other_than: int | None = None) -> int:
    for _ in range(500):
        pid = supervisor.pid(name)
        if pid is not None and pid != other_than:
            return pid
        await asyncio.sleep(0.02)
    pytest.fail(f"{name} did not start")


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_killed_child_is_started_again_and_ends_with_the_supervisor() -> None:
    supervisor = Supervisor()
    supervisor.start(SLEEPER)
    first = await _pid(supervisor, "sleeper")
    os.kill(first, signal.SIGKILL)
    second = await _pid(supervisor, "sleeper", other_than=first)
    assert supervisor.restarts == {"sleeper": 1}
    await supervisor.stop()
    assert _gone(second)


async def test_a_child_that_refuses_ends_the_deck_with_its_own_words(
    capfd: pytest.CaptureFixture[str],
) -> None:
    supervisor = Supervisor()
    code = "import sys; print('mead: m.toml:3: port 22 is in use', file=sys.stderr); sys.exit(2)"
    supervisor.start(Child("refuser", PYTHON, ["-c", code]))
    error = await asyncio.wait_for(supervisor.wait_failed(), 20)
    assert isinstance(error, ConfigError)
    assert str(error) == "m.toml:3: port 22 is in use"
    await supervisor.stop()
    assert "port 22 is in use" not in capfd.readouterr().err  # whoever gets the error says it, once


async def test_what_children_say_is_passed_on_to_their_last_word(capfd: pytest.CaptureFixture[str]) -> None:
    supervisor = Supervisor()
    code = (
        "import signal, sys, time\n"
        "def end(*_): print('x' * 300_000 + ' last', file=sys.stderr); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('mead: first', 'second', sep='\\n', file=sys.stderr, flush=True); time.sleep(60)\n"
    )
    supervisor.start(Child("talker", PYTHON, ["-c", code]))
    said = ""
    for _ in range(500):
        said += capfd.readouterr().err
        if "second" in said:
            break
        await asyncio.sleep(0.02)
    assert said == "mead: first\nsecond\n"
    await supervisor.stop()
    assert capfd.readouterr().err.endswith("xxx last\n")
    assert supervisor.restarts == {}


async def test_the_last_word_of_a_child_that_is_started_again_is_said(
    capfd: pytest.CaptureFixture[str],
) -> None:
    supervisor = Supervisor()
    code = "import sys; sys.stderr.write('mead: the store is away'); sys.exit(12)"
    supervisor.start(Child("hub", PYTHON, ["-c", code]))
    for _ in range(500):
        if supervisor.restarts:
            break
        await asyncio.sleep(0.02)
    await supervisor.stop()
    assert "mead: the store is away\n" in capfd.readouterr().err


async def test_a_child_that_may_be_missing_does_not_end_the_deck() -> None:
    supervisor = Supervisor()
    supervisor.start(Child("extra", PYTHON, ["-c", "import sys; sys.exit(2)"], vital=False))
    for _ in range(500):
        if supervisor.restarts.get("extra"):
            break
        await asyncio.sleep(0.02)
    assert supervisor.restarts["extra"] >= 1
    await supervisor.stop()


async def test_the_mead_command_of_this_installation_is_started(tmp_path: Path) -> None:
    program, arguments = mead_arguments(tmp_path / "mead.toml", "version")
    assert arguments[-3:] == ["--config", str(tmp_path / "mead.toml"), "version"]
    process = await asyncio.create_subprocess_exec(
        str(program), *mead_arguments(None, "version")[1], stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert b"mead" in said
