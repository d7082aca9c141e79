# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: ARG002 - the arguments are those of the interface of asyncssh
"""Tunnels that lead nowhere: what the peer wants to reach, or to be reached by, is recorded."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh

from mead.model.codec import text
from mead.model.event import TunnelRequested
from mead.sensors.dialogue import Context
from mead.sensors.persona import Persona

__all__ = ["NoListener", "Tunnel"]

_MAX_TUNNEL_BYTES = 1 << 18
_TUNNEL_SECONDS = 20.0
_PORTS = (32768, 60999)
"""From which Linux gives a port to who asks for any."""


class NoListener(asyncssh.SSHListener):
    """What `ssh -R` is given: a port that nobody listens on."""

    def __init__(self, persona: Persona, number: int) -> None:
        super().__init__()
        self._port = persona.random("listener", str(number)).randint(*_PORTS)

    def get_port(self) -> int:
        return self._port


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
        self._data.clear()
        host = text(self._host.encode("utf-8", "surrogateescape"), max_bytes=255)

        def emit(digest: str | None) -> None:
            session.emit(
                TunnelRequested, target_host=host, target_port=self._port, sha256=digest, size=len(data)
            )

        if data:
            self._context.capture.keep(data, emit)
        else:
            emit(None)
