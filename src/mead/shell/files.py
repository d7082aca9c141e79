# SPDX-License-Identifier: Apache-2.0
"""Opening paths: files, devices, `/dev/tcp/host/port`, and what `<(…)` left."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.conversation import Conversation
from mead.shell.machine import Machine
from mead.shell.process import Process
from mead.shell.streams import Broken, Closed, Duplex, Endless, Null, Sink, Source
from mead.shell.vfs import PathError

__all__ = ["FileSink", "open_both", "open_sink", "open_source"]

_TCP: Final = re.compile(r"/dev/(?:tcp|udp)/([^/]+)/(\w+)$")
_GROWING: Final = frozenset({"echo", "printf", "cat", "dd", "base64", "xxd"})


class FileSink:
    """Writes to a file of the emulated system."""

    __slots__ = ("_machine", "_path", "growing", "how")

    def __init__(self, machine: Machine, path: str, how: str, *, growing: bool) -> None:
        self._machine, self._path = machine, path
        self.how, self.growing = how, growing

    @property
    def waits(self) -> str | None:
        """URL whose body the file will contain."""
        return None

    @waits.setter
    def waits(self, url: str | None) -> None:
        self._machine.fs.wait(self._path, url)

    def write(self, data: bytes) -> None:
        if not data:
            return
        self._machine.budget.charge_copy(len(data))
        self._machine.wrote(self._path, self.how, growing=self.growing)
        self._machine.fs.append(self._path, data)


def open_sink(machine: Machine, path: str, process: Process, *, append: bool, how: str) -> Sink:
    """The file or device at `path` to write to.

    Raises:
        PathError: it cannot be opened.
    """
    if path.startswith("/dev/"):
        special = _special_sink(machine, path, process)
        if special is not None:
            return special
    node, real = machine.fs.find(path)
    if node is not None and node.kind == "file" and not append:
        machine.settle(real)
    node = machine.fs.create(path, mode=0o666 & ~process.umask, truncate=not append)
    if node.kind != "file":
        if node.target == "full":
            return Closed("No space left on device")
        return process.stdout if node.target in {"tty", "console"} else Null()
    if not append:
        machine.forget(real)
    return FileSink(machine, real, how, growing=append and how in _GROWING)


def _special_sink(machine: Machine, path: str, process: Process) -> Sink | None:
    if path in {"/dev/stdout", "/dev/fd/1"}:
        return process.stdout
    if path in {"/dev/stderr", "/dev/fd/2"}:
        return process.stderr
    found = _TCP.match(path) if process.bash else None
    if found:
        machine.offer(f"tcp://{found[1]}:{found[2]}", "/dev/tcp", None, None, process.depth)
        return Null()
    return None


def open_source(machine: Machine, path: str, process: Process) -> Source:
    """The file or device at `path` to read from.

    Raises:
        PathError: it cannot be opened.
    """
    if path.startswith("/dev/"):
        special = _special_source(machine, path, process)
        if special is not None:
            return special
    node = machine.fs.node(path)
    if not machine.fs.readable(node):
        raise PathError("Permission denied")
    if node.kind == "dir":
        return Broken("Is a directory")
    if node.kind == "file":
        body = machine.bodies.get(node.waits) if node.waits is not None else None
        return Source(node.content(), node.waits) if body is None else Source(body)
    if node.target in {"zero", "full"}:
        return Endless(bytes)
    if node.target in {"urandom", "random"}:
        return Endless(machine.random)
    if node.target in {"tty", "console"}:
        return process.stdin
    return Source(machine.random(512) + bytes(65_024) if node.kind == "block" else b"")


def open_both(machine: Machine, path: str, process: Process, *, how: str) -> Duplex:
    """The file or device at `path` to read from and to write to.

    Raises:
        PathError: it cannot be opened.
    """
    found = _TCP.match(path) if process.bash else None
    if found:
        return Conversation(machine, found[1], found[2], process.depth)
    sink = open_sink(machine, path, process, append=True, how=how)
    return Duplex(open_source(machine, path, process), sink)


def _special_source(machine: Machine, path: str, process: Process) -> Source | None:
    if path in machine.passed:
        return machine.passed[path]
    if path in {"/dev/stdin", "/dev/fd/0"}:
        return process.stdin
    found = _TCP.match(path) if process.bash else None
    if found:
        url = f"tcp://{found[1]}:{found[2]}"
        machine.offer(url, "/dev/tcp", None, None, process.depth)
        return Source(b"", url)
    return None
