# SPDX-License-Identifier: Apache-2.0
"""Wallets of crypto-currencies, told from other long words by their checksums."""

from __future__ import annotations

import hashlib
import re
from importlib import import_module
from typing import Any

__all__ = ["PATTERN", "SHORTEST", "coin_of"]

SHORTEST = 26

PATTERN = re.compile(
    rb"(?<![A-Za-z0-9])(?:(?P<bech32>(?:bc1|ltc1)[02-9ac-hj-np-z]{25,87})|(?P<ethereum>0x[0-9a-fA-F]{40})"
    rb"|(?P<monero>[48][0-9AB][1-9A-HJ-NP-Za-km-z]{93}(?:[1-9A-HJ-NP-Za-km-z]{11})?)"
    rb"|(?P<base58>[13LMD][1-9A-HJ-NP-Za-km-z]{25,34}))(?![A-Za-z0-9])"
)

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_COINS = {0x00: "bitcoin", 0x05: "bitcoin", 0x30: "litecoin", 0x32: "litecoin", 0x1E: "dogecoin"}
_BLOCK_BYTES = (0, 0, 1, 2, 0, 3, 4, 5, 0, 6, 7, 8)
"""Bytes that a block of so many letters holds in Monero's encoding; 0 where there is no such block."""
MIN_HEX_DIGITS = 6
"""Different digits that an address of Ethereum has at least; fewer look like a constant."""


def coin_of(match: re.Match[bytes]) -> str | None:
    """The currency of a match of `PATTERN`; `None` when its checksum is wrong."""
    text = match.group().decode()
    return _JUDGES[match.lastgroup or ""](text)


def _keccak(data: bytes) -> bytes | None:
    try:
        keccak: Any = import_module("Cryptodome.Hash.keccak")
    except ImportError:
        return None
    digest: bytes = keccak.new(digest_bits=256, data=data).digest()
    return digest


def _ethereum(text: str) -> str | None:
    """Mixed case is a checksum; without it, anything that does not look like a constant. Source: EIP-55."""
    digits = text[2:]
    if len(set(digits.lower())) < MIN_HEX_DIGITS:
        return None
    if digits in {digits.lower(), digits.upper()}:
        return "ethereum"
    check = _keccak(digits.lower().encode())
    nibbles = check.hex() if check else ""
    fits = all(
        letter.isupper() == (nibble >= "8")
        for letter, nibble in zip(digits, nibbles, strict=False)
        if letter.isalpha()
    )
    return "ethereum" if fits else None


def _monero(text: str) -> str | None:
    """Blocks of 11 letters for 8 bytes; the last four bytes are a checksum. Source: Monero's base58."""
    raw = b""
    for at in range(0, len(text), 11):
        block = text[at : at + 11]
        number, size = _number(block), _BLOCK_BYTES[len(block)]
        if not size or number >> 8 * size:
            return None
        raw += number.to_bytes(size, "big")
    check = _keccak(raw[:-4])
    return "monero" if check is None or check[:4] == raw[-4:] else None


def _base58(text: str) -> str | None:
    number = _number(text)
    if number >> 200:
        return None
    raw = number.to_bytes(25, "big")
    twice = hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4]
    return _COINS.get(raw[0]) if raw[-4:] == twice else None


def _number(text: str) -> int:
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    return number


def _bech32(text: str) -> str | None:
    """Source: BIP 173, BIP 350."""
    head, _, tail = text.rpartition("1")
    if any(letter not in _BECH32 for letter in tail):
        return None
    letters = [_BECH32.index(c) for c in tail]
    values = [*(ord(c) >> 5 for c in head), 0, *(ord(c) & 31 for c in head), *letters]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= term if top >> bit & 1 else 0
    if check not in {1, 0x2BC830A3}:
        return None
    return "bitcoin" if text.startswith("bc1") else "litecoin"


_JUDGES = {"ethereum": _ethereum, "monero": _monero, "base58": _base58, "bech32": _bech32}
