# SPDX-License-Identifier: Apache-2.0
"""asyncssh's SFTP protocol with the words and the extensions of OpenSSH's `sftp-server`.

asyncssh introduces itself in its first packet and words its errors in its own way; both would tell any
client that asks what it talks to.

Source: OpenSSH `sftp-server.c` (`process_init`, `status_messages`), `PROTOCOL` §4.
"""

# ruff: noqa: SLF001 - extends asyncssh from within, see `mead.sensors.openssh.connection`

from __future__ import annotations

import asyncio
from typing import Any

from asyncssh import SFTPAttrs, SFTPError, SFTPName
from asyncssh.packet import SSHPacket, String, UInt32
from asyncssh.sftp import SFTPLimits, SFTPServer, SFTPServerHandler

from mead.sensors.dialogue import Context, Turn
from mead.wire.core import Output

__all__ = ["SftpHandler", "run_sftp"]

_STATUS, _EXTENDED_REPLY = 101, 201
_MESSAGE_BYTES = 256 * 1024
_MAX_HANDLES = 1019
"""What sftp-server says it can open: the usual 1,024 files of a process without its own five."""
_OUR_FAULT = b"Uncaught exception"
"""How asyncssh words that one of our methods failed."""
_MESSAGES = (
    "Success", "End of file", "No such file", "Permission denied", "Failure", "Bad message",
    "No connection", "Connection lost", "Operation unsupported",
)  # fmt: skip
_EXTENSIONS: tuple[tuple[bytes, bytes, tuple[int, int]], ...] = (
    (b"posix-rename@openssh.com", b"1", (4, 8)), (b"statvfs@openssh.com", b"2", (5, 1)),
    (b"fstatvfs@openssh.com", b"2", (5, 1)), (b"hardlink@openssh.com", b"1", (5, 7)),
    (b"fsync@openssh.com", b"1", (6, 5)), (b"lsetstat@openssh.com", b"1", (8, 0)),
    (b"limits@openssh.com", b"1", (8, 5)), (b"expand-path@openssh.com", b"1", (8, 7)),
    (b"copy-data", b"1", (9, 0)), (b"home-directory", b"1", (9, 1)),
)  # fmt: skip
"""Name, version and the release of OpenSSH that brought it, in the order of `process_init`."""


class SftpHandler(SFTPServerHandler):
    """One SFTP conversation."""

    def __init__(self, server: SFTPServer, reader: Any, writer: Any, context: Context) -> None:
        super().__init__(server, reader, writer, 3)
        self._context = context
        self._turn = Turn(context.session)
        since = context.persona.ssh.release
        self._extensions = [(name, value) for name, value, brought in _EXTENSIONS if brought <= since]

    @property
    def _nonstandard_symlink(self) -> bool:
        """Whether the arguments of SYMLINK are swapped: sftp-server has them so for everybody."""
        return True

    @_nonstandard_symlink.setter
    def _nonstandard_symlink(self, value: bool) -> None:
        """Asyncssh decides by the client's name; sftp-server does not."""

    def send_packet(self, pkttype: int, pktid: int | None, *args: bytes) -> None:
        """Send a packet; statuses in OpenSSH's words."""
        if pkttype == _STATUS:
            packet = b"".join(args)
            code = int.from_bytes(packet[4:8])
            if packet[12:].startswith(_OUR_FAULT):
                self._context.session.failed(RuntimeError(packet[12:].decode("utf-8", "replace")))
            code = code if code < len(_MESSAGES) else 4
            args = (packet[:4], UInt32(code), String(_MESSAGES[code]), String(""))
        self._turn.said(sum(map(len, args)))
        super().send_packet(pkttype, pktid, *args)

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """As asyncssh, but the next request waits until the answer is on its way and it is our turn."""
        await super()._process_packet(pkttype, pktid, packet)
        if self._writer is not None and not self._writer.channel.is_closing():
            await self._writer.drain()
        if self._turn.over:
            ours = asyncio.get_running_loop().create_future()
            self._context.link.later(lambda: _arrived(ours))
            await ours
            self._turn = Turn(self._context.session)

    def _get_next_handle(self) -> bytes:
        """A handle, as long as the process could open another file."""
        if len(self._file_handles) + len(self._dir_handles) >= _MAX_HANDLES:
            self._context.session.limit("max_handles", _MAX_HANDLES, "handles")
            raise SFTPError(4, "Failure")
        return super()._get_next_handle()

    async def _process_limits(self, packet: SSHPacket) -> SFTPLimits:
        packet.check_end()
        return SFTPLimits(_MESSAGE_BYTES, _MESSAGE_BYTES - 1024, _MESSAGE_BYTES - 1024, _MAX_HANDLES)

    async def _process_expand_path(self, packet: SSHPacket) -> Any:
        path = packet.get_string()
        packet.check_end()
        return self._named(b"." + path[1:] if path.startswith(b"~/") else b"." if path == b"~" else path)

    async def _process_home_directory(self, packet: SSHPacket) -> Any:
        packet.get_string()
        packet.check_end()
        return self._named(b".")

    async def _process_refused(self, _packet: SSHPacket) -> Any:
        raise SFTPError(8, "Operation unsupported")

    def _named(self, path: bytes) -> tuple[list[SFTPName], bool]:
        return [SFTPName(self._server.realpath(path), attrs=SFTPAttrs())], False

    _packet_handlers: dict[int | bytes, Any] = {  # noqa: RUF012 - asyncssh's own table, with ours put in
        **SFTPServerHandler._packet_handlers,
        b"expand-path@openssh.com": _process_expand_path,
        b"home-directory": _process_home_directory,
        b"ranges@asyncssh.com": _process_refused,
        b"vendor-id": _process_refused,
    }
    _return_types = {  # noqa: RUF012 - as above
        **SFTPServerHandler._return_types,
        b"expand-path@openssh.com": 104,
        b"home-directory": 104,
    }


def _arrived(turn: asyncio.Future[None]) -> list[Output]:
    if not turn.done():
        turn.set_result(None)
    return []


async def run_sftp(server: SFTPServer, reader: Any, writer: Any, context: Context) -> None:
    """Serve SFTP on a channel until the peer ends it."""
    await SftpHandler(server, reader, writer, context).run()
