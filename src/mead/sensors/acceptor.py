# SPDX-License-Identifier: Apache-2.0
"""Takes connections off a listening socket, also those that are over before anybody looked.

The loop's own server asks an accepted socket for its peer, and has no answer when the peer has reset the
connection meanwhile: every connect scan would go unseen. The kernel names the peer when it hands over the
connection, whatever became of it since; so this accepts by itself.

Source: accept(2), "Error handling"; Linux `include/uapi/linux/sock_diag.h` for the drops of a socket.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from mead.model.network import canonical
from mead.sensors.listeners import Door
from mead.sensors.session import Endpoint

__all__ = ["Acceptor"]

_log = logging.getLogger(__name__)

_AT_ONCE = 64
"""Connections taken before the open ones get their turn."""
_PAUSE_SECONDS = 0.2
_SHORT = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The machine has no room for one more; the connection goes on waiting in the kernel's queue."""
_SO_MEMINFO = 55
_MEMINFO = struct.Struct("9I")

Welcome = Callable[[Endpoint], asyncio.Protocol | None]
"""The protocol of a new connection, or None to hang up."""


class Acceptor:
    """One door's socket.

    Args of the constructor:
        welcome: asked for the protocol of each connection; its `connection_lost` is called in any case.
        short: told why no connection can be taken at the moment.
    """

    def __init__(self, door: Door, welcome: Welcome, short: Callable[[str], None]) -> None:
        self.door = door
        self._welcome = welcome
        self._short = short
        self._loop = asyncio.get_running_loop()
        self._opening: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._total = self._dropped = 0
        self.text = door.text

    def start(self, backlog: int) -> None:
        """Begin to accept; `backlog` connections may wait for it."""
        self.door.socket.listen(backlog)
        self._loop.add_reader(self.door.socket, self._accept)

    def close(self) -> None:
        """Accept no more."""
        if self.door.socket.fileno() < 0:
            return
        self._look()
        if self._pause is not None:
            self._pause.cancel()
        self._loop.remove_reader(self.door.socket)
        self.door.socket.close()

    def dropped(self) -> int:
        """Attempts, since this was asked last, that the kernel dropped because its queue was full."""
        self._look()
        before, self._dropped = self._dropped, self._total
        return (self._total - before) & 0xFFFFFFFF

    def _look(self) -> None:
        with suppress(OSError, struct.error):  # closed, or a kernel that does not say
            data = self.door.socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size)
            self._total = _MEMINFO.unpack(data)[-1]

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, peer = self.door.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _SHORT:
                    self._rest(error)
                    return
                _log.debug("%s: %s", self.door.text, error)
                continue
            self._take(sock, peer)

    def _take(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        own = sock.getsockname()
        protocol = self._welcome(Endpoint(_text(peer[0]), peer[1], _text(own[0]), own[1]))
        if protocol is None:
            sock.close()
            return
        task = self._loop.create_task(self._open(protocol, sock))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, protocol: asyncio.Protocol, sock: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, sock)
        except OSError as error:
            sock.close()
            protocol.connection_lost(error)

    def _rest(self, error: OSError) -> None:
        """Look away for a moment: the socket stays readable, and asking it again at once would spin."""
        self._short(errno.errorcode[error.errno or 0])
        self._loop.remove_reader(self.door.socket)
        self._pause = self._loop.call_later(
            _PAUSE_SECONDS, self._loop.add_reader, self.door.socket, self._accept
        )


def _text(address: str) -> str:
    """Canonical text of an address as the kernel names it; of IPv4 it is that already."""
    return canonical(address) if ":" in address else address
