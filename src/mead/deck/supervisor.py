# SPDX-License-Identifier: Apache-2.0
"""Keeps the processes of one machine alive: bus, hub, sensor, workers, clamd.

A child that ends is started again, with growing pauses when it keeps ending; all of them end when the
supervisor does, however that happens. A child that refuses to start (configuration, port, missing tool)
ends the whole deck with its own message and exit code: starting again would not help.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mead.bus.tether import tethered
from mead.errors import BusError, ConfigError, ContainmentError, MeadError, MissingTool

__all__ = ["Child", "Supervisor", "mead_arguments"]

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 15.0
_STEADY_SECONDS = 10.0
_STOP_SECONDS = 20.0
_GONE_SECONDS = 5.0
_MAX_LINE_BYTES = 1 << 16
_OWN = "mead: "
"""How the last line of a `mead` that cannot go on begins."""
_FINAL_CODES = {error.exit_code for error in (ConfigError, MissingTool, ContainmentError)}


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep alive."""

    name: str
    program: Path
    arguments: Sequence[str]
    vital: bool = True
    """Whether the deck ends when this one refuses to start."""


def mead_arguments(config: Path | None, *arguments: str) -> tuple[Path, list[str]]:
    """Program and arguments of a `mead` sub-command of this very installation."""
    run = "from mead.cli.main import main; main()"
    chosen = ["--config", str(config.absolute())] if config else []
    return Path(sys.executable), ["-c", run, *chosen, *arguments]


class Supervisor:
    """Starts children and keeps them; `stop` ends them in reverse order."""

    def __init__(self) -> None:
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._tasks: list[tuple[str, asyncio.Task[None]]] = []
        self._failed: asyncio.Future[MeadError] = asyncio.get_running_loop().create_future()
        self._stopping = False
        self.restarts: dict[str, int] = {}

    def start(self, child: Child) -> None:
        """Keep `child` alive from now on."""
        self._tasks.append((child.name, asyncio.create_task(self._keep(child), name=f"keeps {child.name}")))

    @property
    def failure(self) -> MeadError | None:
        """Why a vital child cannot run at all, if one cannot."""
        return self._failed.result() if self._failed.done() else None

    def pid(self, name: str) -> int | None:
        """Process id of a running child."""
        process = self._processes.get(name)
        return process.pid if process and process.returncode is None else None

    async def wait_failed(self) -> MeadError:
        """The reason why a vital child cannot run at all."""
        return await asyncio.shield(self._failed)

    async def stop(self) -> None:
        """End the children in reverse order, politely first; what they say meanwhile is passed on."""
        self._stopping = True
        for name, task in reversed(self._tasks):
            await self._end(name)
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        self._tasks.clear()

    async def _keep(self, child: Child) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping:
            began = asyncio.get_running_loop().time()
            process = await asyncio.create_subprocess_exec(
                *tethered(child.program, child.arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for the supervisor; it ends the children in order
            )
            self._processes[child.name] = process
            said = await _Talk().pass_on(process)
            code = await process.wait()
            if code in _FINAL_CODES and child.vital:
                if not self._failed.done():
                    self._failed.set_result(_error_of(code, said.last))
                return
            said.flush()
            if self._stopping:
                return
            lived = asyncio.get_running_loop().time() - began
            pause = (
                _FIRST_PAUSE_SECONDS if lived > _STEADY_SECONDS else min(pause * 2, _LONGEST_PAUSE_SECONDS)
            )
            self.restarts[child.name] = self.restarts.get(child.name, 0) + 1
            log.warning("%s ended (%s); started again in %.1f s", child.name, code, pause)
            await asyncio.sleep(pause)

    async def _end(self, name: str) -> None:
        process = self._processes.get(name)
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            log.warning("%s did not end within %g s; it is killed", name, _STOP_SECONDS)
            with suppress(ProcessLookupError):
                process.kill()
            with suppress(TimeoutError):  # some Pythons wait for the pipe too, which its children may hold
                async with asyncio.timeout(_GONE_SECONDS):
                    await process.wait()


class _Talk:
    """What a child says goes to our stderr; its last line is kept back, for it may be why the deck ends."""

    def __init__(self) -> None:
        self.last = ""

    async def pass_on(self, process: asyncio.subprocess.Process) -> Self:
        assert process.stderr
        pending = b""
        while chunk := await process.stderr.read(4096):
            *whole, pending = (pending + chunk)[-_MAX_LINE_BYTES:].split(b"\n")
            for line in whole:
                self._say(line)
        if pending:
            self._say(pending)
        return self

    def _say(self, line: bytes) -> None:
        self.flush()
        self.last = line.decode("utf-8", "replace")
        if not self.last.startswith(_OWN):
            self.flush()

    def flush(self) -> None:
        """Say what was kept back, which is said by nobody else."""
        if self.last:
            with suppress(OSError):  # a full disk under our log ends nobody
                sys.stderr.write(f"{self.last}\n")
                sys.stderr.flush()
        self.last = ""


def _error_of(code: int, said: str) -> MeadError:
    """The child's own error, so that the deck ends with its message and code."""
    message = said.removeprefix(_OWN)
    for kind in (ConfigError, MissingTool, ContainmentError, BusError):
        if kind.exit_code == code:
            return kind(message)
    return MeadError(message)
