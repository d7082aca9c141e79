# SPDX-License-Identifier: Apache-2.0
"""Runs the tree of `mead.shell.ast` on a `mead.shell.machine.Machine`.

Nothing here executes anything: programs are the emulated applets, and a file that the peer brought is
reported, or followed when it is a script.

**Source:** POSIX.1-2017, Shell Command Language §2.8–2.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from mead.shell import files
from mead.shell.applets import BUILTINS, NAMES
from mead.shell.ast import (
    AndOr,
    Assignment,
    Background,
    Case,
    For,
    Function,
    Group,
    If,
    Loop,
    Node,
    Not,
    Pipeline,
    Redirected,
    Sequence,
    Simple,
    Subshell,
)
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.control import BreakLoopError, ContinueLoopError, ExitShellError, ReturnError
from mead.shell.expand import Expander, ExpansionError
from mead.shell.launch import Launcher
from mead.shell.limits import LimitReachedError
from mead.shell.machine import Machine
from mead.shell.parser import Parser, ShellSyntaxError
from mead.shell.patterns import compile_pattern, matches
from mead.shell.process import Process
from mead.shell.redirect import redirect
from mead.shell.streams import Buffer, EndlessError, Sink, Source
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
        handler = self._HANDLERS[kind]
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
            self.inner(node, process)

    # Compound commands

    def _sequence(self, node: Sequence, process: Process) -> int:
        status = 0
        for command in node.commands:
            status = self.run(command, process)
            if status and "e" in process.options and not isinstance(command, (AndOr, Not)):
                raise ExitShellError(status)
        return status

    def _and_or(self, node: AndOr, process: Process) -> int:
        return self.and_or(node, process, self.run)

    def and_or(self, node: AndOr, process: Process, run: Callable[[Node, Process], int]) -> int:
        """Evaluate `&&` and `||`, and remember what only a successful download made unnecessary."""
        mark = len(self.machine.offers)
        status = run(node.first, process)
        for index, (operator, command) in enumerate(node.rest):
            if (operator == "&&") == (status == 0):
                status = run(command, process)
            elif operator == "||" and len(self.machine.offers) > mark:
                self._alternative(AndOr(command, node.rest[index + 1 :]), process, mark)
        return status

    def _alternative(self, node: Node, process: Process, mark: int) -> None:
        self.machine.defer(node, process, set(self.machine.offers[mark:]), after_failure=True)

    def _not(self, node: Not, process: Process) -> int:
        return int(self.run(node.command, process) == 0)

    def _background(self, node: Background, process: Process) -> int:
        copy = self.child(process)
        if copy.stdin.interactive:
            copy.stdin = Source()
        process.background = self.machine.next_pid()
        try:
            self.contained(node.command, copy)
        except EndlessError:
            self.machine.limit(LimitReachedError("endless_output", 1, "commands"))
        return 0

    def _group(self, node: Group, process: Process) -> int:
        return self.run(node.body, process)

    def _subshell(self, node: Subshell, process: Process) -> int:
        return self.contained(node.body, self.child(process))

    def _if(self, node: If, process: Process) -> int:
        for index, (condition, body) in enumerate(node.branches):
            mark = len(self.machine.offers)
            if self.run(condition, process) == 0:
                others = node.branches[index + 1 :]
                rest = If(others, node.otherwise) if others else node.otherwise
                if rest is not None and len(self.machine.offers) > mark:
                    self._alternative(rest, process, mark)
                return self.run(body, process)
        return 0 if node.otherwise is None else self.run(node.otherwise, process)

    def _loop(self, node: Loop, process: Process) -> int:
        status = 0
        while True:
            self.machine.budget.charge()
            if (self.run(node.condition, process) == 0) == node.until:
                return status
            goes_on, status = self._turn(node.body, process)
            if not goes_on:
                return status

    def _for(self, node: For, process: Process) -> int:
        words = process.arguments if node.words is None else self.expander.words(node.words, process)
        status = 0
        for word in words:
            self.machine.budget.charge()
            process.variables[node.name] = word
            goes_on, status = self._turn(node.body, process)
            if not goes_on:
                break
        return status

    def _turn(self, body: Node, process: Process) -> tuple[bool, int]:
        """One turn of a loop: whether it goes on, and the status."""
        process.in_loop += 1
        try:
            return True, self.run(body, process)
        except BreakLoopError as error:
            if error.levels > 1 and process.in_loop > 1:
                raise BreakLoopError(error.levels - 1) from None
            return False, 0
        except ContinueLoopError as error:
            if error.levels > 1 and process.in_loop > 1:
                raise ContinueLoopError(error.levels - 1) from None
            return True, 0
        finally:
            process.in_loop -= 1

    def _case(self, node: Case, process: Process) -> int:
        subject = self.expander.text(node.subject, process)
        for patterns, body in node.branches:
            for pattern in patterns:
                self.machine.budget.charge_bytes(len(subject))
                if matches(compile_pattern(self.expander.pattern(pattern, process)), subject):
                    return self.run(body, process)
        return 0

    def _function(self, node: Function, process: Process) -> int:
        process.functions[node.name] = node.body
        return 0

    def _pipeline(self, node: Pipeline, process: Process) -> int:
        status = 0
        source = process.stdin
        last = len(node.commands) - 1
        for index, command in enumerate(node.commands):
            copy = self.child(process)
            copy.stdin = source
            pipe = Buffer("pipe_bytes", self.machine.limits.pipe_bytes)
            if index < last:
                copy.stdout = pipe
            status = self._stage(command, copy)
            source = Source(bytes(pipe.data), pipe.waits)
        return status

    def _stage(self, command: Node, process: Process) -> int:
        try:
            return self.contained(command, process)
        except EndlessError:
            self.machine.limit(LimitReachedError("endless_output", 1, "commands"))
        except LimitReachedError as error:
            if error.name != "pipe_bytes":
                raise
            self.machine.limit(error)
        return 141

    def _redirected(self, node: Redirected, process: Process) -> int:
        streams = process.stdin, process.stdout, process.stderr
        try:
            if not redirect(self, node.redirections, process):
                return 1
            return self.run(node.command, process)
        finally:
            process.stdin, process.stdout, process.stderr = streams

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
            return 2

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
        saved = dict(process.variables)
        exported = set(process.exported)
        for assignment in assignments:
            self._assign(assignment, process)
            process.exported.add(assignment.name)
        try:
            return self.invoke(argv, process)
        finally:
            if argv[0] not in {"export", "readonly", "exec", "eval", "."}:
                process.variables, process.exported = saved, exported

    def invoke(self, argv: list[str], process: Process) -> int:
        """Run a function, builtin or program."""
        function = process.functions.get(argv[0])
        if function is not None:
            return self._call_function(function, argv, process)
        builtin = BUILTINS.get(argv[0])
        if builtin is not None:
            return self.apply(builtin, argv, process)
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
            for name, value in process.local.pop().items():
                if value is None:
                    process.variables.pop(name, None)
                else:
                    process.variables[name] = value

    def launch(self, argv: list[str], process: Process) -> int:
        """Run a program: an applet, or a file of the peer."""
        return self._launcher.launch(argv, process)

    def apply(self, applet: Applet, argv: list[str], process: Process) -> int:
        """Call an applet and turn its complaints into messages."""
        call = Call(argv, process, self)
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
        process.status = self._stage(body, copy)
        return bytes(output.data)

    def process_substitution(self, body: Node, process: Process) -> str:
        """Path under which the output of `<(…)` stands."""
        copy = self.child(process)
        output = Buffer("pipe_bytes", self.machine.limits.pipe_bytes)
        copy.stdout = output
        copy.in_unit = True
        self._stage(body, copy)
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
        return self.script(text, process)

    def invoke_program(self, argv: list[str], process: Process) -> int:
        """Run what another program was told to run: a builtin or a program."""
        builtin = BUILTINS.get(argv[0])
        return self.apply(builtin, argv, process) if builtin is not None else self.launch(argv, process)

    def run_script(self, text: str, name: str, arguments: list[str], process: Process) -> int:
        """Run a script in a shell of its own."""
        return self._launcher.script(text, name, arguments, process)

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

    _HANDLERS: ClassVar[dict[type, Callable[..., int]]] = {
        Simple: _simple,
        Pipeline: _pipeline,
        Redirected: _redirected,
        Sequence: _sequence,
        AndOr: _and_or,
        Not: _not,
        Background: _background,
        Group: _group,
        Subshell: _subshell,
        If: _if,
        Loop: _loop,
        For: _for,
        Case: _case,
        Function: _function,
    }
