# SPDX-License-Identifier: Apache-2.0
"""The line discipline of a terminal: keys become lines, or data for a command that reads.

It does what the tty driver and the line editor of a small Unix do: echo, erase, kill, interrupt, end of
file. It serves every door that ends in a shell (Telnet, SSH with a pty, a bind shell).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from mead.wire.core import Fact, Limit, Output, Send

__all__ = [
    "Mode",
    "TelnetData",
    "TelnetEof",
    "TelnetInterrupt",
    "TelnetKey",
    "TelnetLine",
    "Terminal",
]

CTRL_C, CTRL_D, BELL, BACKSPACE, LF, CR, CTRL_U, CTRL_W, ESCAPE, DELETE = 3, 4, 7, 8, 10, 13, 21, 23, 27, 127
_SPECIAL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_COOKED = re.compile(rb"[\x03\x04\n\r]")
_ERASE = b"\b \b"
MAX_KEY_BYTES = 16


class Mode(Enum):
    """Who reads the terminal."""

    LINE = "line"
    """A prompt with a line editor: facts are lines."""
    STDIN = "stdin"
    """A command, through a cooked tty: facts are data, newline by newline; ^C and ^D work."""
    RAW = "raw"
    """A command, every byte as it came."""


@dataclass(frozen=True, slots=True)
class TelnetLine(Fact):
    """A line was entered."""

    data: bytes
    """The edited line without its end."""
    terminated: bool = True
    """Whether Enter came; False: the peer left in the middle."""
    dropped: int = 0
    """Bytes beyond the bound."""


@dataclass(frozen=True, slots=True)
class TelnetData(Fact):
    """Bytes for the command that reads; how they are cut into facts says nothing."""

    data: bytes


@dataclass(frozen=True, slots=True)
class TelnetInterrupt(Fact):
    """The peer interrupts: ^C, or one of the Telnet signals."""

    how: str
    """`ctrl-c`, `ip`, `abort`, `suspend`."""
    data: bytes = b""
    """The unfinished line that this throws away."""


@dataclass(frozen=True, slots=True)
class TelnetEof(Fact):
    """End of file from the keyboard (^D), or the Telnet signal of that name."""


@dataclass(frozen=True, slots=True)
class TelnetKey(Fact):
    """A function or cursor key: an escape sequence, kept out of the line."""

    data: bytes


class Terminal:
    """Turns keys into facts and echo. O(bytes received); holds at most one line.

    `mode` and `echo` belong to the reader and may be changed after each call of `take`. With echo off
    nothing is echoed, not even the end of the line.
    """

    __slots__ = (
        "_after_cr", "_at_line_start", "_dropped", "_escape", "_key", "_line", "_max_line_bytes",
        "echo", "mode",
    )  # fmt: skip

    def __init__(self, *, max_line_bytes: int, escape: Callable[[bytes], bytes] = bytes) -> None:
        self.mode = Mode.LINE
        self.echo = True
        self._escape = escape
        self._max_line_bytes = max_line_bytes
        self._line = bytearray()
        self._dropped = 0
        self._key = bytearray()
        self._after_cr = False
        self._at_line_start = True

    def take(self, data: bytes, start: int, end: int, out: list[Output]) -> int:
        """Take `data[start:end]` up to the first fact to act upon; return where it stopped."""
        if self._after_cr and start < end:
            self._after_cr = False
            if data[start] in {0, LF}:
                start += 1
        if self.mode is Mode.LINE:
            return self._edit(data, start, end, out)
        if self.mode is Mode.STDIN:
            return self._cook(data, start, end, out)
        if start < end:
            out.append(TelnetData(data[start:end]))
        return end

    def leave(self, out: list[Output]) -> None:
        """The peer is gone: what was typed so far is an unterminated line."""
        if self._line or self._dropped:
            out.append(self._finish(terminated=False))

    def interrupt(self, how: str, out: list[Output]) -> None:
        """Throw the line away."""
        out.append(TelnetInterrupt(how, self._finish(terminated=False).data))
        self._key.clear()
        self._at_line_start = True

    def erase(self, out: list[Output], count: int = 1) -> None:
        """Take back the last `count` characters."""
        count = min(count, len(self._line))
        if count:
            del self._line[-count:]
            self._send(_ERASE * count, out)

    def kill(self, out: list[Output]) -> None:
        """Take back the whole line."""
        self.erase(out, len(self._line))

    def _edit(self, data: bytes, position: int, end: int, out: list[Output]) -> int:
        while position < end:
            if self._key:
                self._continue_key(data[position], out)
                position += 1
                continue
            found = _SPECIAL.search(data, position, end)
            stop = found.start() if found else end
            if stop > position:
                self._type(data[position:stop], out)
            position = stop + 1
            if found and self._press(data[stop], out):
                return position
        return end

    def _press(self, key: int, out: list[Output]) -> bool:
        """Handle a control character; whether the reader must act before the next byte."""
        if key in {CR, LF}:
            self._after_cr = key == CR
            self._send(b"\r\n", out)
            out.append(self._finish(terminated=True))
            return True
        if key == CTRL_C:
            self._send(b"^C\r\n", out)
            self.interrupt("ctrl-c", out)
            return True
        if key == CTRL_D:
            if not self._line:
                out.append(TelnetEof())
            return not self._line
        self._modify(key, out)
        return False

    def _modify(self, key: int, out: list[Output]) -> None:
        if key in {BACKSPACE, DELETE}:
            self.erase(out)
        elif key == CTRL_U:
            self.kill(out)
        elif key == CTRL_W:
            kept = bytes(self._line).rstrip(b" ").rpartition(b" ")
            self.erase(out, len(self._line) - len(kept[0] + kept[1]))
        elif key == ESCAPE:
            self._key.append(key)
        elif key:
            self._type(bytes([key]), out, shown=b"^" + bytes([key ^ 0x40]))

    def _continue_key(self, byte: int, out: list[Output]) -> None:
        self._key.append(byte)
        introducer = len(self._key) == 2 and byte in b"[O"
        if introducer or (len(self._key) > 2 and not 0x40 <= byte <= 0x7E and len(self._key) < MAX_KEY_BYTES):
            return
        out.append(TelnetKey(bytes(self._key)))
        self._key.clear()

    def _type(self, run: bytes, out: list[Output], shown: bytes | None = None) -> None:
        room = self._max_line_bytes - len(self._line)
        if len(run) > room:
            if not self._dropped:
                out.append(Limit("line", self._max_line_bytes, "bytes"))
            self._dropped += len(run) - room
            run = run[:room]
        if run:
            self._line += run
            self._send(run if shown is None else shown, out)

    def _finish(self, *, terminated: bool) -> TelnetLine:
        line = TelnetLine(bytes(self._line), terminated, self._dropped)
        self._line.clear()
        self._dropped = 0
        return line

    def _cook(self, data: bytes, start: int, end: int, out: list[Output]) -> int:
        found = _COOKED.search(data, start, end)
        stop = found.start() if found else end
        key = data[stop] if found else 0
        if key in {CR, LF}:
            self._after_cr = key == CR
            self._pass(data[start:stop] + b"\n", out)
            return stop + 1
        if stop > start:
            self._pass(data[start:stop], out)
        if key == CTRL_C:
            self._send(b"^C\r\n", out)
            self.interrupt("ctrl-c", out)
        elif key == CTRL_D:
            if self._at_line_start:
                out.append(TelnetEof())
            self._at_line_start = True
        return stop + 1 if found else end

    def _pass(self, data: bytes, out: list[Output]) -> None:
        self._at_line_start = data.endswith(b"\n")
        self._send(data.replace(b"\n", b"\r\n"), out)
        out.append(TelnetData(data))

    def _send(self, data: bytes, out: list[Output]) -> None:
        if self.echo:
            out.append(Send(self._escape(data)))
