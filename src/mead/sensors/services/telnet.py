# SPDX-License-Identifier: Apache-2.0
"""The Telnet door of a device: login and password, then its shell.

Source: RFC 854; BusyBox `loginutils/login.c` for the order of the prompts and what it says.
"""

from __future__ import annotations

from mead.model.codec import text
from mead.model.event import LoginAttempt
from mead.sensors.console import Console
from mead.sensors.dialogue import Context, Dialogue, Turn
from mead.wire.core import Close, Fact, Output, Send, Wait
from mead.wire.negotiation import PROFILES
from mead.wire.telnet import TelnetServer, cook, escape
from mead.wire.terminal import Mode, TelnetData, TelnetEof, TelnetInterrupt, TelnetLine

__all__ = ["serve"]

_MAX_NAME_BYTES = 256


def serve(context: Context) -> Dialogue:
    """Start the dialogue of one Telnet connection."""
    return _Telnet(context)


class _Telnet:
    """Name, password, shell: one state after the other."""

    __slots__ = ("_console", "_context", "_core", "_device", "_name", "_tries", "_waiting")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._device = context.persona.device
        self._core = TelnetServer(PROFILES[self._device.profile])
        self._console: Console | None = None
        self._name: bytes | None = None
        self._tries = 0
        self._waiting = False

    def open(self) -> list[Output]:
        out = self._core.start()
        self._waiting = self._device.after_negotiation
        if not self._waiting:
            out.append(self._say(self._device.banner + self._device.login))
        return self._record(out)

    def receive(self, data: bytes) -> list[Output]:
        if data:
            self._context.capture.typed(data)
        self._core.feed(data)
        out: list[Output] = []
        if self._waiting and data:
            self._waiting = False
            out.append(self._say(self._device.banner + self._device.login))
        return self._go_on(out)

    def _go_on(self, out: list[Output] | None = None) -> list[Output]:
        """Take what was received, line by line, for one turn."""
        out = [] if out is None else out
        turn = Turn(self._context.session)
        while step := self._core.step():
            start = len(out)
            for item in step:
                if isinstance(item, Fact):
                    self._take(item, out)
                else:
                    out.append(item)
            if any(isinstance(item, Close) for item in out[start:]):
                break
            turn.said(sum(len(item.data) for item in out[start:] if isinstance(item, Send)))
            if turn.over and self._core.waiting:
                self._context.link.later(self._go_on)
                break
        return self._record(out)

    def lost(self) -> None:
        if self._console is not None:
            self._console.close()
            self._console = None

    def _take(self, fact: Fact, out: list[Output]) -> None:
        match fact:
            case TelnetLine(terminated=True):
                self._line(fact.data, out)
            case TelnetLine():
                if self._console is not None and fact.data:
                    self._console.line(fact.data)
            case TelnetData():
                if self._console is not None:
                    self._after(self._console.feed(fact.data), out)
            case TelnetEof():
                self._eof(out)
            case TelnetInterrupt():
                self._interrupt(out)
            case _:
                out.append(fact)

    def _line(self, line: bytes, out: list[Output]) -> None:
        if self._console is not None:
            self._after(self._console.line(line), out)
        elif self._name is None:
            self._name = line.strip()[:_MAX_NAME_BYTES]
            self._core.echo = False
            if self._name:
                out.append(self._say(self._device.password))
            else:
                self._ask_again(out)
        else:
            self._password(line, out)

    def _password(self, password: bytes, out: list[Output]) -> None:
        assert self._name is not None
        context, name = self._context, self._name
        accepted = context.credentials.accepts(context.session.source, name, password[:_MAX_NAME_BYTES])
        context.session.emit(
            LoginAttempt, username=text(name), password=text(password), method="password", success=accepted
        )
        self._core.echo = True
        out.append(Send(b"\r\n"))
        if accepted:
            self._enter(name, out)
            return
        self._tries += 1
        if context.live:
            out.append(Wait(context.persona.failure_seconds))
        out.append(self._say(self._device.wrong))
        if self._tries >= self._device.tries:
            out.append(Close("too many wrong logins"))
            return
        self._ask_again(out)

    def _ask_again(self, out: list[Output]) -> None:
        self._name = None
        self._core.echo = True
        out.append(self._say(self._device.login))

    def _enter(self, name: bytes, out: list[Output]) -> None:
        context = self._context
        self._console = Console(context, name, door="telnet", interactive=True)
        shell = context.persona.shell_for(context.session.source, "telnet")
        out.append(Send(cook(context.persona.device_text(self._device.greeting, shell))))
        self._after(b"", out)

    def _after(self, output: bytes, out: list[Output]) -> None:
        """Show what a command printed and, unless one reads on, the prompt."""
        console = self._console
        assert console is not None
        shown = cook(output) + escape(console.prompt)
        if shown:
            out.append(Send(shown))
        self._core.mode = Mode.STDIN if console.reading else Mode.LINE
        if console.closed:
            out.append(Close("logout"))

    def _eof(self, out: list[Output]) -> None:
        console = self._console
        if console is None or not console.reading:
            out.append(Close("end of file"))
            return
        self._after(console.feed_eof().output, out)

    def _interrupt(self, out: list[Output]) -> None:
        console = self._console
        if console is None:
            self._ask_again(out)
        else:
            self._after(console.interrupt(), out)

    def _say(self, message: str) -> Send:
        return Send(escape(self._context.persona.device_text(message)))

    def _record(self, out: list[Output]) -> list[Output]:
        shown = b"".join(item.data for item in out if isinstance(item, Send))
        if shown:
            self._context.capture.shown(shown)
        return out
