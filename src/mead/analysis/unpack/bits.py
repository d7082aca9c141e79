# SPDX-License-Identifier: Apache-2.0
"""Bit readers and canonical Huffman tables that the decompressors share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mead.analysis.unpack.budget import Damaged

__all__ = ["Bits", "BitsHigh", "BitsLow", "Huffman"]


class BitsLow:
    """Bits from the lowest of each byte upwards (deflate, implode, quantum of NSIS …)."""

    def __init__(self, data: bytes, at: int = 0) -> None:
        self._data = data
        self._at = at
        self._hold = 0
        self._count = 0

    def bits(self, count: int) -> int:
        """The next `count` bits as a number."""
        while self._count < count:
            if self._at >= len(self._data):
                raise Damaged("compressed data end too early")
            self._hold |= self._data[self._at] << self._count
            self._at += 1
            self._count += 8
        value = self._hold & ((1 << count) - 1)
        self._hold >>= count
        self._count -= count
        return value

    def bit(self) -> int:
        """The next bit."""
        return self.bits(1)

    def align(self) -> None:
        """Drop the rest of the byte."""
        drop = self._count % 8
        self._hold >>= drop
        self._count -= drop

    @property
    def position(self) -> int:
        """Offset of the first byte of which no bit was used."""
        return self._at - self._count // 8


class BitsHigh:
    """Bits from the highest of each byte downwards; past the end come zeros, a bounded number of them."""

    def __init__(self, data: bytes, at: int = 0, *, slack_bytes: int = 8) -> None:
        self._data = data
        self._at = at
        self._hold = 0
        self._count = 0
        self._end = len(data) + slack_bytes

    def bits(self, count: int) -> int:
        """The next `count` bits as a number."""
        while self._count < count:
            if self._at >= self._end:
                raise Damaged("compressed data end too early")
            byte = self._data[self._at] if self._at < len(self._data) else 0
            self._hold = (self._hold << 8) | byte
            self._at += 1
            self._count += 8
        self._count -= count
        value = self._hold >> self._count
        self._hold &= (1 << self._count) - 1
        return value

    def bit(self) -> int:
        """The next bit."""
        return self.bits(1)


class Bits(Protocol):
    """Anything that gives bits."""

    def bits(self, count: int) -> int:
        """The next `count` bits as a number."""


class Huffman:
    """A canonical code given by the length of each symbol, decoded bit by bit. O(length) per symbol."""

    def __init__(self, lengths: Sequence[int], *, inverted: bool = False) -> None:
        self._codes: dict[tuple[int, int], int] = {}
        self._flip = 1 if inverted else 0
        code = 0
        longest = max(lengths, default=0)
        for length in range(1, longest + 1):
            for symbol, own in enumerate(lengths):
                if own == length:
                    self._codes[length, code] = symbol
                    code += 1
            if code > 1 << length:
                raise Damaged("over-subscribed Huffman code")
            code <<= 1
        self._longest = longest

    def symbol(self, reader: Bits) -> int:
        """The next symbol."""
        code = 0
        for length in range(1, self._longest + 1):
            code = (code << 1) | (reader.bits(1) ^ self._flip)
            found = self._codes.get((length, code))
            if found is not None:
                return found
        raise Damaged("no such Huffman code")
