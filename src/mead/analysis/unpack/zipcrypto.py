# SPDX-License-Identifier: Apache-2.0
"""The two encryptions of ZIP: the classic stream cipher and WinZip's AES.

Source: APPNOTE.TXT 6.3.10 §6.1; WinZip "AES Encryption Information: AE-1 and AE-2".
"""

from __future__ import annotations

import hashlib
import hmac
import struct

from mead.analysis.unpack.budget import Damaged, Encrypted

__all__ = ["decrypt_aes", "decrypt_classic"]


def _table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc >> 1) ^ (0xEDB88320 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC = _table()


def decrypt_classic(raw: bytes, password: bytes, check: int) -> bytes:
    """Decrypt with the classic cipher; O(bytes).

    Raises:
        Encrypted: the header's check byte says that the password is wrong.
    """
    table, k0, k1, k2 = _CRC, 0x12345678, 0x23456789, 0x34567890
    for byte in password:
        k0 = (k0 >> 8) ^ table[(k0 ^ byte) & 0xFF]
        k1 = ((k1 + (k0 & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        k2 = (k2 >> 8) ^ table[(k2 ^ (k1 >> 24)) & 0xFF]
    out = bytearray()
    for count, byte in enumerate(raw):
        mix = k2 | 2
        plain = byte ^ ((mix * (mix ^ 1)) >> 8) & 0xFF
        k0 = (k0 >> 8) ^ table[(k0 ^ plain) & 0xFF]
        k1 = ((k1 + (k0 & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        k2 = (k2 >> 8) ^ table[(k2 ^ (k1 >> 24)) & 0xFF]
        out.append(plain)
        if count == 11 and plain != check:
            raise Encrypted("wrong password")
    if len(out) < 12:
        raise Damaged("no room for the encryption header")
    return bytes(out[12:])


def decrypt_aes(raw: bytes, extra: bytes, password: bytes) -> tuple[bytes, int]:
    """Decrypt a WinZip AES member: its compressed bytes and the real method.

    Raises:
        Encrypted: the password is wrong.
        Damaged: the extra field or the authentication code is missing.
    """
    strength, method = _aes_field(extra)
    key_bytes, salt_bytes = 8 + 8 * strength, 4 + 4 * strength
    if len(raw) < salt_bytes + 12:
        raise Damaged("AES member is too short")
    salt, verifier = raw[:salt_bytes], raw[salt_bytes : salt_bytes + 2]
    keys = hashlib.pbkdf2_hmac("sha1", password, salt, 1000, 2 * key_bytes + 2)
    if keys[-2:] != verifier:
        raise Encrypted("wrong password")
    body, code = raw[salt_bytes + 2 : -10], raw[-10:]
    if not hmac.compare_digest(hmac.digest(keys[key_bytes : 2 * key_bytes], body, "sha1")[:10], code):
        raise Encrypted("wrong password")
    from Cryptodome.Cipher import AES  # noqa: PLC0415  # an extra, needed for this one encryption
    from Cryptodome.Util import Counter  # noqa: PLC0415

    counter = Counter.new(128, initial_value=1, little_endian=True)
    return AES.new(keys[:key_bytes], AES.MODE_CTR, counter=counter).decrypt(body), method


def _aes_field(extra: bytes) -> tuple[int, int]:
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, at)
        if kind == 0x9901 and length >= 7 and at + 11 <= len(extra):
            _, _, strength, method = struct.unpack_from("<H2sBH", extra, at + 4)
            if strength in {1, 2, 3}:
                return strength, method
        at += 4 + length
    raise Damaged("AES member without its extra field")
