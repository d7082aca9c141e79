# SPDX-License-Identifier: Apache-2.0
"""One shell environment: working directory, variables, functions, streams.

**Source:** POSIX.1-2017, Shell Command Language §2.12; messages observed from BusyBox ash 1.35.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mead.shell.ast import Node
from mead.shell.control import FaultError
from mead.shell.streams import Duplex, Null, Sink, Source

__all__ = ["Job", "Process"]

_MAX_VARIABLES = 4_096


@dataclass(slots=True)
class Job:
    """A command that was started in the background."""

    pid: int
    text: str
    status: int
    until: float
    """When it ends by itself, as a time stamp; infinite: never."""
    killed: str = ""
    """What killed it: `Killed`, `Terminated` …"""

    def state(self, now: float) -> str:
        """How it ended; nothing while it runs."""
        if self.killed or now < self.until:
            return self.killed
        return f"Done({self.status})" if self.status else "Done"


class Process:
    """What a subshell gets a copy of."""

    __slots__ = (
        "aliases", "arguments", "arrays", "background", "base", "bash", "bound_for", "command", "cwd", "dash",
        "depth", "directories", "exported", "fds", "fresh", "functions", "in_loop", "in_unit", "integers",
        "interactive", "jobs", "line", "local", "maps", "name", "nesting", "options", "pid", "readonly",
        "script", "sourcing", "status", "statuses", "stderr", "stdin", "stdout", "substituted", "tested",
        "traps", "umask", "variables",
    )  # fmt: skip

    def __init__(
        self, *, cwd: str, name: str, stdin: Source, stdout: Sink, stderr: Sink, pid: int, bash: bool = False
    ) -> None:
        self.cwd = cwd
        self.bound_for = ""
        """A directory that `cd` did not find, but that an awaited archive may bring."""
        self.name = name
        self.bash = bash
        self.dash = False
        """Whether it is the `sh` of Debian, which is neither bash nor BusyBox's."""
        self.script = False
        self.interactive = False
        self.sourcing = 0
        self.command = ""
        """The builtin that runs, or the script: ash names it when it complains."""
        self.line = 0
        self.base = 0
        """Lines that were typed before the command that runs."""
        self._begin()
        self.status = 0
        self.substituted: int | None = None
        self.fresh = False
        """Whether it is a shell that was made and has not run anything yet."""
        self.background = 0
        self.depth = 0
        self.nesting = 0
        self.in_loop = 0
        self.in_unit = False
        self.tested = 0
        """How many conditions it stands in: `set -e` does not look there."""
        self.umask = 0o022
        self.local: list[dict[str, str | None]] = []
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.fds: dict[int, Source | Sink] = {}
        self.pid = pid

    def _begin(self) -> None:
        """Nothing is known yet."""
        self.variables: dict[str, str] = {}
        self.arrays: dict[str, dict[str, str]] = {}
        """Elements by subscript; never changed, but replaced."""
        self.maps: frozenset[str] = frozenset()
        """Arrays whose subscripts are no numbers."""
        self.integers: frozenset[str] = frozenset()
        """Variables whose values are calculated when they are set."""
        self.statuses: tuple[int, ...] = ()
        """How the commands of the last pipeline ended, if it was one."""
        self.directories: tuple[str, ...] = ()
        """What `pushd` left."""
        self.exported: set[str] = set()
        self.readonly: set[str] = set()
        self.functions: dict[str, Node] = {}
        self.aliases: dict[str, str] = {}
        self.arguments: list[str] = []
        self.options: set[str] = set()
        self.traps: dict[str, str] = {}
        self.jobs: list[Job] = []

    def fork(self) -> Process:
        """A copy: what happens in it does not come back."""
        copy = Process.__new__(Process)
        for name in Process.__slots__:
            setattr(copy, name, getattr(self, name))
        copy.variables = dict(self.variables)
        copy.arrays = dict(self.arrays)
        copy.exported = set(self.exported)
        copy.readonly = set(self.readonly)
        copy.functions = dict(self.functions)
        copy.aliases = dict(self.aliases)
        copy.options = set(self.options)
        copy.traps = {signal: "" for signal, action in self.traps.items() if action == ""}
        copy.jobs = []
        copy.local = [{}] if self.local else []
        copy.fds = dict(self.fds)
        copy.nesting = self.nesting + 1
        copy.fresh = False
        return copy

    def assign(self, name: str, value: str) -> None:
        """Set a variable.

        Raises:
            FaultError: it is read only, or there are too many.
        """
        if name in self.readonly:
            self.complain(f"{name}: readonly variable" if self.bash else f"{name}: is read only")
            raise FaultError(1 if self.bash else 2)
        if name not in self.variables and len(self.variables) >= _MAX_VARIABLES:
            self.complain("out of memory")
            raise FaultError(2)
        self.variables[name] = value
        if "a" in self.options:
            self.exported.add(name)

    def restore(self, values: dict[str, str | None]) -> None:
        """Give variables back the values that they had; None: they were not set."""
        for name, value in values.items():
            if value is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value

    def calm(self) -> None:
        """Stand at the prompt again, whatever was left on the way."""
        self.nesting = self.in_loop = self.tested = self.sourcing = 0
        self.in_unit, self.command, self.local = False, "", []

    def detach(self) -> None:
        """No terminal any more: nothing to read, and nobody sees what is written."""
        self.stdin, self.stdout, self.stderr = Source(), Null(), Null()
        self.fds = {
            number: stream
            for number, stream in self.fds.items()
            if isinstance(stream, Duplex) and not stream.interactive
        }
        self.nesting = 0
        self.interactive = False

    def complain(self, message: str, line: int | None = None) -> None:
        """Say something on standard error as the shell itself; `line` where it is not the running one."""
        number = (self.line if line is None else line) - (not (self.script or self.sourcing) and self.ash)
        self.stderr.write(f"{self._said(message, number)}\n".encode("latin-1", "replace"))

    @property
    def ash(self) -> bool:
        """Whether it is BusyBox's shell."""
        return not self.bash and not self.dash

    def _said(self, message: str, number: int) -> str:
        command = f"{self.command}: " if self.command and self.command != self.name else ""
        if self.dash:
            return f"{self.name}: {self.base + number}: {command}{_as_dash(message)}"
        where = f"line {number}: " if not self.interactive or self.sourcing else ""
        if self.bash:
            return f"{self.name}: {where}{command}{message}"
        return f"{self.name}: {command}{where}{message}" if self.command else f"{self.name}: {message}"


_UNEXPECTED: Final = re.compile(r"unexpected (\"[^\"]*\"|end of file|newline|word|redirection)")


def _as_dash(message: str) -> str:
    """What dash says where ash says `message`."""
    if not message.startswith("syntax error: "):
        return message
    text = _UNEXPECTED.sub(r"\1 unexpected", message.removeprefix("syntax error: "))
    return f"Syntax error: {text[:1].upper() if 'unexpected' not in text else text[:1]}{text[1:]}"
