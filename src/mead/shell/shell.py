# SPDX-License-Identifier: Apache-2.0
"""The session: lines in, output and effects out.

`Shell` is a state machine without I/O. A line is run at once; when a command reads the terminal, the
shell is `reading` and takes what the peer sends with `feed`. A body that was fetched for an offer comes
back with `deliver`, and what waited for it is followed in the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Final

from mead.shell.applets import routeros
from mead.shell.ast import AndOr, Group, Node, Sequence, decode, encode
from mead.shell.background import news
from mead.shell.bashisms import complain_of_syntax
from mead.shell.call import Call
from mead.shell.compound import and_or
from mead.shell.control import (
    BreakLoopError,
    ContinueLoopError,
    ExitShellError,
    FaultError,
    ReturnError,
)
from mead.shell.effects import Reply
from mead.shell.interpreter import Interpreter
from mead.shell.limits import LimitReachedError, ShellLimits
from mead.shell.lines import MAX_CACHED_LENGTH, parsed, remaining
from mead.shell.login import log_in, prompt
from mead.shell.machine import Machine
from mead.shell.nodes import PathError
from mead.shell.parser import IncompleteError, Parser, ShellSyntaxError
from mead.shell.persona import ShellPersona
from mead.shell.process import Process
from mead.shell.resuming import resume
from mead.shell.scheduled import run_scheduled
from mead.shell.shadow import ENDINGS, in_bash_only, shadow
from mead.shell.streams import EndlessError, NeedsInputError

__all__ = ["Shell"]

_DEFAULT_LIMITS: Final = ShellLimits()
_MAX_HISTORY: Final = 1_000


class Shell:
    """One emulated login."""

    def __init__(
        self,
        persona: ShellPersona,
        *,
        now: Callable[[], datetime],
        limits: ShellLimits = _DEFAULT_LIMITS,
        username: str = "root",
        interactive: bool = True,
        peer: str = "",
    ) -> None:
        self.persona = persona
        self.closed = False
        self._limits = limits
        self.machine = Machine(persona, now, limits, username)
        """What the session runs on; its `fs` is what sftp shows."""
        self.machine.interactive, self.machine.peer = interactive, peer
        self._interpreter = Interpreter(self.machine)
        self._interactive = interactive
        self._levels: list[Process] = []
        self._unfinished = ""
        self._work: Node | None = None
        self._want: int | None = None
        self._process = log_in(self.machine, interactive=interactive)

    @property
    def prompt(self) -> bytes:
        """What the terminal shows before the next line."""
        if self._unfinished:
            return b"> "
        return encode(prompt(self.machine, self._process))

    @property
    def reading(self) -> bool:
        """Whether a command waits for what the peer types."""
        return self._work is not None

    def run(self, line: bytes) -> Reply:
        """Run a line (or several) as typed; an unfinished one is kept until the rest comes."""
        if self.reading:
            return self.feed(line + b"\n")
        text = decode(line)
        if self._interactive:
            text = text.rstrip("\r\n")
        machine = self.machine
        machine.start_line()
        if text.strip() and len(machine.history) < _MAX_HISTORY:
            machine.history.append(text[:MAX_CACHED_LENGTH])
        text = f"{self._unfinished}\n{text}" if self._unfinished else text
        self._unfinished = ""
        process = self._process
        reply = self._guarded(lambda: self._text(text))
        if not self._unfinished:
            process.base += text.count("\n") + 1
        return reply

    def feed(self, data: bytes) -> Reply:
        """Give the running command what the peer sent; the command goes on when it has enough."""
        typed = self.machine.typed
        if len(typed) + len(data) > self._limits.file_bytes:
            self.machine.limit(LimitReachedError("file_bytes", self._limits.file_bytes, "bytes"))
            typed.ended = True
        else:
            typed.add(data)
        if not typed.ended and not self._enough():
            return self._reply()
        return self._resume()

    def feed_eof(self) -> Reply:
        """The peer ended the input of the running command."""
        self.machine.typed.ended = True
        return self._resume()

    def interrupt(self) -> Reply:
        """The peer pressed control-C: what runs or is unfinished is given up."""
        self._work, self._unfinished = None, ""
        self.machine.typed.clear()
        return self._reply()

    def deliver(self, url: str, body: bytes | None) -> Reply:
        """The body of an offer arrived (None: it could not be had); follow what waited for it."""
        machine = self.machine
        url = machine.begin_delivery(url)
        if body is None:
            machine.failed.add(url)
        elif sum(map(len, machine.bodies.values())) + len(body) <= self._limits.file_system_bytes:
            machine.bodies[url] = body
        else:
            machine.limit(LimitReachedError("file_system_bytes", self._limits.file_system_bytes, "bytes"))
            return self._reply()
        return self._guarded(lambda: self._follow(url, failed=body is None))

    def close(self) -> Reply:
        """The session ends: run exit traps, and report files that were still growing."""
        if not self.closed:
            self.machine.start_line()
            self._contained(self._end_all)
        self.closed = True
        try:
            self.machine.settle_all(ended=True)
        except LimitReachedError as error:
            self.machine.limit(error)
        return self._reply()

    def release(self) -> None:
        """Nobody uses it any more: its parts, which hold each other, let go.

        A sensor ends a thousand shells a second, and the garbage collector would have to look for each.
        """
        for part in (self._interpreter, self.machine.processes, self.machine):
            vars(part).clear()

    def _end_all(self) -> None:
        while not self.closed:
            self._leave(self._process.status)

    # Inside

    def _enough(self) -> bool:
        typed = self.machine.typed
        if self._want is None:
            return False
        return typed.line_bytes() > 0 if self._want == 0 else len(typed) >= self._want

    def _resume(self) -> Reply:
        work, self._work = self._work, None
        if work is None:
            return self._reply()
        self.machine.start_line()
        reply = self._guarded(lambda: self._drive_all([work]))
        typed = self.machine.typed
        if self.reading or self.closed or not typed or not self._interactive:
            if not self.reading:
                typed.clear()
            return reply
        left = typed.take()
        typed.clear()
        more = self.run(left)
        return Reply(reply.output + more.output, reply.effects + more.effects, more.status, more.closed)

    def _guarded(self, act: Callable[[], None]) -> Reply:
        """Run something and turn every way in which it may end into a reply."""
        self._contained(act)
        return self._reply()

    def _contained(self, act: Callable[[], None]) -> None:
        machine = self.machine
        try:
            self._ending(act)
        except LimitReachedError as error:
            machine.limit(error)
        except EndlessError:
            machine.limit(LimitReachedError("endless_output", 1, "commands"))
        except RecursionError:
            machine.limit(LimitReachedError("nesting", self._limits.nesting, "levels"))
        process = self._process
        process.calm()
        machine.resuming = False
        if process.interactive and process.jobs:
            self._tell_jobs(process)
        try:
            machine.settle_all(ended=self.closed)
            run_scheduled(self._interpreter, process)
        except LimitReachedError as error:
            machine.limit(error)

    def _ending(self, act: Callable[[], None]) -> None:
        """Run something, and leave the shell where that is how it ends."""
        try:
            act()
        except FaultError as fault:
            self._process.status = fault.status
            if not self._process.interactive:
                self._leave(fault.status)
        except ExitShellError as leave:
            self._leave(leave.status)
        except ReturnError as leave:
            self._process.status = leave.status
            if not self._process.interactive:
                self._leave(leave.status)
        except (BreakLoopError, ContinueLoopError):
            pass

    def _tell_jobs(self, process: Process) -> None:
        """Say which background jobs ended, as a shell does before its prompt."""
        try:
            process.stderr.write(news(process, self.machine.now().timestamp()).encode("latin-1", "replace"))
        except (LimitReachedError, PathError):
            process.jobs = []

    def _reply(self) -> Reply:
        machine = self.machine
        output, machine.terminal.data = bytes(machine.terminal.data), bytearray()
        effects, machine.effects = tuple(machine.effects), []
        for level in machine.take_levels():
            self._levels.append(self._process)
            self._process = level
        if machine.down:
            self.closed = True
        return Reply(output, effects, self._process.status, self.closed)

    def _leave(self, status: int) -> None:
        """A shell ends: the one that started it goes on, if there is one."""
        process = self._process
        if process.traps and not self.machine.down:
            with suppress(LimitReachedError, EndlessError, NeedsInputError):
                status = self._interpreter.finish(process, status)
        if self._levels and not self.machine.down:
            self._process = self._levels.pop()
        else:
            self.closed = True
        self._process.status = status

    def _text(self, text: str) -> None:
        process = self._process
        if len(text) > self._limits.script_bytes:
            raise LimitReachedError("script_bytes", self._limits.script_bytes, "bytes")
        if routeros.is_line(text):
            process.status = routeros.run_text(Call(["/tool"], process, self._interpreter), text)
            return
        if in_bash_only(process, text):
            shadow(self._interpreter, text, process)
        self._commands(text)

    def _commands(self, text: str) -> None:
        process = self._process
        if self._interactive and not text.endswith("\n"):
            text += "\n"
        try:
            if len(text) <= MAX_CACHED_LENGTH and not process.aliases and "alias" not in text:
                self._drive_all(list(parsed(text, bash=process.bash)))
            else:
                self._each_command(self._interpreter.parser(text, process, final=not self._interactive))
        except IncompleteError:
            if self._interactive:
                self._unfinished = text.removesuffix("\n")
            else:
                self._each_command(self._interpreter.parser(text, process))
        except ShellSyntaxError:
            self._each_command(self._interpreter.parser(text, process))

    def _each_command(self, parser: Parser) -> None:
        """Run commands up to the first one that is none, as ash does."""
        while True:
            try:
                node = parser.next_command()
            except IncompleteError as error:
                if not parser.final:
                    self._unfinished = parser.text[parser.position :].removesuffix("\n")
                    return
                self._complain(error, parser)
                return
            except ShellSyntaxError as error:
                self._complain(error, parser)
                return
            if node is None:
                return
            self._drive_all([node])
            if self._work is not None:
                self._work = Sequence((self._work, *remaining(parser)))
                return

    def _complain(self, error: ShellSyntaxError, parser: Parser) -> None:
        process = self._process
        complain_of_syntax(process, error, parser)
        if not in_bash_only(process, parser.text):
            shadow(self._interpreter, parser.text[parser.command_start :], process)
        raise FaultError(2)

    def _drive_all(self, nodes: list[Node]) -> None:
        try:
            self._drive_sequence(Sequence(tuple(nodes)), self._process)
        except _PausedError as pause:
            self._work, self._want = pause.rest, pause.want

    def _drive(self, node: Node, process: Process) -> int:
        """Run a command so that it can be taken up again where it read the terminal."""
        kind = type(node)
        if kind is Sequence:
            return self._drive_sequence(node, process)  # type: ignore[arg-type]  # kind says so
        if kind is AndOr:
            return self._drive_and_or(node, process)  # type: ignore[arg-type]  # kind says so
        if kind is Group:
            return self._drive(node.body, process)  # type: ignore[union-attr]  # kind says so
        return self._attempt(node, process)

    def _drive_sequence(self, node: Sequence, process: Process) -> int:
        status = 0
        for index, command in enumerate(node.commands):
            try:
                status = self._drive(command, process)
            except _PausedError as pause:
                pause.rest = Sequence((pause.rest, *node.commands[index + 1 :]))
                raise
        return status

    def _drive_and_or(self, node: AndOr, process: Process) -> int:
        commands = [node.first, *(command for _, command in node.rest)]
        done = 0

        def step(command: Node, process: Process) -> int:
            nonlocal done
            done = next(index for index, each in enumerate(commands) if each is command)
            return self._drive(command, process)

        try:
            return and_or(self._interpreter, node, process, step)
        except _PausedError as pause:
            pause.rest = AndOr(pause.rest, node.rest[done:])
            raise

    def _attempt(self, node: Node, process: Process) -> int:
        machine = self.machine
        files, typed = machine.fs.snapshot(), machine.typed.place()
        effects, output = len(machine.effects), len(machine.terminal.data)
        variables = dict(process.variables)
        try:
            return self._interpreter.run(node, process)
        except NeedsInputError as need:
            machine.fs.restore(files)
            machine.typed.back(typed)
            del machine.effects[effects:]
            if need.want != 0:
                del machine.terminal.data[output:]
            process.variables = variables
            process.in_unit = False
            raise _PausedError(node, need.want) from None

    def _follow(self, url: str, *, failed: bool) -> None:
        machine = self.machine
        for entry in machine.due(url, failed=failed):
            machine.budget.refill()
            machine.resume(entry.process.depth if not failed else -1)
            machine.resuming = not failed
            try:
                with suppress(*ENDINGS):
                    resume(self._interpreter, entry)
            except LimitReachedError as error:
                machine.limit(error)
            finally:
                machine.resuming = False


class _PausedError(Exception):
    """A command reads the terminal; `rest` is what is to be run when there is more."""

    def __init__(self, rest: Node, want: int | None) -> None:
        super().__init__("paused")
        self.rest, self.want = rest, want
