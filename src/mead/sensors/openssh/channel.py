# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - the arguments are those of the interface of asyncssh
"""What an authenticated peer opens: shells, commands and file transfers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from mead.model.codec import text
from mead.model.event import CommandInput
from mead.sensors.console import Console
from mead.sensors.dialogue import Context, Turn
from mead.sensors.openssh.files import EmulatedFiles
from mead.sensors.openssh.sftp import run_sftp
from mead.wire.core import Fact, Limit, Output, Send
from mead.wire.terminal import Mode, TelnetData, TelnetEof, TelnetInterrupt, TelnetLine, Terminal

__all__ = ["Channel"]

_MAX_LINE_BYTES = 1 << 17


class Channel(SSHServerStreamSession[bytes]):
    """One session channel: a shell, a command, scp or sftp.

    What the peer typed waits in `_input` while the connection's turn is over or the peer does not take
    what we print; asyncssh then reads no more for this channel, which bounds it by the channel's window.
    """

    def __init__(
        self, context: Context, username: bytes, banner: bytes, ended: Callable[[Channel], None]
    ) -> None:
        super().__init__(None, self._start_files, 3, True)
        self._context = context
        self._username = username
        self._banner = banner
        self._ended: Callable[[Channel], None] | None = ended
        self._command: bytes | None = None
        self._console: Console | None = None
        self._terminal: Terminal | None = None
        self._input = b""
        self._position = 0
        self._how = "sftp"
        self._files: EmulatedFiles | None = None
        self._busy = self._held = self._left = self._over = False

    # Asked by asyncssh

    def pty_requested(self, term_type: str, term_size: Any, term_modes: Mapping[int, int]) -> bool:
        self._terminal = Terminal(max_line_bytes=_MAX_LINE_BYTES)
        transcript = self._context.capture.transcript
        transcript.term = term_type[:32] or "xterm"
        transcript.width, transcript.height = min(term_size[0], 1000) or 80, min(term_size[1], 1000) or 24
        return True

    def shell_requested(self) -> bool:
        return True

    def exec_requested(self, command: str) -> bool:
        self._command = command.encode("utf-8", "surrogateescape")
        if command.startswith("scp "):
            self._how = "scp"
            self._context.session.emit(CommandInput, command=text(self._command))
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        return subsystem == "sftp"

    def session_started(self) -> None:
        channel = self._chan
        assert channel is not None
        if self._how == "scp":
            super().session_started()
            return
        if channel.get_subsystem() == "sftp":
            self._serve_sftp()
            return
        self._busy = True
        self._context.link.later(self._start)

    def data_received(self, data: bytes, datatype: Any = None) -> None:
        if self._is_files:
            super().data_received(data, datatype)
            return
        if self._over:
            return
        if self._command is None:
            self._context.capture.typed(data)
        self._input = self._input[self._position :] + data
        self._position = 0
        self._go_on_now()

    def eof_received(self) -> bool:
        if self._is_files:
            return bool(super().eof_received())
        self._left = True
        self._go_on_now()
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self._held = True
        if self._console is not None and self._chan is not None:
            self._chan.pause_reading()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._held = False
        if self._console is not None and self._chan is not None:
            self._chan.resume_reading()
            self._go_on_now()

    def connection_lost(self, exc: Exception | None) -> None:
        self._held, self._left = False, True
        if self._is_files:
            super().connection_lost(exc)
        if not self._busy:
            self._busy = True
            self._context.link.later(self._finish)

    def finish(self) -> None:
        """The channel is gone: whatever was still being written is whole now. Does it once."""
        ended, self._ended = self._ended, None
        if ended is None:
            return
        ended(self)
        console, self._console = self._console, None
        if console is not None:
            console.close()
        if self._files is not None:
            self._files.close_all()

    def break_received(self, msec: int) -> bool:
        return True

    def signal_received(self, signal: str) -> None:
        """Signals end a command; ours is over when it is not reading."""

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """The emulated programs do not look at the window."""

    # Files

    @property
    def _is_files(self) -> bool:
        return self._how == "scp" or (self._chan is not None and self._chan.get_subsystem() == "sftp")

    def _start_files(self, channel: Any) -> EmulatedFiles:
        console = Console(self._context, self._username, door="ssh", interactive=False)
        self._files = EmulatedFiles(channel, console, self._brought, self._context.session.limit)
        return self._files

    def _serve_sftp(self) -> None:
        channel, connection = self._chan, self._conn
        assert connection is not None
        assert channel is not None
        reader, writer = SSHReader(self, channel), SSHWriter(self, channel)
        server = self._init_sftp_server()
        assert isinstance(server, EmulatedFiles)
        connection.create_task(run_sftp(server, reader, writer, self._context))

    def _brought(self, path: str, data: bytes) -> None:
        name = path.rpartition("/")[2]
        self._context.capture.body(data, how=self._how, name=name, path=path)
        if name.startswith("authorized_keys"):
            self._context.credentials.learn_keys(data)

    # The shell

    def _start(self) -> list[Output]:
        self._busy = False
        context, command = self._context, self._command
        interactive = command is None and self._terminal is not None
        self._console = console = Console(context, self._username, door="ssh", interactive=interactive)
        if command is not None:
            context.capture.typed(command + b"\n")
            self._show(console.command(command).output)
            if not console.reading:
                self._exit(console.status)
        elif self._terminal is not None:
            self._show(self._banner)
            self._prompt()
        return self._go_on()

    def _go_on_now(self) -> None:
        if not self._busy and self._console is not None:
            self._go_on()

    def _go_on(self) -> list[Output]:
        """Take what was typed, for one turn; it answers through the channel, so nothing is returned."""
        self._busy = False
        turn = Turn(self._context.session)
        while not self._held and not self._over and self._step():
            if turn.over:
                self._busy = True
                self._context.link.later(self._go_on)
                return []
        if self._chan is None or self._chan.is_closing():
            self.finish()
        return []

    def _step(self) -> bool:
        """Take the next piece of the input; whether there may be another."""
        console = self._console
        assert console is not None
        waiting = self._position < len(self._input)
        if not waiting:
            if self._left:
                self._end_of_input(console)
            return False
        if self._terminal is not None:
            self._type(self._terminal)
        elif self._command is not None or console.reading:
            self._show(console.feed(self._rest()))
        else:
            return self._script(console)
        return True

    def _rest(self) -> bytes:
        rest, self._input, self._position = self._input[self._position :], b"", 0
        return rest

    def _script(self, console: Console) -> bool:
        """A line of a shell without a terminal; what a command reads is the rest of them."""
        end = self._input.find(b"\n", self._position)
        if end < 0 and not self._left:
            if len(self._input) - self._position > _MAX_LINE_BYTES:
                self._context.session.limit("max_line_bytes", _MAX_LINE_BYTES, "bytes")
                self._rest()
            return False
        end = end if end >= 0 else len(self._input)
        line, self._position = self._input[self._position : end], end + 1
        self._show(console.line(line))
        if console.closed:
            self._exit(console.status)
        return True

    def _end_of_input(self, console: Console) -> None:
        if console.reading:
            reply = console.feed_eof()
            self._show(reply.output)
            self._exit(reply.status)
        else:
            self._exit(0 if self._command is None else console.status)

    def _type(self, terminal: Terminal) -> None:
        out: list[Output] = []
        self._position = terminal.take(self._input, self._position, len(self._input), out)
        for item in out:
            if isinstance(item, Send):
                self._show(item.data, cooked=True)
            elif isinstance(item, Fact) and not self._over:
                self._typed(item)

    def _typed(self, fact: Fact) -> None:
        console = self._console
        assert console is not None
        match fact:
            case TelnetLine(terminated=True):
                self._show(console.line(fact.data))
            case TelnetData():
                self._show(console.feed(fact.data))
            case TelnetEof():
                if not console.reading:
                    self._show(b"logout\n")
                    self._exit(0)
                    return
                self._show(console.feed_eof().output)
            case TelnetInterrupt():
                self._show(console.interrupt())
            case Limit():
                self._context.session.observe(fact)
                return
            case _:
                return
        self._prompt()

    def _prompt(self) -> None:
        console, terminal = self._console, self._terminal
        assert console is not None
        assert terminal is not None
        if console.closed:
            self._exit(console.status)
            return
        terminal.mode = Mode.STDIN if console.reading else Mode.LINE
        self._show(console.prompt)

    def _show(self, data: bytes, *, cooked: bool = False) -> None:
        if not data or self._over:
            return
        if self._terminal is not None and not cooked:
            data = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        self._context.capture.shown(data)
        if self._chan is not None and not self._chan.is_closing():
            self._chan.write(data)

    def _exit(self, status: int) -> None:
        if not self._over:
            self._over = True
            channel: Any = self._chan
            if channel is not None:
                channel.exit(status & 255)

    def _finish(self) -> list[Output]:
        self.finish()
        return []
