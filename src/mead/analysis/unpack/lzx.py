# SPDX-License-Identifier: Apache-2.0
"""LZX as used by cabinets, CHM and WIM.

Source: [MS-PATCH] 2 and the LZX section of [MS-CAB].
"""

from __future__ import annotations

import struct

from mead.analysis.unpack.bits import Huffman
from mead.analysis.unpack.budget import Damaged

__all__ = ["Lzx"]

_SLOTS = {15: 30, 16: 32, 17: 34, 18: 36, 19: 38, 20: 42, 21: 50}


def _positions() -> tuple[list[int], list[int]]:
    extra = [0, 0] + [n for n in range(18) for _ in (0, 1)]
    extra = extra[:36] + [17] * 15
    base, total = [], 0
    for bits in extra:
        base.append(total)
        total += 1 << bits
    return base, extra


_BASE, _EXTRA = _positions()


class _Words:
    """Bits from little-endian 16-bit words, highest first."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self._hold = 0
        self._count = 0

    def bits(self, count: int) -> int:
        while self._count < count:
            if self.at > len(self.data) + 4:
                raise Damaged("LZX data end too early")
            pair = self.data[self.at : self.at + 2].ljust(2, b"\0")
            self._hold = (self._hold << 16) | pair[0] | pair[1] << 8
            self.at += 2
            self._count += 16
        self._count -= count
        value = self._hold >> self._count
        self._hold &= (1 << self._count) - 1
        return value

    def align(self) -> None:
        """Drop the rest of the word, or a whole word when there is no rest."""
        if not self._count:
            self.at += 2
        self._hold = self._count = 0

    def drop(self) -> None:
        self._hold = self._count = 0


class Lzx:
    """A decoder with its window; `block` takes the frames of one folder in order."""

    def __init__(self, window_bits: int) -> None:
        if window_bits not in _SLOTS:
            raise Damaged(f"LZX window of {window_bits} bits")
        self._main_size = 256 + 8 * _SLOTS[window_bits]
        self._window = 1 << window_bits
        self._reset()

    def _reset(self) -> None:
        self._main = [0] * self._main_size
        self._length = [0] * 249
        self._r = [1, 1, 1]
        self._left = 0
        self._kind = 0
        self._started = False
        self._odd = False
        self._out = bytearray()
        self._translate_size = 0
        self._frames = 0

    def reset(self) -> None:
        """Begin anew, as CHM does at every reset interval."""
        self._reset()

    def block(self, data: bytes, size: int) -> bytes:
        """Decode one frame of `size` (at most 32768) bytes."""
        reader = _Words(data)
        if not self._started:
            self._started = True
            if reader.bits(1):
                self._translate_size = reader.bits(16) << 16 | reader.bits(16)
        start = len(self._out)
        while len(self._out) - start < size:
            if not self._left:
                self._next_block(reader)
            want = min(self._left, size - (len(self._out) - start))
            before = len(self._out)
            if self._kind == 3:
                self._out += reader.data[reader.at : reader.at + want]
                reader.at += want
                if len(self._out) - before < want:
                    raise Damaged("LZX stored block is cut off")
            else:
                self._symbols(reader, before + want)
            self._left = max(0, self._left - (len(self._out) - before))
            if self._odd and not self._left:
                reader.at += 1  # a stored block is filled up to whole words
                self._odd = False
        frame = bytes(self._out[start : start + size])
        del self._out[: max(0, len(self._out) - self._window)]
        self._frames += 1
        return self._untranslate(frame)

    def _next_block(self, reader: _Words) -> None:
        self._kind = reader.bits(3)
        self._left = reader.bits(16) << 8 | reader.bits(8)
        self._odd = self._kind == 3 and bool(self._left & 1)
        if self._kind == 3:
            reader.align()
            self._r = list(struct.unpack_from("<3I", reader.data, reader.at))
            reader.at += 12
            return
        if self._kind not in {1, 2} or not self._left:
            raise Damaged(f"LZX block type {self._kind}")
        self._aligned = Huffman([reader.bits(3) for _ in range(8)]) if self._kind == 2 else None
        self._lengths(reader, self._main, 0, 256)
        self._lengths(reader, self._main, 256, self._main_size)
        self._lengths(reader, self._length, 0, 249)
        self._main_code, self._length_code = Huffman(self._main), Huffman(self._length)

    def _lengths(self, reader: _Words, lengths: list[int], at: int, end: int) -> None:
        code = Huffman([reader.bits(4) for _ in range(20)])
        while at < end:
            symbol = code.symbol(reader)
            if symbol == 17:
                run, value = 4 + reader.bits(4), 0
            elif symbol == 18:
                run, value = 20 + reader.bits(5), 0
            elif symbol == 19:
                run = 4 + reader.bits(1)
                value = (lengths[at] - code.symbol(reader)) % 17
            else:
                run, value = 1, (lengths[at] - symbol) % 17
            if at + run > end:
                run = end - at
            lengths[at : at + run] = [value] * run
            at += run

    def _symbols(self, reader: _Words, end: int) -> None:
        out = self._out
        while len(out) < end:
            symbol = self._main_code.symbol(reader)
            if symbol < 256:
                out.append(symbol)
                continue
            length = (symbol - 256) & 7
            if length == 7:
                length += self._length_code.symbol(reader)
            distance = self._distance(reader, (symbol - 256) >> 3)
            if distance > len(out):
                raise Damaged("LZX match reaches before the beginning")
            for _ in range(length + 2):
                out.append(out[-distance])

    def _distance(self, reader: _Words, slot: int) -> int:
        r = self._r
        if slot < 3:
            distance = r[slot]
            r[slot], r[0] = r[0], distance
            return distance
        extra = _EXTRA[slot]
        if self._aligned and extra >= 3:
            low = reader.bits(extra - 3) << 3 if extra > 3 else 0
            offset = low + self._aligned.symbol(reader)
        else:
            offset = reader.bits(extra)
        distance = _BASE[slot] - 2 + offset
        self._r = [distance, r[0], r[1]]
        return distance

    def _untranslate(self, frame: bytes) -> bytes:
        """Undo the change of x86 CALL targets that the packer made."""
        if not self._translate_size or self._frames > 32768 or len(frame) <= 10:
            return frame
        out, at, base = bytearray(frame), 0, (self._frames - 1) * 32768
        while (at := out.find(b"\xe8", at, len(out) - 10)) >= 0:
            (value,) = struct.unpack_from("<i", out, at + 1)
            here = base + at
            if -here <= value < self._translate_size:
                fixed = value - here if value >= 0 else value + self._translate_size
                struct.pack_into("<i", out, at + 1, fixed)
            at += 5
        return bytes(out)
