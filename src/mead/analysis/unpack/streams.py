# SPDX-License-Identifier: Apache-2.0
"""Single compressed streams: gzip, zlib, bzip2, xz, lzma, zstd, compress (.Z) and Microsoft's SZDD/KWAJ."""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format, Unpack
from mead.analysis.unpack.zipmethods import CHUNK, unlzma, unzstd

__all__ = ["BZIP2", "COMPRESS", "GZIP", "LZMA", "SWF", "SZDD", "XZ", "ZLIB", "ZSTD"]


def _gunzip(raw: bytes) -> Iterator[bytes]:
    pending = raw
    while pending[:2] == b"\x1f\x8b":
        stream = zlib.decompressobj(31)
        while not stream.eof:
            chunk = stream.decompress(pending, CHUNK)
            pending = stream.unconsumed_tail
            if not chunk and not pending:
                return
            yield chunk
        pending = stream.unused_data


def _unzlib(raw: bytes) -> Iterator[bytes]:
    stream = zlib.decompressobj()
    pending = raw
    while not stream.eof:
        chunk = stream.decompress(pending, CHUNK)
        pending = stream.unconsumed_tail
        if not chunk and not pending:
            raise Damaged("zlib stream ends too early")
        yield chunk


def _bunzip2(raw: bytes) -> Iterator[bytes]:
    pending = raw
    while pending[:3] == b"BZh":
        stream, feed = bz2.BZ2Decompressor(), pending
        while not stream.eof:
            chunk = stream.decompress(feed, CHUNK)
            feed = b""
            if not chunk and stream.needs_input:
                return
            yield chunk
        pending = stream.unused_data


def _uncompress(raw: bytes) -> Iterator[bytes]:
    """LZW of compress(1): codes of 9 to `raw[2] & 31` bits, low bits first, in groups of eight codes."""
    most, block = raw[2] & 31, bool(raw[2] & 128)
    if not 9 <= most <= 16:
        raise Damaged(f"compress with {most} bits")
    table: list[bytes] = [bytes((n,)) for n in range(256)] + ([b""] if block else [])
    width, previous, at, used = 9, b"", 3, 0
    group_start = at
    while True:
        bit = (at - group_start) * 8 + used
        byte = group_start + bit // 8
        if byte + (bit % 8 + width + 7) // 8 > len(raw):
            return
        code = int.from_bytes(raw[byte : byte + 4], "little") >> bit % 8 & ((1 << width) - 1)
        bit += width
        at, used = group_start + bit // 8, bit % 8
        if code == 256 and block:
            table = table[:257]
            at, used = _next_group(group_start, bit, width), 0
            group_start, width, previous = at, 9, b""
            continue
        if code > len(table) or (code == len(table) and not previous):
            raise Damaged("LZW code out of range")
        entry = table[code] if code < len(table) else previous + previous[:1]
        yield entry
        if previous and len(table) < 1 << most:
            table.append(previous + entry[:1])
        previous = entry
        if len(table) >= 1 << width and width < most:
            at, used = _next_group(group_start, bit, width), 0
            group_start = at
            width += 1


def _next_group(start: int, bits: int, width: int) -> int:
    group = width * 8
    return start + (bits + group - 1) // group * group // 8


def _unszdd(raw: bytes) -> Iterator[bytes]:
    """LZSS with a 4 KiB window of spaces. Source: format as described for EXPAND.EXE, by observation."""
    (size,) = struct.unpack_from("<I", raw, 10)
    window, place, at, out = bytearray(b" " * 4096), 4096 - 16, 14, bytearray()
    while at < len(raw) and len(out) < size:
        flags = raw[at]
        at += 1
        for bit in range(8):
            if at >= len(raw):
                break
            if flags >> bit & 1:
                piece = raw[at : at + 1]
                at += 1
            else:
                low, high = raw[at], raw[at + 1] if at + 1 < len(raw) else 0
                at += 2
                start, length = low | (high & 0xF0) << 4, (high & 15) + 3
                piece = b""
                for n in range(length):
                    byte = window[(start + n) % 4096]
                    piece += bytes((byte,))
                    window[place] = byte
                    place = (place + 1) % 4096
                out += piece
                continue
            out += piece
            window[place] = piece[0]
            place = (place + 1) % 4096
    yield bytes(out[:size])


def _unflash(raw: bytes) -> Iterator[bytes]:
    """A compressed Flash file as an uncompressed one. Source: SWF file format specification 19, chapter 2."""
    yield b"FWS" + raw[3:8]
    if raw[:1] == b"C":
        yield from _unzlib(raw[8:])
        return
    (size,) = struct.unpack_from("<I", raw, 4)
    stream = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=512 * 1024 * 1024)
    yield stream.decompress(raw[12:17] + struct.pack("<Q", max(0, size - 8)) + raw[17:], 64 * 1024 * 1024)


def _stream(name: str, decode: Callable[[bytes], Iterator[bytes]], suffixes: tuple[str, ...]) -> Unpack:
    def unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
        try:
            content = budget.gather(decode(artifact.data))
        except (zlib.error, lzma.LZMAError, OSError, EOFError, struct.error) as error:
            raise Damaged(str(error)) from error
        if content:
            yield Child(data=content, name=_inner_name(artifact.name, suffixes), detail=name)

    return unpack


def _inner_name(name: str | None, suffixes: tuple[str, ...]) -> str | None:
    if name is None:
        return None
    for suffix in suffixes:
        if name.lower().endswith(suffix):
            tail = ".tar" if suffix.startswith(".t") and suffix != ".tar" else ""
            return name[: -len(suffix)] + tail
    return None


def _magic(*marks: bytes) -> Callable[[bytes], int]:
    return lambda data: 90 if data.startswith(marks) else 0


def _zlib_bid(data: bytes) -> int:
    known = len(data) > 6 and data[0] == 0x78 and int.from_bytes(data[:2], "big") % 31 == 0
    return 30 if known and data[1] in {0x01, 0x5E, 0x9C, 0xDA} else 0


def _lzma_bid(data: bytes) -> int:
    if data[:3] != b"\x5d\0\0" or len(data) < 18:
        return 0
    size = int.from_bytes(data[5:13], "little")
    return 70 if size == 0xFFFFFFFFFFFFFFFF or size < 1 << 40 else 0


GZIP = Format("gzip", _magic(b"\x1f\x8b\x08"), _stream("gzip", _gunzip, (".gz", ".tgz")))
BZIP2 = Format("bzip2", _magic(b"BZh"), _stream("bzip2", _bunzip2, (".bz2", ".tbz2")))
XZ = Format("xz", _magic(b"\xfd7zXZ\0"), _stream("xz", unlzma, (".xz", ".txz")))
LZMA = Format("lzma", _lzma_bid, _stream("lzma", unlzma, (".lzma",)))
ZSTD = Format("zstd", _magic(b"\x28\xb5\x2f\xfd"), _stream("zstd", unzstd, (".zst", ".tzst")))
ZLIB = Format("zlib", _zlib_bid, _stream("zlib", _unzlib, ()))
COMPRESS = Format("compress", _magic(b"\x1f\x9d"), _stream("compress", _uncompress, (".z",)))
SZDD = Format("szdd", _magic(b"SZDD\x88\xf0'3"), _stream("szdd", _unszdd, ()))
SWF = Format("swf", _magic(b"CWS", b"ZWS"), _stream("swf", _unflash, ()))
