# SPDX-License-Identifier: Apache-2.0
"""Finding the program that a word names, and what happens when the peer starts a file of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from mead.shell import machines
from mead.shell.applets import APPLETS, BUILTINS, NAMES, download_like, silent
from mead.shell.ast import decode
from mead.shell.control import BreakLoopError, ContinueLoopError, ExitShellError, ReturnError
from mead.shell.process import Process
from mead.shell.scripts import urls_in
from mead.shell.shadow import unseen
from mead.shell.vfs import Node, PathError

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["Launcher"]

_SHEBANG: Final = re.compile(rb"#![ \t]*([^\s]+)[ \t]*([^\s]*)")
_SHELLS: Final = frozenset({"sh", "ash", "bash", "dash", "busybox", "zsh", "ksh"})
Missing: TypeAlias = Callable[[str], None]
"""Says why a program cannot be run."""
_MAX_BINARY: Final = 1 << 16
_FOREIGN: Final = re.compile(r"(python|perl|php|ruby|lua|node)[0-9.]*$")


class Launcher:
    """Starts programs for an interpreter."""

    def __init__(self, shell: Interpreter) -> None:
        self._shell = shell
        self._machine = shell.machine

    def launch(self, argv: list[str], process: Process, missing: Missing | None = None) -> int:
        """Run the program that `argv[0]` names; status 126 or 127 when there is none.

        Who runs it says why that is impossible: the shell, unless `missing` is given.
        """
        self._machine.budget.charge()
        name = argv[0]
        if "/" in name:
            return self._path(argv, process, missing)
        found = self.which(name, process)
        if found is not None:
            return self._program(found[0], found[1], argv, process)
        if (applet := download_like(name, argv)) is not None:
            return self._shell.apply(applet, argv, process)
        if missing is not None:
            missing("No such file or directory")
        else:
            unset = process.bash and not process.variables.get("PATH")
            known = "No such file or directory" if unset else "command not found"
            process.complain(f"{name}: {known if process.bash else 'not found'}")
        self._unknown(argv, process)
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

    def _path(self, argv: list[str], process: Process, missing: Missing | None) -> int:
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
            if missing is not None:
                missing("No such file or directory")
            else:
                process.complain(f"{name}: {'No such file or directory' if process.bash else 'not found'}")
            self._unknown(argv, process)
            return 127
        if node.kind == "dir" or not node.mode & 0o111:
            is_directory = node.kind == "dir" and process.bash
            text = "Is a directory" if is_directory else "Permission denied"
            (missing or (lambda reason: process.complain(f"{name}: {reason}")))(text)
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
        if applet is not None or name in NAMES:
            return self._shell.apply(applet or silent, argv, process, busybox=True)
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
        """Start a program of machine code: it runs on and says nothing, or is taken for a script."""
        machine = self._machine
        if machines.runs_on(data, machine.persona.architecture):
            machine.processes.start(machine.processes.next_pid(), " ".join(argv))
            return 0
        if process.bash:
            process.complain(f"{argv[0]}: cannot execute binary file: Exec format error")
            return 126
        text = decode(data[:_MAX_BINARY].replace(b"\0", b""))
        return self.script(text, argv[0], argv[1:], process)

    def _interpreted(self, data: bytes, argv: list[str], process: Process) -> int:
        shebang = _SHEBANG.match(data)
        path = decode(shebang[1]) if shebang else "/bin/sh"
        program = path.rpartition("/")[2] if shebang or not process.bash else "bash"
        if program == "env" and shebang:
            program = decode(shebang[2]).rpartition("/")[2]
        if not self._machine.fs.exists(path):
            process.complain(
                f"{argv[0]}: cannot execute: required file not found"
                if process.bash
                else f"{argv[0]}: not found"
            )
            unseen(self._shell, process, lambda copy: self._by(program, data, argv, copy))
            return 127
        return self._by(program, data, argv, process)

    def _by(self, program: str, data: bytes, argv: list[str], process: Process) -> int:
        """Let the interpreter `program` run a script."""
        if program in _SHELLS:
            copy = self.fresh(process)
            if self._machine.persona.gnu:
                copy.bash = program == "bash"
                copy.dash = not copy.bash
            return self.script(decode(data), argv[0], argv[1:], copy)
        if _FOREIGN.match(program):
            for url in urls_in(data):
                self._machine.offer(url, program, None, None, process.depth + 1)
        return 0

    def script(self, text: str, name: str, arguments: list[str], process: Process) -> int:
        """Run a script in a shell of its own, made for it unless `process` is fresh."""
        copy = process if process.fresh else self.fresh(process)
        copy.name, copy.arguments, copy.script, copy.fresh = name, arguments, True, False
        copy.command = name
        copy.depth += 1
        return self.ended(self.leaving(text, copy), process)

    def fresh(self, process: Process) -> Process:
        """A new shell: it has what was exported, and nothing else."""
        copy = self._shell.child(process)
        copy.variables = {key: value for key, value in process.variables.items() if key in process.exported}
        copy.variables |= {"IFS": " \t\n", "OPTIND": "1", "PS4": "+ ", "PWD": process.cwd}
        copy.functions, copy.aliases, copy.arrays, copy.options = {}, {}, {}, set()
        copy.readonly, copy.local, copy.traps = set(), [], {}
        copy.interactive, copy.sourcing, copy.tested, copy.in_loop = False, 0, 0, 0
        copy.command, copy.fresh, copy.base = "", True, 0
        copy.pid = self._machine.processes.next_pid()
        return copy

    def leaving(self, text: str, process: Process) -> int:
        """Run a text in a shell that ends with it; its exit trap runs last."""
        try:
            status = self._shell.script(text, process)
        except (ExitShellError, ReturnError) as leave:
            status = leave.status
        except (BreakLoopError, ContinueLoopError):
            status = process.status
        return self._shell.finish(process, status)

    @staticmethod
    def ended(status: int, process: Process) -> int:
        """Say what killed a shell that was started."""
        said = {143: "Terminated", 137: "Killed"}.get(status)
        if said is not None and process.ash:
            process.stderr.write(f"{said}\n".encode())
        return status

    def _unknown(self, argv: list[str], process: Process) -> None:
        """A program that is not there may still have been told where to get something."""
        name = argv[0].rpartition("/")[2]
        if name == "source":
            unseen(self._shell, process, lambda copy: self._shell.builtin(BUILTINS[name], argv, copy))
            return
        if name in _SHELLS or _FOREIGN.match(name):
            unseen(self._shell, process, lambda copy: self._stand_in(name, argv, copy))
            return
        for url in urls_in(" ".join(argv[1:64]).encode("latin-1", "replace")):
            self._machine.offer(url, name, None, None, process.depth)

    def _stand_in(self, name: str, argv: list[str], process: Process) -> None:
        applet = APPLETS.get(name) or APPLETS.get(name.rstrip("0123456789."))
        if applet is not None:
            self._shell.apply(applet, argv, process)
