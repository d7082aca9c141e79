# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - the arguments are those of the interface of asyncssh
"""The SSH door: says what an OpenSSH of the persona's version says, records everything that is tried.

Identification and key exchange offer are read by our own core, for HASSH; the encrypted part is
asyncssh's, driven without a socket of its own.

Source: RFC 4252-4254; OpenSSH `kex.c` for how it answers a peer that speaks something else.
"""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from typing import Any, NoReturn

import asyncssh
from asyncssh.connection import SSHServerConnectionOptions
from asyncssh.packet import PacketDecodeError

from mead.model.codec import text
from mead.model.event import ClientSeen, LoginAttempt, TunnelRequested
from mead.sensors.dialogue import Context, Dialogue
from mead.sensors.openssh.channel import Channel
from mead.sensors.openssh.connection import OpenSshConnection, options_for
from mead.sensors.openssh.hostkeys import host_keys
from mead.sensors.openssh.motd import motd
from mead.sensors.openssh.tunnel import NoListener, Tunnel
from mead.sensors.persona import Persona
from mead.wire.core import Close, Output, PeerError, Send
from mead.wire.ssh import SshIdent, SshKexInit, SshReader

__all__ = ["prepare", "serve"]

_MAX_TUNNELS = 50
_MAX_SESSIONS = 10
"""`MaxSessions` of sshd."""
_MAX_LISTENERS = 20
_MAX_UNREAD_BYTES = 1 << 22
"""What a peer may send on while a password is looked at; honest ones wait for the answer."""
_MAX_NAME_BYTES = 256
_INVALID = b"Invalid SSH identification string.\r\n"
_ODD = re.compile(rb"[\0\r]")
"""What sshd takes for no identification in the middle of one."""
_OTHER_MAJOR = b"Protocol major versions differ.\n"


def serve(context: Context) -> Dialogue:
    """Start the dialogue of one SSH connection."""
    return _Ssh(context)


def prepare(persona: Persona) -> None:
    """Make or load the host keys, while their directory can still be written."""
    _options(persona)


@lru_cache(maxsize=8)
def _options(persona: Persona) -> SSHServerConnectionOptions:
    return options_for(persona.ssh, host_keys(persona, persona.ssh), asyncssh.SSHServer)


class _Ssh:
    """Until the peer has identified itself: a few bytes; then a connection of asyncssh."""

    __slots__ = ("_buffer", "_connection", "_context", "_policy", "_reader")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader: SshReader | None = SshReader()
        self._buffer = b""
        self._connection: OpenSshConnection | None = None
        self._policy: _Policy | None = None

    def open(self) -> list[Output]:
        return [Send(b"SSH-2.0-" + self._context.persona.ssh.banner.encode() + b"\r\n")]

    def receive(self, data: bytes) -> list[Output]:
        out: list[Output] = []
        identified = self._connection is not None
        if self._reader is not None:
            for item in self._reader.receive(data):
                if isinstance(item, SshIdent):
                    identified = self._identified(item, out)
                elif isinstance(item, SshKexInit):
                    self._seen("hassh", item.hassh, item.hassh_text)
                else:
                    out.append(item)
            line, ended, _ = (self._buffer + data).partition(b"\n")
            speaks_else = bool(ended) and not line.startswith(b"SSH-")
            if not identified and (self._reader.done or speaks_else) and not out_closes(out):
                out += [Send(_INVALID), Close("no SSH client")]
            if self._reader.done:
                self._reader = None
        if out_closes(out):
            return out
        if not identified:
            self._buffer += data
        elif self._context.live:
            self._hand_over(data)
        return out

    def lost(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.connection_lost(None)
        if self._policy is not None:
            self._policy.lost()

    def _identified(self, ident: SshIdent, out: list[Output]) -> bool:
        version = text(ident.line, max_bytes=255)
        self._context.session.emit(
            ClientSeen, fingerprint_kind="banner", fingerprint=version, client_version=version
        )
        if ident.preface or (self._context.persona.ssh.strict and _ODD.search(ident.line)):
            out += [Send(_INVALID), Close("no SSH client")]
        elif not ident.protocol.startswith((b"2.", b"1.99")):
            out += [Send(_OTHER_MAJOR), Close("other protocol version")]
        return not out_closes(out)

    def _seen(self, kind: str, fingerprint: str, of: bytes) -> None:
        self._context.session.emit(
            ClientSeen,
            fingerprint_kind=kind,
            fingerprint=fingerprint,
            fingerprint_text=text(of),
        )

    def _hand_over(self, data: bytes) -> None:
        if self._connection is None:
            if not data:
                return
            context = self._context
            self._policy = policy = _Policy(context)
            connection = OpenSshConnection(
                asyncio.get_running_loop(), _options(context.persona), context.persona.ssh, policy, policy
            )
            policy.connection = self._connection = connection
            connection.connection_made(_Transport(context))
            data, self._buffer = self._buffer + data, b""
        if not data:
            self._connection.eof_received()
            return
        self._connection.data_received(data)
        if self._connection.unread_bytes > _MAX_UNREAD_BYTES:
            self._context.session.limit("max_unread_bytes", _MAX_UNREAD_BYTES, "bytes")
            self._context.link.close("too much while we were busy")


def out_closes(out: list[Output]) -> bool:
    """Whether the conversation ends here."""
    return any(isinstance(item, Close) for item in out)


class _Transport(asyncio.Transport):
    """What asyncssh writes to: the host's link. The identification line was sent already.

    Packets of one moment leave together, as sshd's do, and not each by a write of its own.
    """

    def __init__(self, context: Context) -> None:
        super().__init__()
        session = context.session
        self._link = context.link
        self._loop = asyncio.get_running_loop()
        self._packets: list[bytes] = []
        self._first = True
        self._addresses = {"peername": (session.source, 0), "sockname": (session.address, session.port)}

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._addresses.get(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._first:
            self._first = False
            return
        if not self._packets:
            self._loop.call_soon(self._flush)
        self._packets.append(bytes(data))

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        self._flush()
        self._link.close("closed by the service")

    def abort(self) -> None:
        self.close()

    def _flush(self) -> None:
        packets, self._packets = self._packets, []
        if packets:
            self._link.send(b"".join(packets))


class _Policy(asyncssh.SSHServer):
    """Decides over logins and channels of one connection, and records them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._none_told = False
        self._tunnels: list[Tunnel] = []
        self._channels: list[Channel] = []
        self._listeners = 0
        self.connection: OpenSshConnection | None = None
        extra = ("keyboard-interactive",) if context.persona.keyboard_interactive else ()
        self.methods: tuple[str, ...] = ("publickey", "password", *extra)

    async def password(self, username: bytes, password: bytes, method: str) -> bool:
        """Whether the password is accepted; a wrong one takes its time, as with PAM."""
        context = self._context
        name, secret = username[:_MAX_NAME_BYTES], password[:_MAX_NAME_BYTES]
        accepted = context.credentials.accepts(context.session.source, name, secret)
        context.session.emit(
            LoginAttempt, username=text(username), password=text(password), method=method, success=accepted
        )
        if not accepted:
            await asyncio.sleep(context.persona.failure_seconds)
        return accepted

    def public_key(self, username: bytes, fingerprint: str) -> bool:
        """Whether the key is accepted: one that somebody installed before."""
        accepted = self._context.credentials.accepts_key(fingerprint)
        self._context.session.emit(
            LoginAttempt,
            username=text(username),
            method="publickey",
            success=accepted,
            key_fingerprint=fingerprint,
        )
        return accepted

    def none(self, username: bytes) -> None:
        """Record, once, that the peer asked to get in without anything; OpenSSH's client always does."""
        if not self._none_told:
            self._none_told = True
            self._context.session.emit(LoginAttempt, username=text(username), method="none", success=False)

    def public_key_auth_supported(self) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return self._context.persona.keyboard_interactive

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> Any:
        return ("", "", "", [("Password: ", False)])

    async def validate_kbdint_response(self, username: str, responses: Any) -> bool:
        assert self.connection is not None
        secret = responses[0].encode("utf-8", "surrogateescape") if responses else b""
        accepted = await self.password(self.connection.login_name(), secret, "keyboard-interactive")
        if not accepted:
            self.connection.kbdint_failed()
        return accepted

    def session_requested(self) -> Channel:
        assert self.connection is not None
        context = self._context
        if len(self._channels) >= _MAX_SESSIONS:
            context.session.limit("max_sessions", _MAX_SESSIONS, "channels")
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")
        channel = Channel(context, self.connection.login_name(), motd(context), self._channels.remove)
        self._channels.append(channel)
        return channel

    def server_requested(self, listen_host: str, listen_port: int) -> asyncssh.SSHListener | bool:
        """`ssh -R`: say yes as sshd does, record it, and listen nowhere."""
        self._listeners += 1
        if self._listeners > _MAX_LISTENERS:
            self._context.session.limit("max_listeners", _MAX_LISTENERS, "listeners")
            return False
        host = text(listen_host.encode("utf-8", "surrogateescape"), max_bytes=255)
        self._context.session.emit(
            TunnelRequested, target_host=host, target_port=listen_port & 0xFFFF, listen=True
        )
        return NoListener(self._context.persona, self._listeners)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Tunnel:
        tunnel = Tunnel(self._context, dest_host, dest_port & 0xFFFF)
        if len(self._tunnels) >= _MAX_TUNNELS:
            self._context.session.limit("max_tunnels", _MAX_TUNNELS, "tunnels")
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Connection timed out")
        self._tunnels.append(tunnel)
        return tunnel

    def unix_connection_requested(self, dest_path: str) -> NoReturn:
        """`ssh -L port:/path`: record the path, where nothing listens."""
        self.connection_requested(dest_path, 0, "", 0)
        raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "open failed")

    def failed(self, error: BaseException) -> None:
        """Something failed inside asyncssh, which closes the connection: the peer's fault, or ours."""
        session = self._context.session
        if isinstance(error, (asyncssh.Error, PacketDecodeError)):
            session.observe(PeerError(session.bytes_in, f"SSH: {error}", b""))
        else:
            session.failed(error)

    def lost(self) -> None:
        """The connection is gone: record what is still open, before the session is closed."""
        for channel in tuple(self._channels):
            channel.finish()
        for tunnel in self._tunnels:
            tunnel.tell()
