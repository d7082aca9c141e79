# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - the arguments are those of the interface of asyncssh
"""What an authenticated peer opens: shells, commands, file transfers, and tunnels that lead nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncssh
from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from mead.model.codec import text
from mead.model.event import CommandInput, TunnelRequested
from mead.sensors.console import Console
from mead.sensors.dialogue import Context
from mead.sensors.openssh.files import EmulatedFiles
from mead.sensors.openssh.sftp import run_sftp
from mead.wire.core import Fact, Limit, Output, Send
from mead.wire.terminal import Mode, TelnetData, TelnetEof, TelnetInterrupt, TelnetLine, Terminal

__all__ = ["Channel", "Tunnel"]

_MAX_LINE_BYTES = 1 << 17
_MAX_TUNNEL_BYTES = 1 << 18
_TUNNEL_SECONDS = 20.0


class Channel(SSHServerStreamSession[bytes]):
    """One session channel: a shell, a command, scp or sftp."""

    def __init__(self, context: Context, username: bytes, banner: bytes) -> None:
        super().__init__(None, self._start_files, 3, True)
        self._context = context
        self._username = username
        self._banner = banner
        self._command: bytes | None = None
        self._console: Console | None = None
        self._terminal: Terminal | None = None
        self._lines = bytearray()
        self._how = "sftp"
        self._over = False

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
        interactive = self._command is None and self._terminal is not None
        self._console = Console(self._context, self._username, door="ssh", interactive=interactive)
        if self._command is not None:
            self._context.capture.typed(self._command + b"\n")
            self._show(self._console.command(self._command).output)
            self._end_command()
        elif self._terminal is not None:
            self._show(self._banner)
            self._prompt()

    def data_received(self, data: bytes, datatype: Any = None) -> None:
        console = self._console
        if console is None:
            super().data_received(data, datatype)
            return
        if self._over:
            return
        if self._terminal is not None:
            self._context.capture.typed(data)
            self._type(self._terminal, data)
        elif self._command is not None:
            self._show(console.feed(data))
        else:
            self._context.capture.typed(data)
            self._lines += data
            self._script()

    def eof_received(self) -> bool:
        console = self._console
        if console is None:
            return bool(super().eof_received())
        if self._over:
            return False
        if self._command is None and self._lines:
            self._lines += b"\n"
            self._script()
        if console.reading:
            reply = console.feed_eof()
            self._show(reply.output)
            self._exit(reply.status)
        else:
            self._exit(0)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        console = self._console
        self._console = None
        if console is None:
            super().connection_lost(exc)
        else:
            if console.reading and not self._over:
                console.feed_eof()
            console.close()

    def break_received(self, msec: int) -> bool:
        return True

    def signal_received(self, signal: str) -> None:
        """Signals end a command; ours is over when it is not reading."""

    def terminal_size_changed(self, width: int, height: int, pixwidth: int, pixheight: int) -> None:
        """The emulated programs do not look at the window."""

    # Inside

    def _start_files(self, channel: Any) -> EmulatedFiles:
        console = Console(self._context, self._username, door="ssh", interactive=False)
        return EmulatedFiles(channel, console, self._brought, self._context.session.limit)

    def _serve_sftp(self) -> None:
        channel, connection = self._chan, self._conn
        assert connection is not None
        assert channel is not None
        reader, writer = SSHReader(self, channel), SSHWriter(self, channel)
        server = self._init_sftp_server()
        assert isinstance(server, EmulatedFiles)
        connection.create_task(run_sftp(server, reader, writer, self._context.persona.ssh))

    def _brought(self, path: str, data: bytes) -> None:
        name = path.rpartition("/")[2]
        self._context.capture.body(data, how=self._how, name=name, path=path)
        if name.startswith("authorized_keys"):
            self._context.credentials.learn_keys(data)

    def _end_command(self) -> None:
        """Exit unless the command reads standard input, which comes with `data_received`."""
        assert self._console is not None
        if not self._console.reading:
            self._exit(self._console.status)

    def _script(self) -> None:
        """Lines of a shell without a terminal; what a command reads is the rest of them."""
        console = self._console
        assert console is not None
        while self._lines and not console.closed:
            if console.reading:
                self._show(console.feed(bytes(self._lines)))
                self._lines.clear()
                return
            end = self._lines.find(b"\n")
            if end < 0:
                if len(self._lines) > _MAX_LINE_BYTES:
                    self._context.session.limit("max_line_bytes", _MAX_LINE_BYTES, "bytes")
                    self._lines.clear()
                return
            line = bytes(self._lines[:end])
            del self._lines[: end + 1]
            self._show(console.line(line))
        if console.closed:
            self._exit(console.status)

    def _type(self, terminal: Terminal, data: bytes) -> None:
        position = 0
        while position < len(data) and not self._over:
            out: list[Output] = []
            position = terminal.take(data, position, len(data), out)
            for item in out:
                if isinstance(item, Send):
                    self._show(item.data, cooked=True)
                elif isinstance(item, Fact):
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
        assert self._chan is not None
        self._chan.write(data)

    def _exit(self, status: int) -> None:
        if not self._over:
            self._over = True
            channel: Any = self._chan
            channel.exit(status & 255)


class Tunnel(asyncssh.SSHTCPSession[bytes]):
    """A direct-tcpip channel: what the peer sends into it is kept, and nothing ever comes back."""

    def __init__(self, context: Context, host: str, port: int) -> None:
        self._context = context
        self._host = host
        self._port = port
        self._data = bytearray()
        self._channel: asyncssh.SSHTCPChannel[bytes] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._told = False

    def connection_made(self, chan: asyncssh.SSHTCPChannel[bytes]) -> None:
        self._channel = chan
        self._timer = asyncio.get_running_loop().call_later(_TUNNEL_SECONDS, chan.close)

    def data_received(self, data: bytes, datatype: Any = None) -> None:
        room = _MAX_TUNNEL_BYTES - len(self._data)
        if len(data) > room:
            self._context.session.limit("max_tunnel_bytes", _MAX_TUNNEL_BYTES, "bytes")
        self._data += data[:room]

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.tell()

    def tell(self) -> None:
        """Record the tunnel, once: with its payload when there is one."""
        if self._told:
            return
        self._told = True
        session, data = self._context.session, bytes(self._data)
        host = text(self._host.encode("utf-8", "surrogateescape"), max_bytes=255)

        def emit(digest: str | None) -> None:
            session.emit(
                TunnelRequested, target_host=host, target_port=self._port, sha256=digest, size=len(data)
            )

        if data:
            self._context.capture.keep(data, emit)
        else:
            emit(None)
