# SPDX-License-Identifier: Apache-2.0
"""What both sides of an SSH connection say before it is encrypted: who they are and what they can do.

Reads one direction. Reading is all: the SSH service itself is a library's, this is for its fingerprints
and for captures.

**Source:** RFC 4253 §4.2, §6 and §7.1; salesforce/hassh, README (BSD-3-Clause).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5

from mead.wire.core import Fact, Limit, Output, PeerError
from mead.wire.cursor import Cursor, ShortError

__all__ = ["SshIdent", "SshKexInit", "SshReader", "hassh", "parse_kexinit"]

MAX_PREFACE_BYTES = 8192
MAX_PACKET_BYTES = 35000
MAX_PACKETS = 8
KEXINIT = 20
_BEFORE_KEXINIT = frozenset({2, 3, 4})
"""IGNORE, UNIMPLEMENTED and DEBUG may come at any time."""


@dataclass(frozen=True, slots=True)
class SshIdent(Fact):
    """The identification line."""

    line: bytes
    """Without its end."""
    preface: bytes = b""
    """Lines that came before it."""

    @property
    def protocol(self) -> bytes:
        """Such as `2.0`, `1.99` or `1.5`."""
        return self.line[4:].partition(b"-")[0]

    @property
    def software(self) -> bytes:
        """The software version, without comments."""
        return self.line[4:].partition(b"-")[2].partition(b" ")[0]

    @property
    def comments(self) -> bytes:
        """What stands behind the software version."""
        return self.line[4:].partition(b"-")[2].partition(b" ")[2]


@dataclass(frozen=True, slots=True)
class SshKexInit(Fact):
    """The algorithms that a side offers, each list as it was sent: names joined by commas."""

    cookie: bytes
    kex: bytes
    host_key: bytes
    encryption_to_server: bytes
    encryption_to_client: bytes
    mac_to_server: bytes
    mac_to_client: bytes
    compression_to_server: bytes
    compression_to_client: bytes
    languages_to_server: bytes
    languages_to_client: bytes
    guesses: bool
    """Whether it already sent the first packet of the exchange that it guessed."""

    @property
    def hassh_text(self) -> bytes:
        """What HASSH hashes when a client sent this."""
        return b";".join(
            (self.kex, self.encryption_to_server, self.mac_to_server, self.compression_to_server)
        )

    @property
    def hassh(self) -> str:
        """HASSH, if a client sent this."""
        return hassh(self.hassh_text)

    @property
    def hassh_server_text(self) -> bytes:
        """What hasshServer hashes when a server sent this."""
        return b";".join(
            (self.kex, self.encryption_to_client, self.mac_to_client, self.compression_to_client)
        )

    @property
    def hassh_server(self) -> str:
        """HasshServer, if a server sent this."""
        return hassh(self.hassh_server_text)


def hassh(text: bytes) -> str:
    """The hash of `kex;encryption;mac;compression`."""
    return md5(text, usedforsecurity=False).hexdigest()


def parse_kexinit(payload: bytes) -> SshKexInit | PeerError:
    """Read the payload of SSH_MSG_KEXINIT, message number included."""
    cursor = Cursor(payload)
    try:
        cursor.take(1)
        return SshKexInit(
            cookie=cursor.take(16),
            kex=cursor.block(4),
            host_key=cursor.block(4),
            encryption_to_server=cursor.block(4),
            encryption_to_client=cursor.block(4),
            mac_to_server=cursor.block(4),
            mac_to_client=cursor.block(4),
            compression_to_server=cursor.block(4),
            compression_to_client=cursor.block(4),
            languages_to_server=cursor.block(4),
            languages_to_client=cursor.block(4),
            guesses=bool(cursor.number(1)),
        )
    except ShortError:
        return PeerError(cursor.position, "KEXINIT cut short", payload[cursor.position :][:32])


class SshReader:
    """Takes the bytes of one side up to its KEXINIT; what follows is not looked at. O(bytes received)."""

    __slots__ = ("_buffer", "_ident", "_offset", "_packets", "_preface", "done")

    def __init__(self) -> None:
        self.done = False
        self._buffer = bytearray()
        self._offset = 0
        self._preface = bytearray()
        self._ident: SshIdent | None = None
        self._packets = 0

    def receive(self, data: bytes) -> list[Output]:
        """Take what the peer sent; empty `data`: it sends no more."""
        out: list[Output] = []
        if not data:
            self._leave(out)
        elif not self.done:
            self._buffer += data
            while self._advance(out):
                pass
        return out

    def _advance(self, out: list[Output]) -> bool:
        if self.done:
            return False
        return self._take_line(out) if self._ident is None else self._take_packet(out)

    def _leave(self, out: list[Output]) -> None:
        if not self.done and (self._buffer or self._preface):
            self._fail("left before its KEXINIT", out)
        self.done = True

    def _take_line(self, out: list[Output]) -> bool:
        room = MAX_PREFACE_BYTES - len(self._preface)
        end = self._buffer.find(b"\n", 0, room)
        if end < 0:
            if len(self._buffer) >= room:
                out.append(Limit("preface", MAX_PREFACE_BYTES, "bytes"))
                self._fail("no identification", out)
            return False
        line = self._consume(end + 1)
        if not line.startswith(b"SSH-"):
            self._preface += line
            return True
        self._ident = SshIdent(line.rstrip(b"\r\n"), bytes(self._preface))
        self._preface.clear()
        out.append(self._ident)
        self.done = not self._ident.protocol.startswith((b"2.", b"1.99"))
        return True

    def _take_packet(self, out: list[Output]) -> bool:
        if len(self._buffer) < 5:
            return False
        length, padding = int.from_bytes(self._buffer[:4], "big"), self._buffer[4]
        if not padding + 2 <= length <= MAX_PACKET_BYTES:
            self._fail("no packet", out, 5)
            return False
        if len(self._buffer) < 4 + length:
            return False
        payload = self._consume(4 + length)[5 : 4 + length - padding]
        self._packets += 1
        if payload[0] == KEXINIT:
            self.done = True
            out.append(parse_kexinit(payload))
        elif payload[0] not in _BEFORE_KEXINIT or self._packets == MAX_PACKETS:
            self._fail(f"message {payload[0]} instead of KEXINIT", out)
        return True

    def _consume(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._offset += count
        return data

    def _fail(self, reason: str, out: list[Output], count: int = 0) -> None:
        self.done = True
        out.append(PeerError(self._offset, reason, bytes(self._buffer[:count])))
