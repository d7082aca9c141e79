# SPDX-License-Identifier: Apache-2.0
"""The processes of an emulated device, before anybody logs in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mead.shell.persona import ShellPersona
from mead.shell.places_tables import APART, PLACES

__all__ = ["Running", "device_processes", "first_free_pid"]

_KERNEL: Final = (
    "[kthreadd]", "[ksoftirqd/0]", "[kworker/0:0H]", "[khelper]", "[kdevtmpfs]", "[bdi-default]", "[kblockd]",
    "[kswapd0]",
)  # fmt: skip
_APPLETS: Final = frozenset(name for names in PLACES.values() for name in names) - APART
_MULTI_CALL: Final = "/bin/busybox"


@dataclass(frozen=True, slots=True)
class Running:
    """One process.

    Attributes:
        pid: its number.
        parent: that of its parent.
        user: account it belongs to.
        command: words of its command line, joined by blanks; a thread of the kernel stands in brackets.
        size_kib: virtual memory; 0 for a thread of the kernel.
        program: path of the file that it runs.
        terminal: whether it belongs to the peer's terminal.
        since: when it began, in seconds since 1970; 0 for the start of the machine.
    """

    pid: int
    parent: int
    user: str
    command: str
    size_kib: int
    program: str = ""
    terminal: bool = False
    since: float = 0.0

    @property
    def name(self) -> str:
        """What `ps -o comm` and killall know it by."""
        if not self.size_kib:
            return self.command.strip("[]")
        return self.command.lstrip("-").partition(" ")[0].rstrip(":").rpartition("/")[2]

    @property
    def resident_kib(self) -> int:
        """Physical memory."""
        return self.size_kib // 3


@lru_cache(maxsize=64)
def device_processes(persona: ShellPersona) -> tuple[Running, ...]:
    """What runs on the device since it was started, by number."""
    first, least, most = ("/sbin/init", 6_000, 90_000) if persona.gnu else ("init", 700, 9_000)
    size = persona.number("vsz:init", 100_000, 170_000) if persona.gnu else 1_568
    found = [Running(1, 0, "root", first, size, program_of(persona, first))]
    found += [Running(pid, 2 if pid > 2 else 0, "root", name, 0) for pid, name in enumerate(_KERNEL, 2)]
    pid = 60
    for daemon in persona.daemons:
        pid += persona.number(f"pid:{daemon}", 3, 90)
        size = persona.number(f"vsz:{daemon}", least, most)
        found.append(Running(pid, 1, "root", daemon, size, program_of(persona, daemon)))
    return tuple(found)


def first_free_pid(persona: ShellPersona) -> int:
    """A number that no process of the device has, nor any after it."""
    return device_processes(persona)[-1].pid + persona.number("pid", 100, 1_400)


def program_of(persona: ShellPersona, command: str) -> str:
    """The file that a command line runs."""
    path = command.lstrip("-").partition(" ")[0]
    name = path.rpartition("/")[2]
    if not persona.gnu and name in _APPLETS:
        return _MULTI_CALL
    if path.startswith("/"):
        return path
    return f"/bin/{name}" if name in {"sh", "bash", "dash", "init"} else f"/usr/bin/{name}"
