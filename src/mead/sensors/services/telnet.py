# SPDX-License-Identifier: Apache-2.0
"""The Telnet door of a device: login and password, then its shell.

The prompt comes a moment after the negotiation, in a packet of its own, as where a login program has to be
started first: password guessers answer the first packet and then wait for the prompt.

Source: RFC 854; BusyBox `loginutils/login.c` for the order of the prompts and what it says.
"""

from __future__ import annotations

import re
from hashlib import md5

from mead.model.codec import text
from mead.model.event import ClientSeen, ExploitSeen, LoginAttempt
from mead.sensors.console import Console
from mead.sensors.dialogue import Context, Dialogue, Turn
from mead.wire.core import Close, Fact, Output, Send, Wait
from mead.wire.negotiation import PROFILES
from mead.wire.subnegotiation import TelnetEnvironment, TelnetTerminal
from mead.wire.telnet import TelnetOption, TelnetServer, cook, escape
from mead.wire.terminal import Mode, TelnetData, TelnetEof, TelnetInterrupt, TelnetLine

__all__ = ["serve"]

_MAX_NAME_BYTES = 256
_MAX_OPTIONS = 64
_MAX_SAID = 20
_COMMANDS = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa[^\xff]*(?:\xff\xf0)?|.)", re.DOTALL)
"""A command with what belongs to it; no two matches look at the same byte, so this is linear."""
_BYPASS, _CVE = "telnet-environment-login-bypass", "CVE-2026-24061"
"""`USER=-f root` makes telnetd of inetutils log the peer in without asking."""


def serve(context: Context) -> Dialogue:
    """Start the dialogue of one Telnet connection."""
    return _Telnet(context)


class _Telnet:
    """Name, password, shell: one state after the other."""

    __slots__ = (
        "_console", "_context", "_core", "_device", "_name", "_options", "_said", "_told", "_tries",
        "_waiting",
    )  # fmt: skip

    def __init__(self, context: Context) -> None:
        self._context = context
        self._device = context.persona.device
        self._core = TelnetServer(PROFILES[self._device.profile])
        self._console: Console | None = None
        self._name: bytes | None = None
        self._tries = 0
        self._waiting = self._device.after_negotiation
        self._options: list[str] = []
        self._said: dict[tuple[str, str], None] = {}
        self._told = False

    def open(self) -> list[Output]:
        out = self._core.start()
        if not self._waiting:
            self._welcome(out)
        return self._record(out)

    def receive(self, data: bytes) -> list[Output]:
        if data:
            self._context.capture.typed(_plain(data))
        self._core.feed(data)
        return self._go_on(greet=bool(data))

    def _go_on(self, *, greet: bool = False) -> list[Output]:
        """Take what was received, line by line, for one turn."""
        out: list[Output] = []
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
        if self._waiting and greet:
            # a real one waits for all answers; most guessers give some and then wait for the prompt
            self._welcome(out)
        return self._record(out)

    def lost(self) -> None:
        self._tell_client()
        if self._console is not None:
            self._console.close()
            self._console = None

    def _take(self, fact: Fact, out: list[Output]) -> None:
        match fact:
            case TelnetOption() | TelnetTerminal() | TelnetEnvironment():
                self._negotiated(fact, out)
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

    # Before the login

    def _welcome(self, out: list[Output]) -> None:
        self._waiting = False
        if self._context.live and out:
            out.append(Wait(self._context.persona.login_seconds))
        out.append(self._say(self._device.banner + self._device.login))

    def _negotiated(self, fact: Fact, out: list[Output]) -> None:
        """Remember how the client negotiates, which tells one from another, and what it says of itself."""
        match fact:
            case TelnetOption():
                if len(self._options) < _MAX_OPTIONS:
                    self._options.append(f"{fact.command}-{fact.option}")
            case TelnetTerminal():
                self._tell("telnet-terminal", text(fact.name, max_bytes=64))
            case TelnetEnvironment():
                for name, value in fact.variables:
                    shown = text(name + b"=" + value, max_bytes=512)
                    self._tell("telnet-environment", shown)
                    if name == b"USER" and value.lstrip().startswith(b"-"):
                        self._bypass(value, out)

    def _tell(self, kind: str, value: str) -> None:
        session = self._context.session
        if (kind, value) in self._said:
            return
        if len(self._said) >= _MAX_SAID:
            session.limit("max_client_facts", _MAX_SAID, "facts")
            return
        self._said[kind, value] = None
        session.emit(ClientSeen, fingerprint_kind=kind, fingerprint=value)

    def _tell_client(self) -> None:
        """Tell the client's way to negotiate, once it begins to type or is gone."""
        if not self._told and self._options:
            of = ",".join(self._options)
            digest = md5(of.encode(), usedforsecurity=False).hexdigest()
            self._context.session.emit(
                ClientSeen, fingerprint_kind="telnet", fingerprint=digest, fingerprint_text=of
            )
        self._told = True

    def _bypass(self, value: bytes, out: list[Output]) -> None:
        """Let a peer in whose user name is an option of the login program, where such a telnetd stands."""
        session = self._context.session
        session.emit(ExploitSeen, rule=_BYPASS, cve=_CVE, command=text(value, max_bytes=512))
        if self._device.profile == "inetutils" and self._console is None:
            name = value.split()[-1].lstrip(b"-f") or b"root"
            session.emit(LoginAttempt, username=text(value), method="environment", success=True)
            self._waiting = False
            self._enter(name[:_MAX_NAME_BYTES], out)

    # The login

    def _line(self, line: bytes, out: list[Output]) -> None:
        self._tell_client()
        if self._waiting:
            self._welcome(out)
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
            self._name = None  # a replay goes on
            out += [self._say(self._device.farewell), Close("too many wrong logins")]
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
        peer = self._context.session.source
        return Send(escape(self._context.persona.device_text(message, peer=peer)))

    def _record(self, out: list[Output]) -> list[Output]:
        shown = b"".join(item.data for item in out if isinstance(item, Send))
        if plain := _plain(shown):
            self._context.capture.shown(plain)
        return out


def _plain(data: bytes) -> bytes:
    """What a terminal makes of `data`: without the commands of Telnet."""
    if b"\xff" not in data:
        return data
    return _COMMANDS.sub(lambda found: b"\xff" if found[0] == b"\xff\xff" else b"", data)
