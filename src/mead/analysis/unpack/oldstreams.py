# SPDX-License-Identifier: Apache-2.0
"""Single compressed streams of older days: compress (.Z), Microsoft's EXPAND (SZDD), compressed Flash."""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterator

from mead.analysis.unpack.budget import Damaged
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.streams import magic, stream
from mead.analysis.unpack.zipmethods import LZMA_MEMORY, inflate, pieces

__all__ = ["COMPRESS", "SWF", "SZDD"]

CHUNK = 64 * 1024
RING = 4096


def _uncompress(raw: bytes, _rest: list[bytes]) -> Iterator[bytes]:
    """LZW of compress(1): codes of 9 to `raw[2] & 31` bits, low bits first, in groups of eight codes."""
    most, block = raw[2] & 31, bool(raw[2] & 128)
    if not 9 <= most <= 16:
        raise Damaged(f"compress with {most} bits")
    first = 257 if block else 256
    table: list[bytes] = [bytes((n,)) for n in range(256)] + [b""] * (first - 256)
    width, previous, start, bit, out = 9, b"", 3, 0, bytearray()
    while start * 8 + bit + width <= len(raw) * 8:
        byte = start + bit // 8
        code = int.from_bytes(raw[byte : byte + 4], "little") >> bit % 8 & ((1 << width) - 1)
        bit += width
        if code == 256 and block:
            del table[first:]
            start, bit, width, previous = _next_group(start, bit, width), 0, 9, b""
            continue
        entry = _entry(table, code, previous)
        out += entry
        if len(out) >= CHUNK:
            yield bytes(out)
            out.clear()
        if previous and len(table) < 1 << most:
            table.append(previous + entry[:1])
        previous = entry
        if len(table) >= 1 << width and width < most:
            start, bit, width = _next_group(start, bit, width), 0, width + 1
    yield bytes(out)


def _entry(table: list[bytes], code: int, previous: bytes) -> bytes:
    if code < len(table):
        return table[code]
    if code > len(table) or not previous:
        raise Damaged("LZW code out of range")
    return previous + previous[:1]


def _next_group(start: int, bits: int, width: int) -> int:
    group = width * 8
    return start + (bits + group - 1) // group * group // 8


def _unszdd(raw: bytes, _rest: list[bytes]) -> Iterator[bytes]:
    """LZSS with a ring of 4 KiB, at first of spaces. Source: format of EXPAND.EXE, by observation."""
    (size,) = struct.unpack_from("<I", raw, 10)
    out, at, done = bytearray(b" " * RING), 14, 0
    while at < len(raw) and done + len(out) - RING < size:
        flags = raw[at]
        at += 1
        for bit in range(8):
            if flags >> bit & 1:
                out += raw[at : at + 1]
                at += 1
            elif at + 2 <= len(raw):
                start, length = raw[at] | (raw[at + 1] & 0xF0) << 4, (raw[at + 1] & 15) + 3
                at += 2
                distance = (done + len(out) + RING - 16 - start) % RING or RING
                for _ in range(length):
                    out.append(out[-distance])
        if len(out) >= CHUNK:
            yield bytes(out[RING : RING + size - done])
            done += len(out) - RING
            del out[:-RING]
    yield bytes(out[RING : RING + size - done])


def _unflash(raw: bytes, rest: list[bytes]) -> Iterator[bytes]:
    """A compressed Flash file as an uncompressed one. Source: SWF file format specification 19, chapter 2."""
    yield b"FWS" + raw[3:8]
    if raw[:1] == b"C":
        yield from inflate(raw[8:], 15, rest)
        return
    (size,) = struct.unpack_from("<I", raw, 4)
    decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=LZMA_MEMORY)
    yield from pieces(decoder, raw[12:17] + struct.pack("<Q", max(0, size - 8)) + raw[17:])


COMPRESS = Format("compress", magic(b"\x1f\x9d"), stream("compress", _uncompress, (".z",)))
SZDD = Format("szdd", magic(b"SZDD\x88\xf0'3"), stream("szdd", _unszdd))
SWF = Format("swf", magic(b"CWS", b"ZWS"), stream("swf", _unflash))
