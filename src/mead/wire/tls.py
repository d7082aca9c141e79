# SPDX-License-Identifier: Apache-2.0
"""The first word of a TLS client, read without answering it: its names, and what JA3 and JA4 hash.

**Source:** RFC 8446 §4.1.2, RFC 5246 §7.4.1.2, RFC 6066 §3 (server name), RFC 7301 (ALPN).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from mead.wire import ja
from mead.wire.core import Fact, Limit, Output, PeerError
from mead.wire.cursor import Cursor, ShortError

__all__ = ["ClientHello", "HelloReader", "client_hello", "find_client_hello", "parse_client_hello"]

MAX_HELLO_BYTES = 65536
MAX_RECORDS = 1024
MAX_RECORD_BYTES = 16384 + 2048
_HANDSHAKE, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _GROUPS, _POINT_FORMATS, _SIGNATURES, _ALPN, _VERSIONS = 0, 10, 11, 13, 16, 43
_CANDIDATE = re.compile(rb"\x16\x03[\x00-\x04]..(?=\x01)", re.DOTALL)
MAX_CANDIDATES = 16


@dataclass(frozen=True, slots=True)
class ClientHello(Fact):
    """A ClientHello, with its fingerprints."""

    version: int
    """What the client claims in the old field; the newest version that it takes is in `versions`."""
    ciphers: tuple[int, ...]
    extensions: tuple[int, ...]
    """Types, in the order they came, GREASE included."""
    groups: tuple[int, ...] = ()
    point_formats: tuple[int, ...] = ()
    signatures: tuple[int, ...] = ()
    versions: tuple[int, ...] = ()
    alpn: tuple[bytes, ...] = ()
    server_name: bytes | None = None
    session_id: bytes = b""
    random: bytes = field(default=b"", repr=False)
    transport: str = "t"
    """`t` for TCP, `q` for QUIC, as JA4 writes it."""

    @property
    def ja3_text(self) -> str:
        """What JA3 hashes."""
        return ja.ja3_text(self)

    @property
    def ja3(self) -> str:
        """JA3, an MD5 in hex."""
        return ja.ja3(self)

    @property
    def ja4(self) -> str:
        """JA4: sorted and hashed."""
        return ja.ja4(self, raw=False, original=False)

    @property
    def ja4_r(self) -> str:
        """JA4 raw: sorted, not hashed."""
        return ja.ja4(self, raw=True, original=False)

    @property
    def ja4_o(self) -> str:
        """JA4 in the original order, hashed."""
        return ja.ja4(self, raw=False, original=True)

    @property
    def ja4_ro(self) -> str:
        """JA4 in the original order, not hashed."""
        return ja.ja4(self, raw=True, original=True)


class HelloReader:
    """Takes the bytes of a TLS client until its ClientHello is whole, however it is cut into records.

    Emits one `ClientHello` or one `PeerError`, and then nothing more. O(bytes received).
    """

    __slots__ = ("_message", "_offset", "_record", "_records", "done")

    def __init__(self) -> None:
        self.done = False
        self._record = bytearray()
        self._message = bytearray()
        self._records = 0
        self._offset = 0

    def receive(self, data: bytes) -> list[Output]:
        """Take what the peer sent; empty `data`: it sends no more."""
        out: list[Output] = []
        if not data:
            self._leave(out)
        elif not self.done:
            self._record += data
            while self._take_record(out):
                self._take_message(out)
        return out

    def _leave(self, out: list[Output]) -> None:
        if not self.done and (self._record or self._message):
            self._fail("left in the middle of a ClientHello", out)
        self.done = True

    def _take_record(self, out: list[Output]) -> bool:
        """Move one whole record into the message; whether there was one."""
        if self.done or self._refused(out) or len(self._record) < 5:
            return False
        end = 5 + int.from_bytes(self._record[3:5], "big")
        if len(self._record) < end:
            return False
        self._message += self._record[5:end]
        self._offset += end
        self._records += 1
        del self._record[:end]
        return True

    def _refused(self, out: list[Output]) -> bool:
        record = self._record
        if record and record[0] != _HANDSHAKE:
            self._fail("SSLv2 hello" if record[0] & 0x80 else "no handshake record", out, 1)
        elif len(record) >= 2 and record[1] != 3:
            self._fail("unknown record version", out, 2)
        elif len(record) >= 5 and int.from_bytes(record[3:5], "big") > MAX_RECORD_BYTES:
            self._fail("record too long", out, 5)
        elif len(record) >= 5 and self._records == MAX_RECORDS:
            out.append(Limit("records", MAX_RECORDS, "records"))
            self._fail("too many records", out, 5)
        return self.done

    def _take_message(self, out: list[Output]) -> None:
        message = self._message
        if message and message[0] != _CLIENT_HELLO:
            self._fail("no ClientHello", out)
        if len(message) < 4 or self.done:
            return
        length = int.from_bytes(message[1:4], "big")
        if length > MAX_HELLO_BYTES:
            out.append(Limit("hello", MAX_HELLO_BYTES, "bytes"))
            self._fail("ClientHello too long", out)
        elif len(message) >= 4 + length:
            self.done = True
            out.append(parse_client_hello(bytes(message[4 : 4 + length])))

    def _fail(self, reason: str, out: list[Output], count: int = 0) -> None:
        self.done = True
        out.append(PeerError(self._offset, reason, bytes(self._record[:count])))


def client_hello(data: bytes) -> ClientHello | PeerError | None:
    """Read the ClientHello at the start of `data`; None: more is needed."""
    for item in HelloReader().receive(data):
        if isinstance(item, ClientHello | PeerError):
            return item
    return None


def find_client_hello(data: bytes) -> ClientHello | None:
    """Look for a ClientHello behind something else (SOCKS, CONNECT, STARTTLS), in at most 16 places."""
    for count, found in enumerate(_CANDIDATE.finditer(data)):
        if count == MAX_CANDIDATES:
            break
        hello = client_hello(data[found.start() :])
        if isinstance(hello, ClientHello):
            return hello
    return None


def parse_client_hello(body: bytes, transport: str = "t") -> ClientHello | PeerError:
    """Read the body of a ClientHello message (without type and length)."""
    cursor = Cursor(body)
    try:
        version = cursor.number(2)
        random = cursor.take(32)
        session_id = cursor.block(1)
        ciphers = _numbers(cursor.block(2))
        cursor.block(1)
        extensions: list[tuple[int, bytes]] = []
        if cursor.left:
            inner = Cursor(cursor.block(2))
            while inner.left:
                extensions.append((inner.number(2), inner.block(2)))
    except ShortError:
        return PeerError(cursor.position, "ClientHello cut short", body[cursor.position :][:32])
    by_type = dict(reversed(extensions))
    return ClientHello(
        version=version,
        ciphers=ciphers,
        extensions=tuple(number for number, _ in extensions),
        groups=_numbers(_list(by_type.get(_GROUPS), 2)),
        point_formats=tuple(_list(by_type.get(_POINT_FORMATS), 1)),
        signatures=_numbers(_list(by_type.get(_SIGNATURES), 2)),
        versions=_numbers(_list(by_type.get(_VERSIONS), 1)),
        alpn=_names(_list(by_type.get(_ALPN), 2)),
        server_name=_server_name(by_type.get(_SERVER_NAME)),
        session_id=session_id,
        random=random,
        transport=transport,
    )


def _numbers(data: bytes) -> tuple[int, ...]:
    return tuple(data[i] << 8 | data[i + 1] for i in range(0, len(data) - 1, 2))


def _list(data: bytes | None, length_bytes: int) -> bytes:
    """The inside of a list that fills an extension; as much of it as there is."""
    if data is None:
        return b""
    length = int.from_bytes(data[:length_bytes], "big")
    return data[length_bytes : length_bytes + length]


def _names(data: bytes) -> tuple[bytes, ...]:
    cursor, names = Cursor(data), []
    try:
        while cursor.left:
            names.append(cursor.block(1))
    except ShortError:
        pass
    return tuple(names)


def _server_name(data: bytes | None) -> bytes | None:
    cursor = Cursor(_list(data, 2))
    try:
        while cursor.left:
            kind, name = cursor.number(1), cursor.block(2)
            if kind == 0:
                return name
    except ShortError:
        pass
    return None
