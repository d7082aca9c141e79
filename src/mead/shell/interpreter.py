# SPDX-License-Identifier: Apache-2.0
"""Runs the tree of `mead.shell.ast` on a `mead.shell.machine.Machine`.

Nothing here executes anything: programs are the emulated applets, and a file that the peer brought is
reported, or followed when it is a script.

**Source:** POSIX.1-2017, Shell Command Language §2.8–2.9.
"""

from __future__ import annotations

from typing import Final

from mead.shell import files
from mead.shell.applets import BUILTINS, NAMES
from mead.shell.ast import (
    Assignment,
    Node,
    Pipeline,
    Redirected,
    Simple,
    Subshell,
)
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.compound import HANDLERS, check_errors, stage
from mead.shell.control import BreakLoopError, ContinueLoopError, ExitShellError, ReturnError
from mead.shell.expand import Expander, ExpansionError
from mead.shell.launch import Launcher
from mead.shell.limits import LimitReachedError
from mead.shell.machine import Machine
from mead.shell.parser import Parser, ShellSyntaxError
from mead.shell.process import Process
from mead.shell.redirect import redirect
from mead.shell.streams import Buffer, Sink, Source
from mead.shell.usage_tables import usage_of
from mead.shell.vfs import PathError

__all__ = ["Interpreter"]

_UNITS: Final = frozenset({Simple, Pipeline, Redirected, Subshell})


class Interpreter:
    """Executes commands in the environment of a `Process`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.expander = Expander(self)
        self._launcher = Launcher(self)

    def run(self, node: Node, process: Process) -> int:
        """Run a command and return its status.

        A simple command, pipeline or redirected compound is one unit: when it reads a body that has not
        arrived, the whole unit is run again later.
        """
        kind = type(node)
        handler = HANDLERS.get(kind, Interpreter._simple)
        if kind not in _UNITS or process.in_unit:
            process.status = handler(self, node, process)
            return process.status
        machine = self.machine
        outer, machine.touched = machine.touched, set()
        process.in_unit = True
        try:
            process.status = handler(self, node, process)
        finally:
            process.in_unit = False
            touched, machine.touched = machine.touched, outer
        if touched:
            machine.defer(node, process, touched)
        return process.status

    def inner(self, node: Node, process: Process) -> int:
        """Run the body of a function or script: its commands are units of their own."""
        unit, process.in_unit = process.in_unit, False
        self._enter(process)
        try:
            return self.run(node, process)
        finally:
            process.nesting -= 1
            process.in_unit = unit

    def _enter(self, process: Process) -> None:
        process.nesting += 1
        limit = self.machine.limits.nesting
        if process.nesting > limit:
            raise LimitReachedError("nesting", limit, "levels")

    def child(self, process: Process) -> Process:
        """A subshell environment.

        Raises:
            LimitReachedError: too many are nested.
        """
        copy = process.fork()
        if copy.nesting > self.machine.limits.nesting:
            raise LimitReachedError("nesting", self.machine.limits.nesting, "levels")
        self.machine.budget.charge(2)
        return copy

    def contained(self, node: Node, process: Process) -> int:
        """Run a command in a subshell environment made for it."""
        try:
            return self.run(node, process)
        except ExitShellError as leave:
            return leave.status
        except (ReturnError, BreakLoopError, ContinueLoopError):
            return process.status

    def script(self, text: str, process: Process) -> int:
        """Run the commands of a text in `process`, each before the next one is parsed."""
        limits = self.machine.limits
        if len(text) > limits.script_bytes:
            self.machine.limit(LimitReachedError("script_bytes", limits.script_bytes, "bytes"))
            text = text[: limits.script_bytes]
        parser = Parser(text)
        while True:
            try:
                node = parser.next_command()
            except ShellSyntaxError as error:
                process.complain(str(error))
                process.status = 2
                return 2
            if node is None:
                return process.status
            check_errors(node, self.inner(node, process), process)

    # Simple commands

    def _simple(self, node: Simple, process: Process) -> int:
        self.machine.budget.charge()
        process.line = node.line
        try:
            argv = self.expander.words(node.words, process)
            if not node.redirections:
                return self._command(node, argv, process)
            return self._with_streams(node, argv, process)
        except ExpansionError as error:
            process.complain(str(error))
            process.status = 2
            if process.script or not self.machine.interactive:
                raise ExitShellError(2) from None
            raise ReturnError(2) from None

    def _with_streams(self, node: Simple, argv: list[str], process: Process) -> int:
        streams = process.stdin, process.stdout, process.stderr
        kept = argv[:1] == ["exec"] and len(argv) == 1
        try:
            if not redirect(self, node.redirections, process, argv):
                self.machine.ran(argv, 1, process.depth)
                return 1
            return self._command(node, argv, process)
        finally:
            if not kept:
                process.stdin, process.stdout, process.stderr = streams

    def _command(self, node: Simple, argv: list[str], process: Process) -> int:
        if not argv:
            process.status = 0
            for assignment in node.assignments:
                self._assign(assignment, process)
            return process.status
        status = self._with_variables(node.assignments, argv, process)
        self.machine.ran(argv, status, process.depth)
        return status

    def _assign(self, assignment: Assignment, process: Process) -> None:
        value = self.expander.text(assignment.value, process)
        if assignment.append:
            value = process.variables.get(assignment.name, "") + value
            if len(value) > self.machine.limits.word_bytes:
                raise LimitReachedError("word_bytes", self.machine.limits.word_bytes, "bytes")
        process.variables[assignment.name] = value

    def _with_variables(self, assignments: tuple[Assignment, ...], argv: list[str], process: Process) -> int:
        if not assignments:
            return self.invoke(argv, process)
        names = [assignment.name for assignment in assignments]
        saved = {name: process.variables.get(name) for name in names}
        exported = set(process.exported)
        for assignment in assignments:
            self._assign(assignment, process)
        process.exported.update(names)
        try:
            return self.invoke(argv, process)
        finally:
            if argv[0] not in {"export", "readonly", "exec", "eval", "."}:
                process.restore(saved)
                process.exported = exported

    def invoke(self, argv: list[str], process: Process) -> int:
        """Run a function, builtin or program."""
        function = process.functions.get(argv[0])
        if function is not None:
            return self._call_function(function, argv, process)
        builtin = BUILTINS.get(argv[0])
        if builtin is not None:
            return self.apply(builtin, argv, process, builtin=True)
        return self.launch(argv, process)

    def _call_function(self, body: Node, argv: list[str], process: Process) -> int:
        arguments, process.arguments = process.arguments, argv[1:]
        process.local.append({})
        try:
            return self.inner(body, process)
        except ReturnError as error:
            return error.status
        finally:
            process.arguments = arguments
            process.restore(process.local.pop())

    def launch(self, argv: list[str], process: Process) -> int:
        """Run a program: an applet, or a file of the peer."""
        return self._launcher.launch(argv, process)

    def apply(self, applet: Applet, argv: list[str], process: Process, *, builtin: bool = False) -> int:
        """Call an applet and turn its complaints into messages."""
        call = Call(argv, process, self)
        if builtin:
            call.title = (
                f"{process.name}: {call.name}" if self.machine.persona.gnu else process.name.lstrip("-")
            )
        try:
            if len(argv) == 2 and argv[1] == "--help" and (text := usage_of(call.name, self.machine.persona)):
                call.say(text)
                return 0
            return applet(call)
        except UsageError as error:
            if error.message:
                call.complain(error.message)
            call.say(usage_of(call.name, self.machine.persona))
        except FailedError as error:
            call.complain(error.message)
            return error.status
        except PathError as error:
            call.complain(error.reason)
        return 1

    # What expansion and applets need

    def substitute(self, body: Node, process: Process) -> bytes:
        """Output of `$(…)`."""
        copy = self.child(process)
        output = Buffer("pipe_bytes", self.machine.limits.pipe_bytes)
        copy.stdout = output
        copy.in_unit = True
        process.status = stage(self, body, copy)
        return bytes(output.data) + (self.machine.body(output.waits) or b"")

    def process_substitution(self, body: Node, process: Process) -> str:
        """Path under which the output of `<(…)` stands."""
        copy = self.child(process)
        output = Buffer("pipe_bytes", self.machine.limits.pipe_bytes)
        copy.stdout = output
        copy.in_unit = True
        stage(self, body, copy)
        path = f"/dev/fd/{63 - len(self.machine.passed) % 32}"
        self.machine.passed[path] = Source(bytes(output.data), output.waits)
        return path

    def open_source(self, path: str, process: Process) -> Source:
        """The file at `path` to read from; `PathError` when it cannot be opened."""
        return files.open_source(self.machine, path, process)

    def open_sink(self, path: str, process: Process, *, append: bool, how: str) -> Sink:
        """The file at `path` to write to; `PathError` when it cannot be opened."""
        return files.open_sink(self.machine, path, process, append=append, how=how)

    def evaluate(self, text: str, process: Process) -> int:
        """Run a text as `eval` and `sh -c` do."""
        self.machine.budget.charge_bytes(len(text))
        deeper = self.machine.came_now(process.depth)
        process.depth += deeper
        try:
            return self.script(text, process)
        finally:
            process.depth -= deeper

    def invoke_program(self, argv: list[str], process: Process) -> int:
        """Run what another program was told to run: a builtin or a program."""
        builtin = BUILTINS.get(argv[0])
        if builtin is None:
            return self.launch(argv, process)
        return self.apply(builtin, argv, process, builtin=True)

    def run_script(self, text: str, name: str, arguments: list[str], process: Process) -> int:
        """Run a script in a shell of its own."""
        return self._launcher.script(text, name, arguments, process)

    def run_text(self, text: str, process: Process) -> int:
        """Run the text of `sh -c` in `process`, made for it."""
        self.machine.budget.charge_bytes(len(text))
        process.depth += self.machine.came_now(process.depth)
        return self._launcher.leaving(text, process)

    def run_applet(self, argv: list[str], process: Process) -> int:
        """Run `busybox NAME …`."""
        return self._launcher.applet(argv, process)

    def which(self, name: str, process: Process) -> str | None:
        """Path of a program on PATH."""
        found = self._launcher.which(name, process)
        return None if found is None else found[0]

    @property
    def applet_names(self) -> frozenset[str]:
        """Programs that BusyBox has here."""
        return NAMES
