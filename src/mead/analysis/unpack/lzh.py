# SPDX-License-Identifier: Apache-2.0
"""The LZ77 and static Huffman coding of LHA (-lh4- to -lh7-), which ARJ uses too.

Source: the public description of "LHA header and -lh5- method" by H. Yoshizaki and H. Okumura (ar002).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from mead.analysis.unpack.bits import BitsHigh, Huffman
from mead.analysis.unpack.budget import Damaged

__all__ = ["Coding", "expand"]

CHUNK = 64 * 1024
_LITERALS = 510


@dataclass(frozen=True, slots=True)
class Coding:
    """Size of the window and of the table of distances."""

    window: int
    distances: int
    distance_bits: int


class _One:
    """A code with a single symbol, which takes no bits."""

    def __init__(self, symbol: int) -> None:
        self._symbol = symbol

    def symbol(self, _reader: BitsHigh) -> int:
        return self._symbol


@dataclass(slots=True)
class _Block:
    left: int = 0
    literals: Huffman | _One = field(default_factory=lambda: _One(0))
    distances: Huffman | _One = field(default_factory=lambda: _One(0))


def _length(reader: BitsHigh) -> int:
    value = reader.bits(3)
    while value >= 7 and reader.bit():
        value += 1
        if value > 16:
            raise Damaged("code length out of range")
    return value


def _small(reader: BitsHigh, size: int, width: int, gap: int) -> Huffman | _One:
    count = reader.bits(width)
    if not count:
        return _One(reader.bits(width))
    lengths: list[int] = []
    while len(lengths) < min(count, size):
        lengths.append(_length(reader))
        if len(lengths) == gap:
            lengths.extend([0] * reader.bits(2))
    return Huffman(lengths)


def _large(reader: BitsHigh, lengths_code: Huffman | _One) -> Huffman | _One:
    count = reader.bits(9)
    if not count:
        return _One(reader.bits(9))
    lengths: list[int] = []
    while len(lengths) < min(count, _LITERALS):
        symbol = lengths_code.symbol(reader)
        if symbol == 0:
            lengths.append(0)
        elif symbol == 1:
            lengths.extend([0] * (3 + reader.bits(4)))
        elif symbol == 2:
            lengths.extend([0] * (20 + reader.bits(9)))
        else:
            lengths.append(symbol - 2)
    return Huffman(lengths)


def expand(raw: bytes, size: int, coding: Coding) -> Iterator[bytes]:
    """Decompress to `size` bytes, in chunks.

    Raises:
        Damaged: the data are broken.
    """
    reader, block, out, done = BitsHigh(raw), _Block(), bytearray(), 0
    while done + len(out) < size:
        if not block.left:
            block.left = reader.bits(16) or 0x10000
            lengths = _small(reader, 19, 5, 3)
            block.literals = _large(reader, lengths)
            block.distances = _small(reader, coding.distances, coding.distance_bits, -1)
        block.left -= 1
        symbol = block.literals.symbol(reader)
        if symbol < 256:
            out.append(symbol)
        else:
            code = block.distances.symbol(reader)
            distance = ((1 << (code - 1)) + reader.bits(code - 1) if code > 1 else code) + 1
            for _ in range(symbol - 253):
                out.append(out[-distance] if distance <= len(out) else 0x20)
        if len(out) > CHUNK + coding.window:
            done += len(out) - coding.window
            yield bytes(out[: -coding.window])
            del out[: -coding.window]
    yield bytes(out[: size - done])
