# SPDX-License-Identifier: Apache-2.0
"""bzip2 as NSIS changed it: no file header, one-byte block marks, no checksums, no randomisation.

Source: the bzip2 format as described by its reference implementation (BSD); the change by observation.
"""

from __future__ import annotations

from collections.abc import Iterator

from mead.analysis.unpack.bits import BitsHigh, Huffman
from mead.analysis.unpack.budget import Damaged

__all__ = ["expand"]

_BLOCK = 900_000


def expand(raw: bytes) -> Iterator[bytes]:
    """Decompress block by block.

    Raises:
        Damaged: the data are broken.
    """
    reader = BitsHigh(raw)
    while reader.bits(8) == 0x31:
        yield from _unrun(_block(reader))


def _alphabet(reader: BitsHigh) -> list[int]:
    used = reader.bits(16)
    return [
        16 * row + column
        for row in range(16) if used >> (15 - row) & 1
        for bits in (reader.bits(16),)
        for column in range(16) if bits >> (15 - column) & 1
    ]  # fmt: skip


def _selectors(reader: BitsHigh, tables: int) -> list[int]:
    order, found = list(range(tables)), []
    for _ in range(reader.bits(15)):
        place = 0
        while reader.bit():
            place += 1
            if place >= tables:
                raise Damaged("selector out of range")
        order.insert(0, order.pop(place))
        found.append(order[0])
    return found


def _lengths(reader: BitsHigh, symbols: int) -> list[int]:
    length, found = reader.bits(5), []
    for _ in range(symbols):
        while reader.bit():
            length += -1 if reader.bit() else 1
            if not 0 < length <= 20:
                raise Damaged("code length out of range")
        found.append(length)
    return found


def _block(reader: BitsHigh) -> bytes:
    origin = reader.bits(24)
    alphabet = _alphabet(reader)
    tables = reader.bits(3)
    selectors = _selectors(reader, tables)
    codes = [Huffman(_lengths(reader, len(alphabet) + 2)) for _ in range(tables)]
    column, run, weight, count = bytearray(), 0, 1, 0
    end = len(alphabet) + 1
    while True:
        symbol = codes[selectors[count // 50]].symbol(reader)
        count += 1
        if symbol < 2:
            run += weight << symbol
            weight <<= 1
            if run > _BLOCK:
                raise Damaged("run out of range")
            continue
        if run:
            column += bytes((alphabet[0],)) * run
            run, weight = 0, 1
        if symbol == end:
            break
        alphabet.insert(0, alphabet.pop(symbol - 1))
        column.append(alphabet[0])
        if len(column) > _BLOCK:
            raise Damaged("block out of range")
    return _unsort(bytes(column), origin)


def _unsort(column: bytes, origin: int) -> bytes:
    order = sorted(range(len(column)), key=column.__getitem__)
    out, at = bytearray(), origin
    for _ in range(len(column)):
        at = order[at]
        out.append(column[at])
    return bytes(out)


def _unrun(data: bytes) -> Iterator[bytes]:
    out, same, last, at = bytearray(), 0, -1, 0
    while at < len(data):
        byte = data[at]
        at += 1
        if same == 4:
            out += bytes((last,)) * byte
            same, last = 0, -1
            continue
        same = same + 1 if byte == last else 1
        last = byte
        out.append(byte)
    yield bytes(out)
