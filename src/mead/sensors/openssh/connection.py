# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - the arguments are those of the interface of asyncssh
"""asyncssh's server connection, where it differs from sshd made to behave like sshd.

It reaches into private parts of asyncssh (`_client_kexinit` and the like): `tests/sensors/openssh`
pins what is used, so that a new release that changes them is noticed.

Source: OpenSSH `auth2.c`, `kex.c`, `serverloop.c`.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import warnings
from base64 import b64encode
from collections.abc import Awaitable
from hashlib import sha256
from typing import Any, Protocol

import asyncssh
from asyncssh.auth import lookup_server_auth
from asyncssh.channel import SSHServerChannel
from asyncssh.connection import SSHServerConnection, SSHServerConnectionOptions
from asyncssh.constants import (
    DISC_PROTOCOL_ERROR,
    MSG_IGNORE,
    MSG_USERAUTH_FAILURE,
)
from asyncssh.logging import SSHLogger
from asyncssh.packet import Boolean, NameList, SSHPacket
from asyncssh.public_key import KeyImportError, decode_ssh_public_key

from mead.sensors.openssh.exchange import offer_exchanges
from mead.sensors.openssh.versions import OpenSshVersion

__all__ = ["OpenSshConnection", "Policy", "options_for"]

MAX_AUTH_TRIES = 6
LOGIN_GRACE_SECONDS = 120
_MAX_ATTEMPTS = 60
_MAX_ENVIRONMENT = 128
_MAX_VALUE_BYTES = 4096
_SIGNATURES = (
    "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com",
    "webauthn-sk-ecdsa-sha2-nistp256@openssh.com",
)  # fmt: skip
"""What `server-sig-algs` names besides RSA."""


class Policy(Protocol):
    """Who decides over logins, and records them."""

    methods: tuple[str, ...]

    async def password(self, username: bytes, password: bytes, method: str) -> bool:
        """Whether the password is accepted."""

    def public_key(self, username: bytes, fingerprint: str) -> bool:
        """Whether the key is accepted."""

    def none(self, username: bytes) -> None:
        """The peer asked to get in without anything."""

    def failed(self, error: BaseException) -> None:
        """Our own code failed."""


def options_for(
    version: OpenSshVersion, host_keys: list[asyncssh.SSHKey], factory: type[asyncssh.SSHServer]
) -> SSHServerConnectionOptions:
    """Options shared by all connections: what this version offers, and nothing that reaches this host."""
    offer_exchanges()
    # What peers may negotiate is the claimed version's business; it would be said on our log.
    warnings.filterwarnings("ignore", "Diffie-Hellman over finite fields", module="asyncssh")
    known = [name for name in version.kex if not name.startswith(("kex-strict", "ext-info"))]
    return SSHServerConnectionOptions(
        server_factory=factory,
        server_host_keys=host_keys,
        server_version=version.banner,
        kex_algs=known,
        encryption_algs=list(version.ciphers),
        mac_algs=list(version.macs),
        compression_algs=["none", "zlib@openssh.com"],
        signature_algs=[*_SIGNATURES[:-1], *(name for name in version.host_keys if "rsa" in name)],
        login_timeout=LOGIN_GRACE_SECONDS,
        agent_forwarding=False,
        x11_forwarding=False,
        gss_host=None,
        line_editor=False,
        encoding=None,
        sftp_version=3,
        rdns_lookup=False,
        keepalive_interval=0,
        send_server_host_keys=True,
    )


class _Quiet(SSHLogger):
    """asyncssh's own log, of which only warnings are looked at: it says a dozen things of each packet."""

    def log(self, level: int, msg: object, *args: Any, **kwargs: Any) -> None:
        if level >= logging.WARNING:
            super().log(level, msg, *args, **kwargs)

    def get_child(self, child: str = "", context: str = "") -> SSHLogger:
        return self


_QUIET = _Quiet()


class _Unlogged:
    """Packets whose names and sizes nobody spells out."""

    def _log_packet(self, *args: Any) -> None:
        pass


class _Channel(_Unlogged, SSHServerChannel[bytes]):
    """A session channel whose command may be any bytes."""

    def _process_exec_request(self, packet: SSHPacket) -> bool:
        command = packet.get_string().decode("utf-8", "surrogateescape")
        packet.check_end()
        return bool(self._start_session(command=command))

    def _process_env_request(self, packet: SSHPacket) -> bool:
        """Take what Debian's `AcceptEnv LANG LC_*` takes, and as many as sshd does."""
        name, value = packet.get_string(), packet.get_string()
        packet.check_end()
        if not (name == b"LANG" or name.startswith(b"LC_")) or len(self._env) >= _MAX_ENVIRONMENT:
            return False
        self._env[name] = value[:_MAX_VALUE_BYTES]
        return True

    async def _finish_x11_req_request(self, auth_proto: bytes, auth_data: bytes, screen: int) -> None:
        if self._conn is not None:  # else the channel is gone before it was answered
            await super()._finish_x11_req_request(auth_proto, auth_data, screen)

    async def _finish_agent_req_request(self) -> None:
        if self._conn is not None:  # as above
            await super()._finish_agent_req_request()


class OpenSshConnection(_Unlogged, SSHServerConnection):
    """One connection that looks like `version`'s."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: SSHServerConnectionOptions,
        version: OpenSshVersion,
        policy: Policy,
        owner: asyncssh.SSHServer,
    ) -> None:
        self._claimed = version
        self._strict_asked = False
        super().__init__(loop, options)
        self._logger = _QUIET
        self._policy = policy
        self._protocol_factory = lambda: owner
        names = [name.encode() for name in version.host_keys]
        self._server_host_key_algs = [name for name in names if name in self._server_host_keys]
        self._attempts = 0
        self._failures = 0
        self._name = b""

    @property
    def _strict_kex(self) -> bool:
        """Whether both sides want strict key exchange: asyncssh looks at what the client offers only."""
        return self._strict_asked and "kex-strict-s-v00@openssh.com" in self._claimed.kex

    @_strict_kex.setter
    def _strict_kex(self, asked: bool) -> None:
        self._strict_asked = asked

    @property
    def unread_bytes(self) -> int:
        """What the peer sent and asyncssh did not look at yet."""
        return len(self._inpbuf)

    def internal_error(self, exc_info: Any = None, error_logger: Any = None) -> None:
        """Tell of a failure of our own, which asyncssh would only write into a debug log."""
        error = (exc_info or sys.exc_info())[1]
        if error is not None:
            self._policy.failed(error)
        super().internal_error(exc_info, error_logger)

    def _recv_version(self) -> bool:
        """Take the peer's version as sshd does, which minds no byte of it; asyncssh knows ASCII only.

        What the peer really sent goes into the exchange hash, else its signatures would not fit.
        """
        line, ended, rest = self._inpbuf.partition(b"\n")
        if not ended or line.isascii():
            return bool(super()._recv_version())
        self._inpbuf = bytes(min(byte, 0x7F) for byte in line) + ended + rest
        taken = bool(super()._recv_version())
        self._client_version = line.removesuffix(b"\r")
        return taken

    async def reload_config(self) -> None:
        """Sshd's `Match` blocks: we have none, and asyncssh would start a thread for it."""

    def send_packet(self, pkttype: int, *args: bytes, handler: Any = None) -> None:
        """Send a packet, without the MSG_IGNORE that asyncssh puts before each and sshd does not."""
        if pkttype != MSG_IGNORE:
            super().send_packet(pkttype, *args, handler=handler)

    def create_server_channel(
        self, encoding: str | None = "", errors: str = "", window: int = 0, max_pktsize: int = 0
    ) -> SSHServerChannel[bytes]:
        """A session channel with sshd's window."""
        return _Channel(
            self,
            self._loop,
            True,
            False,
            False,
            0,
            0,
            None,
            "strict",
            window or 1 << 21,
            max_pktsize or 1 << 15,
        )

    def send_userauth_failure(self, partial_success: bool) -> None:
        """Say no, in sshd's order of methods; after too many times, hang up as sshd does."""
        self._auth = None
        if self._failures >= MAX_AUTH_TRIES or self._attempts > _MAX_ATTEMPTS:
            raise asyncssh.DisconnectError(DISC_PROTOCOL_ERROR, "Too many authentication failures")
        names = NameList([name.encode() for name in self._policy.methods])
        self.send_packet(MSG_USERAUTH_FAILURE, names, Boolean(partial_success))

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        """Record the key and ask the policy; a signature is checked when the key is accepted."""
        fingerprint = "SHA256:" + b64encode(sha256(key_data).digest()).rstrip(b"=").decode()
        accepted = self._policy.public_key(self._name, fingerprint)
        if accepted and msg:
            try:
                key = decode_ssh_public_key(key_data)
            except KeyImportError:
                accepted = False
            else:
                accepted = key.verify(len(self._session_id).to_bytes(4) + self._session_id + msg, signature)
        if not accepted:
            self._failures += 1
        return accepted

    def kbdint_failed(self) -> None:
        """Count a keyboard-interactive login that was refused."""
        self._failures += 1

    def login_name(self) -> bytes:
        """The user name that the peer logs in with, as it sent it."""
        return self._name

    async def _finish_port_forward(self, listen_host: str, listen_port: int) -> None:
        if self._owner is not None:  # else the peer is gone before it was answered
            await super()._finish_port_forward(listen_host, listen_port)

    async def _finish_path_forward(self, listen_path: str) -> None:
        if self._owner is not None:  # as above
            await super()._finish_path_forward(listen_path)

    def _process_cancel_tcpip_forward_global_request(self, packet: SSHPacket) -> None:
        """Say no when there is no such listener, where asyncssh would hang up."""
        try:
            super()._process_cancel_tcpip_forward_global_request(packet)
        except asyncssh.ProtocolError:
            self._report_global_response(False)

    def _get_extra_kex_algs(self) -> list[bytes]:
        return [name.encode() for name in self._claimed.kex if name.startswith(("ext-info", "kex-strict"))]

    def _send_ext_info(self) -> None:
        rsa = [name for name in self._claimed.host_keys if "rsa" in name]
        names = ",".join([*_SIGNATURES, *rsa])
        self._extensions_to_send.clear()
        self._extensions_to_send[b"server-sig-algs"] = names.encode()
        super()._send_ext_info()

    def _process_userauth_request(
        self, pkttype: int, pktid: int, packet: SSHPacket
    ) -> Awaitable[None] | None:
        """As asyncssh does it, but user names and passwords may be any bytes."""
        username = packet.get_string()[:1024]
        service, method = packet.get_string(), packet.get_string()
        if service != b"ssh-connection":
            raise asyncssh.DisconnectError(DISC_PROTOCOL_ERROR, "Invalid service name")
        if self._auth_complete:
            return None
        if self._auth:
            self._auth.cancel()
            self._auth = None
        self._name = username
        self._username = username.decode("utf-8", "backslashreplace")
        self._attempts += 1
        return self._answer_userauth(method, packet)

    async def _answer_userauth(self, method: bytes, packet: SSHPacket) -> None:
        if method == b"none":
            self._policy.none(self._name)
            if self._attempts > 1:
                self._failures += 1
        elif method == b"password" and "password" in self._policy.methods:
            packet.get_boolean()
            password = packet.get_string()
            if await self._policy.password(self._name, password, "password"):
                await self.send_userauth_success()
                return
            self._failures += 1
        elif method.decode("ascii", "replace") in self._policy.methods:
            self._auth = lookup_server_auth(self, self._username, method, packet)
            return
        else:
            self._failures += 1
        try:
            self.send_userauth_failure(False)
        except asyncssh.DisconnectError as error:
            self._send_disconnect(error.code, error.reason, error.lang)
            self._force_close(None)

    _packet_handlers = {  # noqa: RUF012 - asyncssh's own table, with ours put in
        **SSHServerConnection._packet_handlers,  # noqa: SLF001 - see the module docstring
        50: _process_userauth_request,
    }
