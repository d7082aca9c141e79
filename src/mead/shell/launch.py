# SPDX-License-Identifier: Apache-2.0
"""Finding the program that a word names, and what happens when the peer starts a file of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mead.shell import machines
from mead.shell.applets import APPLETS, BUILTINS, NAMES, download_like, silent
from mead.shell.ast import decode
from mead.shell.control import ExitShellError, ReturnError
from mead.shell.process import Process
from mead.shell.scripts import urls_in
from mead.shell.vfs import Node, PathError

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["Launcher"]

_SHEBANG: Final = re.compile(rb"#![ \t]*([^\s]+)[ \t]*([^\s]*)")
_SHELLS: Final = frozenset({"sh", "ash", "bash", "dash", "busybox", "zsh", "ksh"})
_FOREIGN: Final = re.compile(r"(python|perl|php|ruby|lua|node)[0-9.]*$")


class Launcher:
    """Starts programs for an interpreter."""

    def __init__(self, shell: Interpreter) -> None:
        self._shell = shell
        self._machine = shell.machine

    def launch(self, argv: list[str], process: Process) -> int:
        """Run the program that `argv[0]` names; status 126 or 127 when there is none."""
        self._machine.budget.charge()
        name = argv[0]
        if "/" in name:
            return self._path(argv, process)
        found = self.which(name, process)
        if found is not None:
            return self._program(found[0], found[1], argv, process)
        if (applet := download_like(name, argv)) is not None:
            return self._shell.apply(applet, argv, process)
        self._unknown(argv, process)
        text = "command not found" if self._machine.persona.gnu else "not found"
        process.complain(f"{name}: {text}")
        return 127

    def which(self, name: str, process: Process) -> tuple[str, Node] | None:
        """Path and node of a program on PATH."""
        if not name:
            return None
        for folder in process.variables.get("PATH", "/bin").split(":")[:32]:
            try:
                node, _ = self._machine.fs.find(f"{folder}/{name}")
            except PathError:
                continue
            if node is not None and node.kind == "file" and node.mode & 0o111:
                return f"{folder}/{name}", node
        return None

    def _path(self, argv: list[str], process: Process) -> int:
        name = argv[0]
        path = name if name.startswith("/") else f"{process.cwd}/{name}"
        try:
            node, real = self._machine.fs.find(path)
        except PathError as error:
            node, real = None, error.reason
        if node is None:
            if (applet := download_like(name, argv)) is not None:
                return self._shell.apply(applet, argv, process)
            self._machine.wait_for_last()
            self._unknown(argv, process)
            text = "No such file or directory" if self._machine.persona.gnu else "not found"
            process.complain(f"{name}: {text}")
            return 127
        if node.kind == "dir" or not node.mode & 0o111:
            text = (
                "Is a directory" if node.kind == "dir" and self._machine.persona.gnu else "Permission denied"
            )
            process.complain(f"{name}: {text}")
            return 126
        return self._program(real, node, argv, process)

    def _program(self, path: str, node: Node, argv: list[str], process: Process) -> int:
        if node.applet:
            if node.applet == "busybox":
                return self.applet(argv, process)
            return self._shell.apply(APPLETS.get(node.applet, silent), argv, process)
        return self.start(path, node, argv, process)

    def applet(self, argv: list[str], process: Process) -> int:
        """Run the applet of BusyBox that `argv[0]` names."""
        name = argv[0].rpartition("/")[2]
        applet = APPLETS.get(name)
        if applet is None and name in BUILTINS:
            applet = BUILTINS[name]
        if applet is not None or name in NAMES:
            return self._shell.apply(applet or silent, argv, process)
        process.stderr.write(f"{name}: applet not found\n".encode("latin-1", "replace"))
        return 127

    def start(self, path: str, node: Node, argv: list[str], process: Process) -> int:
        """Start a file that is no program of ours."""
        machine = self._machine
        _, real = machine.fs.find(path)
        data: bytes | None = node.content()
        if node.waits is not None:
            data = machine.body(node.waits)
        if node.brought:
            machine.executed(real, argv, data, node.waits if data is None else None, process.depth)
        if not data or not node.brought:
            return 0
        if data.startswith(b"\x7fELF"):
            return self._binary(data, argv, process)
        return self._interpreted(data, argv, process)

    def _binary(self, data: bytes, argv: list[str], process: Process) -> int:
        if machines.runs_on(data, self._machine.persona.architecture):
            return 0
        if self._machine.persona.gnu:
            process.complain(f"{argv[0]}: cannot execute binary file: Exec format error")
            return 126
        process.stderr.write(
            f'{argv[0]}: line 1: syntax error: unexpected "("\n'.encode("latin-1", "replace")
        )
        return 2

    def _interpreted(self, data: bytes, argv: list[str], process: Process) -> int:
        shebang = _SHEBANG.match(data)
        program = decode(shebang[1]).rpartition("/")[2] if shebang else "sh"
        if program == "env" and shebang:
            program = decode(shebang[2]).rpartition("/")[2]
        if program in _SHELLS:
            return self.script(decode(data), argv[0], argv[1:], process)
        if _FOREIGN.match(program):
            for url in urls_in(data):
                self._machine.offer(url, program, None, None, process.depth + 1)
            return 0
        return 0

    def script(self, text: str, name: str, arguments: list[str], process: Process) -> int:
        """Run a script in a shell of its own."""
        copy = self._shell.child(process)
        copy.variables = {key: value for key, value in process.variables.items() if key in process.exported}
        copy.variables["IFS"] = " \t\n"
        copy.functions, copy.options = {}, set()
        copy.name, copy.arguments, copy.script = name, arguments, True
        copy.depth = process.depth + 1
        copy.pid = self._machine.next_pid()
        return self.leaving(text, copy)

    def leaving(self, text: str, process: Process) -> int:
        """Run a text in a shell that ends with it; its exit trap runs last."""
        try:
            status = self._shell.script(text, process)
        except (ExitShellError, ReturnError) as leave:
            status = leave.status
        ending = process.traps.pop("0", None) or process.traps.pop("EXIT", None)
        if ending:
            try:
                self._shell.script(ending, process)
            except (ExitShellError, ReturnError) as leave:
                return leave.status
        return status

    def _unknown(self, argv: list[str], process: Process) -> None:
        """A program that is not there may still have been told where to get something."""
        for url in urls_in(" ".join(argv[1:64]).encode("latin-1", "replace")):
            self._machine.offer(url, argv[0].rpartition("/")[2], None, None, process.depth)
