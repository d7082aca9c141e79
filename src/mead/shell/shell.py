# SPDX-License-Identifier: Apache-2.0
"""The session: lines in, output and effects out.

`Shell` is a state machine without I/O. A line is run at once; when a command reads the terminal, the
shell is `reading` and takes what the peer sends with `feed`. A body that was fetched for an offer comes
back with `deliver`, and what waited for it is followed in the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Final

from mead.shell.applets import routeros
from mead.shell.ast import AndOr, Group, Node, Sequence, decode, encode
from mead.shell.call import Call
from mead.shell.compound import and_or, check_errors
from mead.shell.control import BreakLoopError, ContinueLoopError, ExitShellError, ReturnError
from mead.shell.effects import Reply
from mead.shell.interpreter import Interpreter
from mead.shell.limits import LimitReachedError, ShellLimits
from mead.shell.machine import Machine
from mead.shell.parser import IncompleteError, Parser, ShellSyntaxError
from mead.shell.persona import ShellPersona
from mead.shell.process import Process
from mead.shell.streams import EndlessError, NeedsInputError, Terminal

__all__ = ["Shell"]

_DEFAULT_LIMITS: Final = ShellLimits()
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_ROUTER_WORDS: Final = frozenset(
    {"enable", "system", "shell", "linuxshell", "start-shell", "configure", "development"}
)
_CACHED_LINE: Final = 1_024


@lru_cache(maxsize=2_048)
def _parsed(text: str) -> tuple[Node, ...]:
    """The commands of a short complete text. Trees are immutable, so sessions may share them."""
    parser = Parser(text, final=False)
    nodes: list[Node] = []
    while (node := parser.next_command()) is not None:
        nodes.append(node)
    return tuple(nodes)


def _remaining(parser: Parser) -> list[Node]:
    """The commands that are left, as far as they are any."""
    nodes: list[Node] = []
    try:
        while (node := parser.next_command()) is not None:
            nodes.append(node)
    except ShellSyntaxError:
        pass
    return nodes


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
        self._levels: list[str] = []
        self._unfinished = ""
        self._work: Node | None = None
        self._want: int | None = None
        self._process = self._login()

    def _login(self) -> Process:
        machine = self.machine
        output = machine.terminal
        name = "bash" if self.persona.gnu else "sh"
        process = Process(
            cwd="/", name=f"-{name}" if self._interactive else name, stdin=Terminal(machine.typed),
            stdout=output, stderr=output, pid=machine.shell_pid,
        )  # fmt: skip
        home = self.persona.home_of(machine.username) or "/"
        if machine.fs.is_directory(home):
            process.cwd = home
        process.variables = {
            "PATH": _PATH, "HOME": home, "USER": machine.username, "LOGNAME": machine.username,
            "PWD": process.cwd, "SHELL": "/bin/bash" if self.persona.gnu else "/bin/sh", "TERM": "xterm",
            "IFS": " \t\n", "PS1": "# ",
        }  # fmt: skip
        process.exported = {"PATH", "HOME", "USER", "LOGNAME", "PWD", "SHELL", "TERM"}
        return process

    @property
    def prompt(self) -> bytes:
        """What the terminal shows before the next line."""
        if self._unfinished:
            return b"> "
        mark = "#" if self.machine.uid == 0 else "$"
        cwd, home = self._process.cwd, self._process.variables.get("HOME", "/")
        if self.persona.gnu:
            shown = (
                "~" + cwd[len(home) :] if home != "/" and (cwd == home or cwd.startswith(home + "/")) else cwd
            )
            return encode(f"{self.machine.username}@{self.persona.hostname}:{shown}{mark} ")
        if self.persona.distribution.startswith("OpenWrt"):
            shown = "~" if cwd == home else cwd
            return encode(f"{self.machine.username}@{self.persona.hostname}:{shown}{mark} ")
        return encode(
            f"{mark} "
            if self.persona.name.startswith(("router", "modem"))
            else f"{cwd if cwd != home else '~'} {mark} "
        )

    @property
    def reading(self) -> bool:
        """Whether a command waits for what the peer types."""
        return self._work is not None

    def run(self, line: bytes) -> Reply:
        """Run a line (or several) as typed; an unfinished one is kept until the rest comes."""
        if self.reading:
            return self.feed(line + b"\n")
        text = decode(line).rstrip("\r\n")
        machine = self.machine
        machine.start_line()
        if text.strip() and len(machine.history) < 1_000:
            machine.history.append(text[:_CACHED_LINE])
        text = f"{self._unfinished}\n{text}" if self._unfinished else text
        self._unfinished = ""
        return self._guarded(lambda: self._text(text))

    def feed(self, data: bytes) -> Reply:
        """Give the running command what the peer sent; the command goes on when it has enough."""
        typed = self.machine.typed
        if len(typed.data) + len(data) > self._limits.file_bytes:
            self.machine.limit(LimitReachedError("file_bytes", self._limits.file_bytes, "bytes"))
            typed.ended = True
        else:
            typed.data += data
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
        self.machine.typed.data = b""
        return self._reply()

    def deliver(self, url: str, body: bytes | None) -> Reply:
        """The body of an offer arrived (None: it could not be had); follow what waited for it."""
        machine = self.machine
        machine.start_line()
        if body is None:
            machine.failed.add(url)
        elif sum(map(len, machine.bodies.values())) + len(body) <= self._limits.file_system_bytes:
            machine.bodies[url] = body
        else:
            machine.limit(LimitReachedError("file_system_bytes", self._limits.file_system_bytes, "bytes"))
            return self._reply()
        return self._guarded(lambda: self._follow(url, failed=body is None))

    def close(self) -> Reply:
        """The session ends: report files that were still growing."""
        self.closed = True
        try:
            self.machine.settle_all(ended=True)
        except LimitReachedError as error:
            self.machine.limit(error)
        return self._reply()

    # Inside

    def _enough(self) -> bool:
        data = self.machine.typed.data
        if self._want is None:
            return False
        return b"\n" in data if self._want == 0 else len(data) >= self._want

    def _resume(self) -> Reply:
        work, self._work = self._work, None
        if work is None:
            return self._reply()
        self.machine.start_line()
        reply = self._guarded(lambda: self._drive_all([work]))
        typed = self.machine.typed
        if self.reading or self.closed or not typed.data or not self._interactive:
            if not self.reading:
                typed.data, typed.ended = b"", False
            return reply
        left, typed.data, typed.ended = typed.data, b"", False
        more = self.run(left)
        return Reply(reply.output + more.output, reply.effects + more.effects, more.status, more.closed)

    def _guarded(self, act: Callable[[], None]) -> Reply:
        """Run something and turn every way in which it may end into a reply."""
        machine = self.machine
        try:
            act()
        except ExitShellError as leave:
            self._leave(leave.status)
        except LimitReachedError as error:
            machine.limit(error)
        except EndlessError:
            machine.limit(LimitReachedError("endless_output", 1, "commands"))
        except (ReturnError, BreakLoopError, ContinueLoopError):
            pass
        except RecursionError:
            machine.limit(LimitReachedError("nesting", self._limits.nesting, "levels"))
        self._process.nesting = 0
        self._process.in_unit = False
        self._process.in_loop = 0
        machine.resuming = False
        try:
            machine.settle_all(ended=self.closed)
        except LimitReachedError as error:
            machine.limit(error)
        return self._reply()

    def _reply(self) -> Reply:
        machine = self.machine
        output, machine.terminal.data = bytes(machine.terminal.data), bytearray()
        effects, machine.effects = tuple(machine.effects), []
        self._levels.extend(machine.take_levels())
        if machine.down:
            self.closed = True
        return Reply(output, effects, self._process.status, self.closed)

    def _leave(self, status: int) -> None:
        self._process.status = status
        if self._levels and not self.machine.down:
            self._levels.pop()
        else:
            self.closed = True

    def _text(self, text: str) -> None:
        process = self._process
        if len(text) > self._limits.script_bytes:
            raise LimitReachedError("script_bytes", self._limits.script_bytes, "bytes")
        if routeros.is_line(text):
            routeros.run_text(Call(["/tool"], process, self._interpreter), text)
            process.status = 0
            return
        if text.strip() in _ROUTER_WORDS and not self.persona.gnu:
            process.status = 0
            return
        self._commands(text)

    def _commands(self, text: str) -> None:
        try:
            if len(text) <= _CACHED_LINE:
                self._drive_all(list(_parsed(text)))
            else:
                self._each_command(Parser(text, final=not self._interactive))
        except IncompleteError:
            if self._interactive:
                self._unfinished = text
            else:
                self._each_command(Parser(text))
        except ShellSyntaxError:
            self._each_command(Parser(text))

    def _each_command(self, parser: Parser) -> None:
        """Run commands up to the first one that is none, as ash does."""
        while True:
            try:
                node = parser.next_command()
            except IncompleteError as error:
                if not parser.final:
                    self._unfinished = parser.text[parser.position :]
                    return
                self._complain(error)
                return
            except ShellSyntaxError as error:
                self._complain(error)
                return
            if node is None:
                return
            self._drive_all([node])
            if self._work is not None:
                self._work = Sequence((self._work, *_remaining(parser)))
                return

    def _complain(self, error: ShellSyntaxError) -> None:
        self._process.complain(str(error))
        self._process.status = 2

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
                check_errors(command, status, process)
            except _PausedError as pause:
                pause.rest = Sequence((pause.rest, *node.commands[index + 1 :]))
                raise
        return status

    def _drive_and_or(self, node: AndOr, process: Process) -> int:
        commands = [node.first, *(command for _, command in node.rest)]
        done = 0

        def step(command: Node, process: Process) -> int:
            nonlocal done
            done = commands.index(command)
            return self._drive(command, process)

        try:
            return and_or(self._interpreter, node, process, step)
        except _PausedError as pause:
            pause.rest = AndOr(pause.rest, node.rest[done:])
            raise

    def _attempt(self, node: Node, process: Process) -> int:
        machine = self.machine
        files, typed = machine.fs.snapshot(), machine.typed.data
        effects, output = len(machine.effects), len(machine.terminal.data)
        variables = dict(process.variables)
        try:
            return self._interpreter.run(node, process)
        except NeedsInputError as need:
            machine.fs.restore(files)
            machine.typed.data = typed
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
                self._interpreter.run(entry.command, entry.process)
            except LimitReachedError as error:
                machine.limit(error)
            except (
                ExitShellError,
                ReturnError,
                BreakLoopError,
                ContinueLoopError,
                EndlessError,
                NeedsInputError,
            ):
                continue
            finally:
                machine.resuming = False


class _PausedError(Exception):
    """A command reads the terminal; `rest` is what is to be run when there is more."""

    def __init__(self, rest: Node, want: int | None) -> None:
        super().__init__("paused")
        self.rest, self.want = rest, want
