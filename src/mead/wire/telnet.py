# SPDX-License-Identifier: Apache-2.0
"""The Telnet server side: commands, options and subnegotiations off, keys through a terminal.

**Source:** RFC 854, RFC 855, RFC 1073 (NAWS), RFC 1091 (TTYPE), RFC 1123 §3.3 (CR), RFC 1143,
RFC 1572 (NEW-ENVIRON); `networking/telnetd.c` of BusyBox for what the small ones do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from msgspec import Struct

from mead.wire.core import Fact, Limit, Output, PeerError, Send
from mead.wire.negotiation import (
    COMMAND_NAMES,
    ECHO,
    IAC,
    OPTION_NAMES,
    PROFILES,
    SB,
    SE,
    Negotiation,
    TelnetProfile,
)
from mead.wire.subnegotiation import (
    TelnetEnvironment,
    TelnetFact,
    TelnetSubnegotiation,
    TelnetTerminal,
    TelnetWindow,
    subnegotiation,
)
from mead.wire.terminal import (
    Mode,
    TelnetData,
    TelnetEof,
    TelnetInterrupt,
    TelnetKey,
    TelnetLine,
    Terminal,
)

__all__ = [
    "PROFILES", "Mode", "TelnetAyt", "TelnetBreak", "TelnetData", "TelnetEnvironment", "TelnetEof",
    "TelnetInterrupt", "TelnetKey", "TelnetLimits", "TelnetLine", "TelnetOption", "TelnetProfile",
    "TelnetServer", "TelnetSubnegotiation", "TelnetTerminal", "TelnetWindow", "cook", "escape",
]  # fmt: skip

EOF_, SUSP, ABORT, NOP, DM, BRK, IP, AO, AYT, EC, EL, GA = (
    236,
    237,
    238,
    241,
    242,
    243,
    244,
    245,
    246,
    247,
    248,
    249,
)
_SILENT = frozenset({SE, NOP, DM, AO, GA})
_DOUBLE = bytes((IAC, IAC))
_SINGLE = bytes((IAC,))


@dataclass(frozen=True, slots=True)
class TelnetOption(Fact):
    """The peer negotiates."""

    command: str
    """WILL, WONT, DO or DONT."""
    option: int

    @property
    def name(self) -> str:
        """The option's name, or its number."""
        return OPTION_NAMES.get(self.option, str(self.option))


@dataclass(frozen=True, slots=True)
class TelnetAyt(Fact):
    """The peer asked "are you there"."""


@dataclass(frozen=True, slots=True)
class TelnetBreak(Fact):
    """The peer pressed Break."""


class TelnetLimits(Struct, frozen=True, kw_only=True):
    """Bounds of one Telnet connection.

    Attributes:
        max_line_bytes: longest line; what exceeds it is dropped and counted in the line's fact.
        max_subnegotiation_bytes: longest subnegotiation; the rest of it is dropped.
        max_commands: options, subnegotiations and errors that become facts and are answered.
    """

    max_line_bytes: int = 65536
    max_subnegotiation_bytes: int = 2048
    max_commands: int = 256


_LIMITS = TelnetLimits()


def escape(data: bytes) -> bytes:
    """Double every IAC, so that `data` arrives as it is."""
    return data.replace(_SINGLE, _DOUBLE)


def cook(data: bytes) -> bytes:
    """What a terminal shows for a program's output: newline as CR LF, IAC doubled."""
    return escape(data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))


class TelnetServer:
    """The server side of one Telnet connection.

    `receive` takes a chunk whole. A driver that changes `mode` or `echo` between two lines of one chunk
    calls `feed` and then `step` until it returns nothing.
    """

    __slots__ = (
        "_commands", "_data", "_echo", "_left", "_limits", "_negotiation", "_next_iac", "_offset",
        "_position", "_prefix", "_profile", "_sub", "_sub_dropped", "_terminal",
    )  # fmt: skip

    def __init__(self, profile: TelnetProfile = PROFILES["busybox"], limits: TelnetLimits = _LIMITS) -> None:
        self._profile = profile
        self._limits = limits
        self._negotiation = Negotiation(profile)
        self._terminal = Terminal(max_line_bytes=limits.max_line_bytes, escape=escape)
        self._echo = True
        self._data = b""
        self._position = 0
        self._next_iac = 0
        self._offset = 0
        self._left = False
        self._commands = 0
        self._prefix = b""
        self._sub: bytearray | None = None
        self._sub_dropped = 0

    @property
    def mode(self) -> Mode:
        """Who reads: the prompt, a command through the tty, or a command that wants each byte."""
        return self._terminal.mode

    @mode.setter
    def mode(self, mode: Mode) -> None:
        self._terminal.mode = mode

    @property
    def echo(self) -> bool:
        """Whether keys are echoed; off while a password is typed."""
        return self._echo

    @echo.setter
    def echo(self, on: bool) -> None:
        self._echo = on
        self._terminal.echo = on and (not self._profile.answers or self._negotiation.performs(ECHO))

    @property
    def waiting(self) -> bool:
        """Whether `step` has bytes left to look at."""
        return self._position < len(self._data)

    def start(self) -> list[Output]:
        """The first packet of the device."""
        greeting = self._negotiation.start()
        self.echo = self._echo
        return [Send(greeting)] if greeting else []

    def receive(self, data: bytes) -> list[Output]:
        """Take what the peer sent; empty `data`: it sends no more. O(len(data))."""
        self.feed(data)
        out: list[Output] = []
        while more := self.step():
            out += more
        return out

    def feed(self, data: bytes) -> None:
        """Take what the peer sent without looking at it yet; `step` does."""
        if not data:
            self._left = True
        self._offset += self._position
        self._data = self._data[self._position :] + data
        self._position = 0
        self._find_iac()

    def step(self) -> list[Output]:
        """Go on to the next line, interrupt or piece of data; nothing when all was taken."""
        out: list[Output] = []
        while self._position < len(self._data):
            if self._prefix or self._sub is not None or self._position == self._next_iac:
                self._command(out)
            else:
                self._position = self._terminal.take(self._data, self._position, self._next_iac, out)
            if any(isinstance(item, Fact) for item in out):
                return out
        if self._left and not out:
            self._left = False
            self._terminal.leave(out)
        return out

    def _find_iac(self) -> None:
        found = self._data.find(IAC, self._position)
        self._next_iac = found if found >= 0 else len(self._data)

    def _command(self, out: list[Output]) -> None:
        """Take the next piece of a command: one byte, or a run inside a subnegotiation."""
        if self._sub is not None and not self._prefix and self._position < self._next_iac:
            self._collect(self._data[self._position : self._next_iac], out)
            self._position = self._next_iac
            return
        byte = self._data[self._position]
        self._position += 1
        if not self._prefix:
            self._prefix = _SINGLE
        elif self._sub is not None:
            self._end_sub(byte, out)
        elif len(self._prefix) == 1:
            self._second(byte, out)
        else:
            self._third(byte, out)
        self._find_iac()

    def _second(self, byte: int, out: list[Output]) -> None:
        if byte in COMMAND_NAMES or byte == SB:
            self._prefix += bytes((byte,))
            return
        self._prefix = b""
        if byte == IAC:
            self._terminal.take(_SINGLE, 0, 1, out)
        elif (act := self._ACTIONS.get(byte)) is not None:
            act(self, out)
        elif byte not in _SILENT and self._counted(out):
            out.append(PeerError(self._offset + self._position - 2, "unknown command", bytes((IAC, byte))))

    def _third(self, byte: int, out: list[Output]) -> None:
        command, self._prefix = self._prefix[1], b""
        if command == SB:
            self._sub = bytearray((byte,))
            return
        if not self._counted(out):
            return
        out.append(TelnetOption(COMMAND_NAMES[command], byte))
        if answer := self._negotiation.receive(command, byte):
            out.append(Send(answer))
        self.echo = self._echo

    def _collect(self, run: bytes, out: list[Output]) -> None:
        assert self._sub is not None
        room = self._limits.max_subnegotiation_bytes - len(self._sub)
        if len(run) > room:
            if not self._sub_dropped and self._counted(out):
                out.append(Limit("subnegotiation", self._limits.max_subnegotiation_bytes, "bytes"))
            self._sub_dropped += len(run) - room
            run = run[:room]
        self._sub += run

    def _end_sub(self, byte: int, out: list[Output]) -> None:
        """IAC was seen inside a subnegotiation."""
        assert self._sub is not None
        self._prefix = b""
        if byte == IAC:
            self._collect(_SINGLE, out)
            return
        option, payload = self._sub[0], bytes(self._sub[1:])
        self._sub, self._sub_dropped = None, 0
        if not self._counted(out):
            return
        if byte != SE:
            out.append(
                PeerError(self._offset + self._position - 2, "subnegotiation cut short", bytes((IAC, byte)))
            )
        fact: TelnetFact = subnegotiation(option, payload)
        out.append(fact)

    def _counted(self, out: list[Output]) -> bool:
        """Whether one more command may be a fact; says so once when the bound is reached."""
        self._commands += 1
        if self._commands == self._limits.max_commands + 1:
            out.append(Limit("commands", self._limits.max_commands, "commands"))
        return self._commands <= self._limits.max_commands

    def _ayt(self, out: list[Output]) -> None:
        if self._counted(out):
            out.append(TelnetAyt())
            if self._profile.ayt:
                out.append(Send(self._profile.ayt))

    def _break(self, out: list[Output]) -> None:
        if self._counted(out):
            out.append(TelnetBreak())

    def _eof(self, out: list[Output]) -> None:
        if self._counted(out):
            out.append(TelnetEof())

    def _signal(self, how: str, out: list[Output]) -> None:
        if self._counted(out):
            self._terminal.interrupt(how, out)

    _ACTIONS: ClassVar[Mapping[int, Callable[[TelnetServer, list[Output]], None]]] = {
        AYT: _ayt,
        BRK: _break,
        EOF_: _eof,
        IP: lambda self, out: self._signal("ip", out),
        ABORT: lambda self, out: self._signal("abort", out),
        SUSP: lambda self, out: self._signal("suspend", out),
        EC: lambda self, out: self._terminal.erase(out),
        EL: lambda self, out: self._terminal.kill(out),
    }
