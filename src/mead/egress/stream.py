# SPDX-License-Identifier: Apache-2.0
"""A bounded connection to a pinned address: the one place where egress opens TCP."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

from mead.egress.certificate import Certificate
from mead.egress.policy import EgressSettings
from mead.egress.result import Trace

__all__ = ["Body", "FetchError", "Stream", "connect"]

_PIECE_BYTES = 64 * 1024
_OP_LEGACY_SERVER_CONNECT = 0x4  # `ssl` names it from Python 3.12 on


class FetchError(OSError):
    """One attempt failed; the message is the recorded reason."""


class Body:
    """Collects a body up to a limit and keeps the trace's count of what arrived."""

    def __init__(self, trace: Trace, *, max_bytes: int) -> None:
        self._pieces: list[bytes] = []
        self._trace = trace
        self._max_bytes = max_bytes
        trace.size = 0

    def expect(self, size: int) -> None:
        """Fail at once when the announced size is over the limit."""
        if size > self._max_bytes:
            raise FetchError(f"announced body is larger than {self._max_bytes} bytes")

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self._trace.size += len(piece)
        if self._trace.size > self._max_bytes:
            raise FetchError(f"body is larger than {self._max_bytes} bytes")
        self._pieces.append(piece)

    def whole(self) -> bytes:
        """The body; an empty one is no body."""
        if not self._trace.size:
            raise FetchError("empty body")
        return b"".join(self._pieces)


class Stream:
    """Reader and writer whose every wait is bounded."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, settings: EgressSettings
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._timeout_seconds = settings.timeout_seconds
        self._min_bytes_per_second = settings.min_bytes_per_second
        self._since = asyncio.get_running_loop().time()
        self._received = 0

    async def read(self, *, timeout_seconds: float | None = None) -> bytes:
        """The next bytes; empty at the end.

        TimeoutError when the peer is silent, FetchError when it drips.
        """
        async with asyncio.timeout(timeout_seconds or self._timeout_seconds):
            data = await self._reader.read(_PIECE_BYTES)
        self._received += len(data)
        seconds = asyncio.get_running_loop().time() - self._since
        drips = self._received < seconds * self._min_bytes_per_second
        if data and drips and seconds > self._timeout_seconds:
            raise FetchError("peer is too slow")
        return data

    async def line(self, *, max_bytes: int) -> bytes:
        """The next line with its end; FetchError when it is longer than `max_bytes` or cut off."""
        async with asyncio.timeout(self._timeout_seconds):
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                raise FetchError("connection ended in the middle of a reply") from error
            except asyncio.LimitOverrunError as error:
                raise FetchError("reply line is too long") from error
        if len(line) > max_bytes:
            raise FetchError("reply line is too long")
        return line

    async def send(self, data: bytes) -> None:
        async with asyncio.timeout(self._timeout_seconds):
            self._writer.write(data)
            await self._writer.drain()

    @property
    def certificate(self) -> bytes | None:
        """The peer's certificate, DER; None without TLS."""
        channel = self._writer.get_extra_info("ssl_object")
        return channel.getpeercert(binary_form=True) if channel else None


@contextlib.asynccontextmanager
async def connect(
    address: str,
    port: int,
    settings: EgressSettings,
    trace: Trace,
    *,
    source: str | None = None,
    tls_name: str | None = None,
) -> AsyncIterator[Stream]:
    """Connect to exactly this address; a TLS certificate, good or bad, goes into the trace.

    Args:
        address: the literal address that the gate pinned.
        port: its port.
        settings: bounds.
        trace: receives the certificate.
        source: address of ours to go from; None for any.
        tls_name: host name for SNI, empty for none; None for a connection without TLS.
    """
    context = None if tls_name is None else _tls()
    async with asyncio.timeout(settings.timeout_seconds):
        reader, writer = await asyncio.open_connection(
            address,
            port,
            ssl=context,
            server_hostname=tls_name,
            local_addr=None if source is None else (source, 0),
            limit=_PIECE_BYTES,
        )
    stream = Stream(reader, writer, settings)
    try:
        if certificate := stream.certificate:
            trace.certificate = Certificate.read(certificate)
        yield stream
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def _tls() -> ssl.SSLContext:
    """Talks to anything: distribution servers of malware have bad certificates and old ciphers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF | _OP_LEGACY_SERVER_CONNECT
    return context
