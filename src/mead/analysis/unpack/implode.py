# SPDX-License-Identifier: Apache-2.0
"""ZIP's "implode" method: Shannon-Fano trees over a sliding window.

Source: APPNOTE.TXT 6.3.10 §5.3.
"""

from __future__ import annotations

from collections.abc import Iterator

from mead.analysis.unpack.bits import BitsLow
from mead.analysis.unpack.budget import Damaged

__all__ = ["explode"]

CHUNK = 64 * 1024
WINDOW = 8 * 1024


class _Tree:
    """A Shannon-Fano tree: codes are assigned from the longest down, and stored bit-reversed."""

    def __init__(self, lengths: list[int]) -> None:
        self._codes: dict[tuple[int, int], int] = {}
        order = sorted(range(len(lengths)), key=lambda symbol: (lengths[symbol], symbol))
        code = step = last = 0
        for symbol in reversed(order):
            code += step
            if lengths[symbol] != last:
                last = lengths[symbol]
                step = 1 << (16 - last)
            self._codes[last, code >> (16 - last)] = symbol

    def symbol(self, reader: BitsLow) -> int:
        code = 0
        for length in range(1, 17):
            code = (code << 1) | reader.bit()
            found = self._codes.get((length, code))
            if found is not None:
                return found
        raise Damaged("no such Shannon-Fano code")


def _tree(reader: BitsLow, size: int) -> _Tree:
    lengths: list[int] = []
    for _ in range(reader.bits(8) + 1):
        packed = reader.bits(8)
        lengths.extend([(packed & 15) + 1] * ((packed >> 4) + 1))
    if len(lengths) != size:
        raise Damaged("Shannon-Fano tree of the wrong size")
    return _Tree(lengths)


def explode(raw: bytes, flags: int, size: int) -> Iterator[bytes]:
    """Decompress; general purpose bits 1 and 2 in `flags` say the window and whether there are three trees.

    Raises:
        Damaged: the data are broken, or the size is unknown.
    """
    if size < 0:
        raise Damaged("imploded member without its size")
    reader = BitsLow(raw)
    literal = _tree(reader, 256) if flags & 4 else None
    length_tree, distance_tree = _tree(reader, 64), _tree(reader, 64)
    low_bits = 7 if flags & 2 else 6
    shortest = 3 if literal else 2
    out, done = bytearray(), 0
    while done + len(out) < size:
        if reader.bit():
            out.append(literal.symbol(reader) if literal else reader.bits(8))
        else:
            low = reader.bits(low_bits)
            distance = (distance_tree.symbol(reader) << low_bits | low) + 1
            length = length_tree.symbol(reader)
            length += shortest + (reader.bits(8) if length == 63 else 0)
            for _ in range(length):
                out.append(out[-distance] if distance <= len(out) else 0)
        if len(out) > CHUNK + WINDOW:
            done += len(out) - WINDOW
            yield bytes(out[:-WINDOW])
            del out[:-WINDOW]
    yield bytes(out[: size - done])
