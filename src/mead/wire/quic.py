# SPDX-License-Identifier: Apache-2.0
"""The ClientHello inside QUIC's first packets: their keys are public, made from what the client sent.

**Source:** RFC 9000 §17.2 and §19, RFC 9001 §5 (Initial secrets, header protection), RFC 9369 (version 2).
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mead.wire.core import Limit, Output, PeerError
from mead.wire.cursor import Cursor, ShortError
from mead.wire.tls import parse_client_hello

__all__ = ["InitialKeys", "QuicReader", "initial_keys"]

MAX_CRYPTO_BYTES = 65536
MAX_DATAGRAMS = 32
MAX_PACKETS = 16
_SALTS = {
    1: bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"),
    0x6B3343CF: bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"),
    **dict.fromkeys(range(0xFF00001D, 0xFF000021), bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899")),
}
_VERSION_2 = 0x6B3343CF
_CLIENT_HELLO = 1
_PADDING, _PING, _ACK, _ACK_ECN, _CRYPTO = 0, 1, 2, 3, 6


@dataclass(frozen=True, slots=True)
class InitialKeys:
    """What protects the client's Initial packets."""

    key: bytes
    iv: bytes
    header: bytes


def initial_keys(version: int, connection_id: bytes) -> InitialKeys:
    """The client's keys for the destination connection id that it chose first."""
    secret = hmac.digest(_SALTS[version], connection_id, "sha256")
    client = _expand(secret, b"client in", 32)
    prefix = b"quicv2 " if version == _VERSION_2 else b"quic "
    return InitialKeys(
        key=_expand(client, prefix + b"key", 16),
        iv=_expand(client, prefix + b"iv", 12),
        header=_expand(client, prefix + b"hp", 16),
    )


class QuicReader:
    """Takes the datagrams of one QUIC client until its ClientHello is whole.

    Emits one `ClientHello` or one `PeerError`, and then nothing more.
    """

    def __init__(self) -> None:
        self.done = False
        self._keys: InitialKeys | None = None
        self._datagrams = 0
        self._pieces: dict[int, bytes] = {}

    def receive(self, data: bytes) -> list[Output]:
        """Take one datagram; empty `data`: there are no more."""
        out: list[Output] = []
        if self.done:
            return out
        if not data:
            self._fail("left before its ClientHello was whole", out)
            return out
        self._datagrams += 1
        try:
            self._take(Cursor(data))
            self._finish(out)
        except ShortError:
            self._fail("packet cut short", out, data)
        except InvalidTag:
            self._fail("packet does not decrypt", out, data)
        except ValueError as error:
            self._fail(str(error), out, data)
        return out

    def _take(self, cursor: Cursor) -> None:
        """Take the packets of a datagram; those that are not Initial are passed over."""
        for _ in range(MAX_PACKETS):
            if not cursor.left:
                return
            start = cursor.position
            first = cursor.number(1)
            if not first & 0x80:
                return
            version = cursor.number(4)
            if version not in _SALTS:
                raise ValueError(f"unknown version {version:#x}")
            connection_id = cursor.block(1)
            cursor.block(1)
            kind = (first >> 4 & 3) - (version == _VERSION_2)
            if kind % 4 == 0:
                cursor.take(_varint(cursor))
            elif kind % 4 == 3:
                return
            length = _varint(cursor)
            head = cursor.since(start)
            payload = cursor.take(length)
            if kind % 4 == 0:
                self._keys = self._keys or initial_keys(version, connection_id)
                self._frames(Cursor(_unprotect(self._keys, head, payload)))

    def _frames(self, cursor: Cursor) -> None:
        while cursor.left:
            kind = _varint(cursor)
            if kind == _CRYPTO:
                offset = _varint(cursor)
                data = cursor.take(_varint(cursor))
                if offset + len(data) > MAX_CRYPTO_BYTES:
                    raise ValueError("ClientHello too long")
                if len(data) > len(self._pieces.get(offset, b"")):
                    self._pieces[offset] = data
            elif kind in {_ACK, _ACK_ECN}:
                _skip_ack(cursor, kind)
            elif kind not in {_PADDING, _PING}:
                return

    def _finish(self, out: list[Output]) -> None:
        if self._datagrams == MAX_DATAGRAMS:
            out.append(Limit("datagrams", MAX_DATAGRAMS, "datagrams"))
            raise ValueError("no ClientHello in time")
        message = bytearray()
        for offset, piece in sorted(self._pieces.items()):
            if offset > len(message):
                break
            message += piece[len(message) - offset :]
        if len(message) < 4:
            return
        if message[0] != _CLIENT_HELLO:
            raise ValueError("no ClientHello")
        end = 4 + int.from_bytes(message[1:4], "big")
        if len(message) >= end:
            self.done = True
            out.append(parse_client_hello(bytes(message[4:end]), "q"))

    def _fail(self, reason: str, out: list[Output], data: bytes = b"") -> None:
        self.done = True
        out.append(PeerError(0, reason, data[:32]))


def _expand(secret: bytes, label: bytes, length: int) -> bytes:
    """HKDF-Expand-Label of TLS 1.3 (RFC 8446 §7.1), for at most one block."""
    name = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0"
    return hmac.digest(secret, info + b"\x01", hashlib.sha256)[:length]


def _unprotect(keys: InitialKeys, head: bytes, payload: bytes) -> bytes:
    if len(payload) < 20:
        raise ShortError
    # header protection is one block of ECB by definition (RFC 9001 §5.4.3)
    mask = Cipher(algorithms.AES(keys.header), modes.ECB()).encryptor().update(payload[4:20])  # noqa: S305
    first = head[0] ^ (mask[0] & 0x0F)
    count = (first & 3) + 1
    number = bytes(a ^ b for a, b in zip(payload[:count], mask[1:], strict=False))
    nonce = int.from_bytes(keys.iv, "big") ^ int.from_bytes(number, "big")
    shown = bytes((first,)) + head[1:] + number
    return AESGCM(keys.key).decrypt(nonce.to_bytes(12, "big"), payload[count:], shown)


def _varint(cursor: Cursor) -> int:
    first = cursor.number(1)
    length = 1 << (first >> 6)
    return (first & 0x3F) << 8 * (length - 1) | cursor.number(length - 1)


def _skip_ack(cursor: Cursor, kind: int) -> None:
    _varint(cursor)
    _varint(cursor)
    count = _varint(cursor)
    for _ in range(1 + 2 * count + (3 if kind == _ACK_ECN else 0)):
        _varint(cursor)
