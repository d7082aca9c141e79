# SPDX-License-Identifier: Apache-2.0
"""Deflate64: deflate with a 64 KiB window, three more distance codes and a longer longest match.

Source: RFC 1951 for the block structure; APPNOTE.TXT 6.3.10 §5.5 for the difference.
"""

from __future__ import annotations

from collections.abc import Iterator

from mead.analysis.unpack.bits import BitsLow, Huffman
from mead.analysis.unpack.budget import Damaged

__all__ = ["inflate64"]

CHUNK = 64 * 1024
WINDOW = 64 * 1024

_LENGTH_BASE = (3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
                163, 195, 227, 3)  # fmt: skip
_LENGTH_BITS = (0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 16)
_ORDER = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
_FIXED = ([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8, [5] * 32)


def _distances() -> tuple[tuple[int, int], ...]:
    table, base = [(1, 0), (2, 0)], 3
    for code in range(2, 32):
        extra = code // 2 - 1
        table.append((base, extra))
        base += 1 << extra
    return tuple(table)


_DISTANCES = _distances()


def inflate64(raw: bytes) -> Iterator[bytes]:
    """Decompress in chunks of at least `CHUNK` bytes.

    Raises:
        Damaged: the data are broken.
    """
    reader, out, last = BitsLow(raw), bytearray(), 0
    while not last:
        last, kind = reader.bit(), reader.bits(2)
        if kind == 0:
            _stored(reader, out)
        elif kind == 3:
            raise Damaged("block type 3")
        else:
            literals, distances = _codes(reader) if kind == 2 else (Huffman(_FIXED[0]), Huffman(_FIXED[1]))
            while _symbols(reader, out, literals, distances):
                yield bytes(out[:-WINDOW])
                del out[:-WINDOW]
    yield bytes(out)


def _stored(reader: BitsLow, out: bytearray) -> None:
    reader.align()
    length, check = reader.bits(16), reader.bits(16)
    if length ^ check != 0xFFFF:
        raise Damaged("stored block with a wrong length")
    out.extend(reader.bits(8) for _ in range(length))


def _codes(reader: BitsLow) -> tuple[Huffman, Huffman]:
    literal_count, distance_count, order_count = reader.bits(5) + 257, reader.bits(5) + 1, reader.bits(4) + 4
    lengths = [0] * 19
    for place in _ORDER[:order_count]:
        lengths[place] = reader.bits(3)
    code, total = Huffman(lengths), literal_count + distance_count
    found: list[int] = []
    while len(found) < total:
        symbol = code.symbol(reader)
        if symbol < 16:
            found.append(symbol)
        elif symbol == 16:
            found.extend([found[-1]] * (3 + reader.bits(2)))
        else:
            found.extend([0] * (3 + reader.bits(3) if symbol == 17 else 11 + reader.bits(7)))
    return Huffman(found[:literal_count]), Huffman(found[literal_count:total])


def _symbols(reader: BitsLow, out: bytearray, literals: Huffman, distances: Huffman) -> bool:
    """Decode until the block ends (false) or a chunk is full (true)."""
    while len(out) < CHUNK + WINDOW:
        symbol = literals.symbol(reader)
        if symbol < 256:
            out.append(symbol)
            continue
        if symbol == 256:
            return False
        length = _LENGTH_BASE[symbol - 257] + reader.bits(_LENGTH_BITS[symbol - 257])
        base, extra = _DISTANCES[distances.symbol(reader)]
        distance = base + reader.bits(extra)
        if distance > len(out):
            raise Damaged("match reaches before the beginning")
        _copy(out, distance, length)
    return True


def _copy(out: bytearray, distance: int, length: int) -> None:
    if distance >= length:
        out += out[-distance : len(out) - distance + length]
        return
    piece = bytes(out[-distance:])
    out += (piece * (length // distance + 1))[:length]
