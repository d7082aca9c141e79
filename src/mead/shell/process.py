# SPDX-License-Identifier: Apache-2.0
"""One shell environment: working directory, variables, functions, streams.

**Source:** POSIX.1-2017, Shell Command Language §2.12.
"""

from __future__ import annotations

from mead.shell.ast import Node
from mead.shell.streams import Null, Sink, Source

__all__ = ["Process"]


class Process:
    """What a subshell gets a copy of."""

    __slots__ = (
        "arguments", "background", "cwd", "depth", "exported", "fds", "functions", "in_loop", "in_unit",
        "line", "local", "name", "nesting", "options", "pid", "script", "status", "stderr", "stdin",
        "stdout", "traps", "variables",
    )  # fmt: skip

    def __init__(self, *, cwd: str, name: str, stdin: Source, stdout: Sink, stderr: Sink, pid: int) -> None:
        self.cwd = cwd
        self.name = name
        self.script = False
        self.line = 0
        self.variables: dict[str, str] = {}
        self.exported: set[str] = set()
        self.functions: dict[str, Node] = {}
        self.arguments: list[str] = []
        self.options: set[str] = set()
        self.traps: dict[str, str] = {}
        self.status = 0
        self.background = 0
        self.depth = 0
        self.nesting = 0
        self.in_loop = 0
        self.in_unit = False
        self.local: list[dict[str, str | None]] = []
        self.stdin, self.stdout, self.stderr = stdin, stdout, stderr
        self.fds: dict[int, Source | Sink] = {}
        self.pid = pid

    def fork(self) -> Process:
        """A copy: what happens in it does not come back."""
        copy = Process.__new__(Process)
        for name in Process.__slots__:
            setattr(copy, name, getattr(self, name))
        copy.variables = dict(self.variables)
        copy.exported = set(self.exported)
        copy.functions = dict(self.functions)
        copy.options = set(self.options)
        copy.traps = {}
        copy.local = []
        copy.fds = dict(self.fds)
        copy.nesting = self.nesting + 1
        return copy

    def restore(self, values: dict[str, str | None]) -> None:
        """Give variables back the values that they had; None: they were not set."""
        for name, value in values.items():
            if value is None:
                self.variables.pop(name, None)
            else:
                self.variables[name] = value

    def detach(self) -> None:
        """No terminal any more: nothing to read, and nobody sees what is written."""
        self.stdin, self.stdout, self.stderr = Source(), Null(), Null()
        self.fds = {}
        self.nesting = 0

    def complain(self, message: str) -> None:
        """Say something on standard error as the shell itself."""
        where = f"{self.name}: line {self.line}: " if self.script else f"{self.name}: "
        self.stderr.write(f"{where}{message}\n".encode("latin-1", "replace"))
