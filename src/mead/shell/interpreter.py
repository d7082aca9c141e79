# SPDX-License-Identifier: Apache-2.0
"""Runs the tree of `mead.shell.ast` on a `mead.shell.machine.Machine`.

Nothing here executes anything: programs are the emulated applets, and a file that the peer brought is
reported, or followed when it is a script.

**Source:** POSIX.1-2017, Shell Command Language §2.8–2.9; messages observed from BusyBox ash 1.35.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from mead.shell import files
from mead.shell.applets import BASH_BUILTINS, BUILTINS, DASH_BUILTINS, NAMES, SPECIAL
from mead.shell.ast import Node, Pipeline, Redirected, Simple, Subshell, Test
from mead.shell.bashisms import BashParser, complain_of_syntax
from mead.shell.call import Applet, BuiltinFaultError, Call, FailedError, UsageError
from mead.shell.compound import HANDLERS, stage
from mead.shell.control import (
    BreakLoopError,
    ContinueLoopError,
    ExitShellError,
    FaultError,
    ReturnError,
)
from mead.shell.expand import Expander
from mead.shell.launch import Launcher
from mead.shell.limits import LimitReachedError
from mead.shell.machine import Machine
from mead.shell.parser import Parser, ShellSyntaxError
from mead.shell.process import Process
from mead.shell.redirect import redirect
from mead.shell.shadow import shadow
from mead.shell.simple import run_simple
from mead.shell.streams import Buffer, Sink, Source
from mead.shell.usage_tables import usage_of
from mead.shell.vfs import PathError

__all__ = ["Interpreter"]

_UNITS: Final = frozenset({Simple, Pipeline, Redirected, Subshell, Test})


def _with_first(name: str, others: dict[str, str] | None) -> dict[str, str]:
    """The names of the functions that run, the innermost first."""
    names = [name, *(others or {}).values()]
    return {str(number): each for number, each in enumerate(names)}


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

        Raises:
            ExitShellError: it failed and `set -e` is on.
        """
        kind = type(node)
        if process.options and "n" in process.options and not process.interactive:
            return 0
        if kind not in _UNITS:
            process.status = HANDLERS[kind](self, node, process)
            return process.status
        if process.in_unit:
            process.status = self._unit(node, process)
        else:
            self._whole_unit(node, process)
        if process.status and not process.tested:
            if process.traps and process.bash and (action := process.traps.get("ERR")):
                self._on_error(action, process)
            if "e" in process.options:
                raise ExitShellError(process.status)
        return process.status

    def _on_error(self, action: str, process: Process) -> None:
        """Run the error trap of bash, whose own errors do not count."""
        status, process.tested = process.status, process.tested + 1
        try:
            self.script(action, process)
        finally:
            process.tested -= 1
            process.status = status

    def _unit(self, node: Node, process: Process) -> int:
        if type(node) is Simple:
            return run_simple(self, node, process)
        return HANDLERS[type(node)](self, node, process)

    def _whole_unit(self, node: Node, process: Process) -> None:
        machine = self.machine
        outer, machine.touched = machine.touched, set()
        bound_for = process.bound_for
        process.in_unit = True
        try:
            process.status = self._unit(node, process)
        finally:
            process.in_unit = False
            touched, machine.touched = machine.touched, outer
        if touched:
            machine.defer(node, process, touched, bound_for=bound_for)

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
        """Run a command in a subshell environment made for it; its exit trap runs last."""
        try:
            status = self.run(node, process)
        except ExitShellError as leave:
            status = leave.status
        except (ReturnError, BreakLoopError, ContinueLoopError):
            status = process.status
        return self.finish(process, status) if process.traps else status

    def finish(self, process: Process, status: int) -> int:
        """A shell ends with `status`: run its exit trap, which may change it."""
        action = process.traps.pop("EXIT", "")
        if not action:
            return status
        process.status = status
        try:
            self.script(action, process)
        except (ExitShellError, ReturnError) as leave:
            return leave.status
        return status

    def parser(self, text: str, process: Process, *, final: bool = True) -> Parser:
        """A parser of the language that this device's shell speaks."""
        kind = BashParser if process.bash else Parser
        aliases = None if process.bash and not process.interactive else process.aliases
        return kind(text, final=final, bash=process.bash, aliases=aliases)

    def script(self, text: str, process: Process, *, first_line: int = 1) -> int:
        """Run the commands of a text in `process`, each before the next one is parsed.

        Raises:
            FaultError: it is no script from some point on.
        """
        limits = self.machine.limits
        if len(text) > limits.script_bytes:
            self.machine.limit(LimitReachedError("script_bytes", limits.script_bytes, "bytes"))
            text = text[: limits.script_bytes]
        if not process.bash and "/dev/tcp/" in text:
            shadow(self, text, process)
        parser = self.parser(text, process)
        parser.start_line(first_line)
        while True:
            try:
                node = parser.next_command()
            except ShellSyntaxError as error:
                complain_of_syntax(process, error, parser)
                shadow(self, parser.text[parser.command_start :], process)
                raise FaultError(2) from None
            if node is None:
                return process.status
            self.inner(node, process)

    # Commands

    def invoke(self, argv: list[str], process: Process) -> int:
        """Run a function, builtin or program."""
        function = process.functions.get(argv[0])
        if function is not None:
            return self._call_function(function, argv, process)
        builtin = self.builtins(process).get(argv[0])
        if builtin is not None:
            return self.builtin(builtin, argv, process)
        return self.launch(argv, process)

    def builtins(self, process: Process) -> Mapping[str, Applet]:
        """Commands that the shell has in itself."""
        return BASH_BUILTINS if process.bash else DASH_BUILTINS if process.dash else BUILTINS

    def _call_function(self, body: Node, argv: list[str], process: Process) -> int:
        arguments, process.arguments = process.arguments, argv[1:]
        process.local.append({})
        names = process.arrays.get("FUNCNAME")
        if process.bash:
            process.arrays["FUNCNAME"] = _with_first(argv[0], names)
        try:
            return self.inner(body, process)
        except ReturnError as error:
            return error.status
        finally:
            process.arguments = arguments
            process.restore(process.local.pop())
            if names is None:
                process.arrays.pop("FUNCNAME", None)
            else:
                process.arrays["FUNCNAME"] = names

    def launch(self, argv: list[str], process: Process) -> int:
        """Run a program: an applet, or a file of the peer."""
        return self._launcher.launch(argv, process)

    def builtin(self, builtin: Applet, argv: list[str], process: Process) -> int:
        """Run a command of the shell itself.

        Raises:
            FaultError: it failed, and is one that a shell does not survive.
        """
        call = Call(argv, process, self)
        where = "" if process.interactive else f"line {process.line}: "
        call.title = f"{process.name}: {where}{call.name}" if process.bash else process.name.lstrip("-")
        command, process.command = process.command, argv[0]
        try:
            return self._guarded(builtin, call, builtin_help=False)
        except BuiltinFaultError as error:
            process.complain(error.message)
            if argv[0] in SPECIAL and not process.bash:
                raise FaultError(error.status) from None
            return error.status
        finally:
            process.command = command

    def apply(self, applet: Applet, argv: list[str], process: Process, *, busybox: bool = False) -> int:
        """Call a program, of BusyBox where it matters, and turn its complaints into messages."""
        call = Call(argv, process, self, busybox=busybox)
        table = self.machine.processes
        outer, table.words = table.words, argv
        try:
            return self._guarded(applet, call, builtin_help=True)
        except BuiltinFaultError as error:
            call.complain(error.message.removeprefix(f"{call.name}: "))
            return error.status
        finally:
            table.words = outer

    def _guarded(self, applet: Applet, call: Call, *, builtin_help: bool) -> int:
        argv = call.argv
        try:
            if builtin_help and argv[1:] == ["--help"] and call.name != "busybox":
                text = usage_of(call.name, self.machine.persona, gnu=call.gnu)
                if text:
                    call.say(text)
                    return 0
            return applet(call)
        except UsageError as error:
            if error.message:
                call.complain(error.message)
            call.say(usage_of(call.name, self.machine.persona, gnu=call.gnu))
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
        if process.bash:
            whole = self._file_of(body, copy)
            if whole is not None:
                return whole
        process.substituted = stage(self, body, copy)
        if process.bash:
            process.status = process.substituted
        return bytes(output.data) + (self.machine.body(output.waits) or b"")

    def _file_of(self, body: Node, process: Process) -> bytes | None:
        """What `$(< file)` of bash stands for; None when it is something else."""
        if type(body) is not Simple or body.words or body.assignments or len(body.redirections) != 1:
            return None
        if body.redirections[0].operator != "<":
            return None
        if not redirect(self, body.redirections, process):
            process.status = 1
            return b""
        source = process.stdin
        return source.read() or (self.machine.body(source.waits) or b"")

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
        """Run a text as `eval` does."""
        self.machine.budget.charge_bytes(len(text))
        deeper = self.machine.came_now(process.depth)
        process.depth += deeper
        try:
            return self.script(text, process, first_line=process.line)
        finally:
            process.depth -= deeper

    def execute(self, argv: list[str], process: Process, missing: Callable[[str], None]) -> int:
        """Run the program that another one was told to run; `missing` is told why that is impossible."""
        return self._launcher.launch(argv, process, missing)

    def ended(self, status: int, process: Process) -> int:
        """Say what killed a shell that was started."""
        return self._launcher.ended(status, process)

    def run_script(self, text: str, name: str, arguments: list[str], process: Process) -> int:
        """Run a script in a shell of its own."""
        return self._launcher.script(text, name, arguments, process)

    def run_text(self, text: str, process: Process) -> int:
        """Run the text of `sh -c` in `process`, made for it."""
        self.machine.budget.charge_bytes(len(text))
        process.depth += self.machine.came_now(process.depth)
        process.fresh = False
        return self._launcher.leaving(text, process)

    def fresh(self, process: Process) -> Process:
        """A new shell that `process` starts."""
        return self._launcher.fresh(process)

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
