# SPDX-License-Identifier: Apache-2.0
"""One file by TFTP from a pinned address.

Datagrams from another address are not ours and get no answer; the server's port is fixed by its first
datagram (its transfer id), as the protocol has it.

Source: RFC 1350, RFC 2347 (options), RFC 2348 (blksize), RFC 2349 (tsize).
"""

from __future__ import annotations

import asyncio
import struct

from mead.egress.gate import Allowed
from mead.egress.policy import EgressSettings
from mead.egress.result import Trace
from mead.egress.stream import Body, FetchError
from mead.model.codec import text

__all__ = ["fetch_tftp"]

_BLOCK_BYTES = 1428
_RESEND_SECONDS = 3.0
_MAX_WAITING = 64
_RRQ, _DATA, _ACK, _ERROR, _OACK = 1, 3, 4, 5, 6
_BAD_OPTION = 8


async def fetch_tftp(allowed: Allowed, settings: EgressSettings, trace: Trace) -> bytes:
    """Read the file, with large blocks when the server knows them."""
    name = allowed.target.file_name
    if not name or b"\0" in name or len(name) > 480:
        raise FetchError("path cannot be asked for by TFTP")
    loop = asyncio.get_running_loop()
    source = allowed.source or ("0.0.0.0" if allowed.address.version == 4 else "::")
    transport, inbox = await loop.create_datagram_endpoint(
        lambda: _Inbox(str(allowed.address)), local_addr=(source, 0)
    )
    try:
        try:
            return await _Transfer(transport, inbox, allowed, settings, trace).run(name, options=True)
        except _OptionsRefused:
            inbox.forget()
            return await _Transfer(transport, inbox, allowed, settings, trace).run(name, options=False)
    finally:
        transport.close()


class _OptionsRefused(Exception):  # noqa: N818  # control flow, not an error of ours
    pass


class _Inbox(asyncio.DatagramProtocol):
    """Datagrams of the pinned address, bounded; a flood is dropped as UDP does."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._queue: asyncio.Queue[tuple[bytes, int]] = asyncio.Queue(_MAX_WAITING)
        self._fault: Exception | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if addr[0].partition("%")[0] == self._address and not self._queue.full():
            self._queue.put_nowait((data, addr[1]))

    def error_received(self, exc: Exception) -> None:
        self._fault = exc

    async def next(self, timeout_seconds: float) -> tuple[bytes, int]:
        """The next datagram and its port; OSError when ours could not be sent."""
        await asyncio.sleep(0)  # for a fault of the datagram that was just sent
        if self._fault:
            raise self._fault
        async with asyncio.timeout(timeout_seconds):
            return await self._queue.get()

    def forget(self) -> None:
        while not self._queue.empty():
            self._queue.get_nowait()


class _Transfer:
    """One read request and the blocks that answer it."""

    def __init__(
        self,
        transport: asyncio.DatagramTransport,
        inbox: _Inbox,
        allowed: Allowed,
        settings: EgressSettings,
        trace: Trace,
    ) -> None:
        self._transport = transport
        self._inbox = inbox
        self._address = str(allowed.address)
        self._port = allowed.port
        self._peer_port: int | None = None
        self._settings = settings
        self._body = Body(trace, max_bytes=settings.max_body_bytes)
        self._trace = trace
        self._block_bytes = 512
        self._last_sent = b""

    async def run(self, name: bytes, *, options: bool) -> bytes:
        wanted = b"blksize\0%d\0tsize\x000\0" % _BLOCK_BYTES if options else b""
        self._send(struct.pack("!H", _RRQ) + name + b"\0octet\0" + wanted)
        block = 1
        while True:
            operation, number, payload = await self._receive()
            if operation == _OACK and block == 1 and options:
                self._accept(payload)
                self._send(struct.pack("!HH", _ACK, 0))
            elif operation == _DATA and number == block & 0xFFFF:
                self._body.add(payload)
                self._send(struct.pack("!HH", _ACK, number))
                if len(payload) < self._block_bytes:
                    return self._body.whole()
                block += 1
            elif operation == _ERROR:
                self._fail(number, payload)
            elif operation == _DATA and number == (block - 1) & 0xFFFF:
                self._send(struct.pack("!HH", _ACK, number))

    def _send(self, packet: bytes) -> None:
        self._last_sent = packet
        self._transport.sendto(packet, (self._address, self._peer_port or self._port))

    async def _receive(self) -> tuple[int, int, bytes]:
        """The next packet of this transfer: operation, block or error number, payload."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + self._settings.timeout_seconds
        while True:
            left = give_up - loop.time()
            if left <= 0:
                raise FetchError("TFTP server does not answer")
            try:
                packet, port = await self._inbox.next(min(_RESEND_SECONDS, left))
            except TimeoutError:
                self._send(self._last_sent)
                continue
            if len(packet) < 4 or port != (self._peer_port or port):
                continue
            self._peer_port = port
            operation, number = struct.unpack_from("!HH", packet)
            return operation, number, packet[2:] if operation == _OACK else packet[4:]

    def _accept(self, payload: bytes) -> None:
        words = payload.split(b"\0")
        given = {name.lower(): value for name, value in zip(words[::2], words[1::2], strict=False)}
        size, block = given.get(b"tsize", b"0"), given.get(b"blksize", b"512")
        if not (size.isdigit() and len(size) < 20 and block.isdigit() and len(block) < 6):
            raise FetchError("TFTP server's options are no numbers")
        if not 8 <= int(block) <= _BLOCK_BYTES:
            raise FetchError("TFTP server chose an unusable size of blocks")
        self._body.expect(int(size))
        self._block_bytes = int(block)

    def _fail(self, number: int, payload: bytes) -> None:
        if number == _BAD_OPTION and not self._trace.size:
            raise _OptionsRefused
        self._trace.status = number
        message = text(payload.partition(b"\0")[0], max_bytes=200)
        raise FetchError(f"TFTP server said error {number}: {message}")
