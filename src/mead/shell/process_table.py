# SPDX-License-Identifier: Apache-2.0
"""What runs on the machine of one session, as `ps` and /proc show it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Final

from mead.shell.persona import ShellPersona
from mead.shell.process_files import process_directory
from mead.shell.running import Running, device_processes, first_free_pid, program_of
from mead.shell.vfs import FileSystem

__all__ = ["ProcessTable"]

_MAX_STARTED: Final = 256
_MAX_COMMAND: Final = 256
_LAST_PID: Final = 32_000
_FIRST_PID_AGAIN: Final = 301


@dataclass(frozen=True, slots=True)
class _Started:
    running: Running
    until: float


class ProcessTable:
    """The processes of the device, the peer's shell, and what the peer started.

    Args of the constructor:
        persona: the device.
        files: where /proc is.
        now: seconds since 1970.
        username: who logged in.
    """

    def __init__(
        self, persona: ShellPersona, files: FileSystem, now: Callable[[], float], username: str
    ) -> None:
        self._persona, self._files, self._now, self._username = persona, files, now, username
        self._killed: set[int] = set()
        self._started: dict[int, _Started] = {}
        self.last_pid = first_free_pid(persona)
        self.words: list[str] = []
        """The command line of the program that runs at the moment."""
        self.shell = self._peers(self.next_pid(), "-bash" if persona.gnu else "-sh", _door(persona))
        self._show(self.shell)
        own = process_directory(persona, self.current, reading=True, mounts=self._mounts)
        files.install("/proc/self", own)

    def _mounts(self) -> bytes:
        return b"".join(
            f"{mount.device} {mount.point} {mount.type} {mount.options} 0 0\n".encode()
            for mount in self._files.mounts
        )

    def _peers(self, pid: int, command: str, parent: int) -> Running:
        program = program_of(self._persona, command)
        size = self._persona.number(f"vsz:{command[:16]}", 1_100, 1_900) * (4 if self._persona.gnu else 1)
        return Running(pid, parent, self._username, command, size, program, terminal=True, since=self._now())

    def next_pid(self) -> int:
        """The number of a new process."""
        self.last_pid = self.last_pid + 1 if self.last_pid < _LAST_PID else _FIRST_PID_AGAIN
        return self.last_pid

    def current(self) -> Running:
        """The program that runs at the moment; the shell itself when none does."""
        if not self.words:
            return self.shell
        return self._peers(self.last_pid + 1, " ".join(self.words)[:_MAX_COMMAND], self.shell.pid)

    def entries(self) -> list[Running]:
        """All that runs, by number, without the program that runs at the moment. O(processes)."""
        now = self._now()
        found = [entry for entry in device_processes(self._persona) if entry.pid not in self._killed]
        found.append(self.shell)
        found += [started.running for started in self._started.values() if now < started.until]
        return sorted(found, key=lambda entry: entry.pid)

    def has(self, pid: int) -> bool:
        """Whether a process runs. O(processes)."""
        return any(entry.pid == pid for entry in self.entries())

    def start(self, pid: int, command: str, until: float = inf) -> None:
        """Something that the peer started runs on, up to a time."""
        if len(self._started) >= _MAX_STARTED:
            return
        running = self._peers(pid, command[:_MAX_COMMAND], self.shell.pid)
        self._started[pid] = _Started(running, until)
        self._show(running)

    def kill(self, pid: int) -> None:
        """End a process."""
        if self._started.pop(pid, None) is None:
            self._killed.add(pid)
        self._hide(pid)

    def tidy(self) -> None:
        """Forget what ended by itself."""
        now = self._now()
        for pid in [pid for pid, started in self._started.items() if now >= started.until]:
            del self._started[pid]
            self._hide(pid)

    def _show(self, running: Running) -> None:
        folder = process_directory(self._persona, lambda: running)
        self._files.install(f"/proc/{running.pid}", folder)

    def _hide(self, pid: int) -> None:
        self._files.uninstall(f"/proc/{pid}")


@lru_cache(maxsize=64)
def _door(persona: ShellPersona) -> int:
    """What let the peer in: the parent of the shell."""
    doors = ("sshd", "telnetd", "dropbear", "inetd")
    found = [entry.pid for entry in device_processes(persona) if entry.name in doors]
    return found[0] if found else 1
