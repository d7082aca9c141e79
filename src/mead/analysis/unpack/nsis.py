# SPDX-License-Identifier: Apache-2.0
"""Installers made with NSIS: every data block, whatever the install script would do with it.

Source: NSIS's own `Source/exehead/fileform.h` describes the layout (zlib licence); own implementation.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.nsisbzip import expand as bunzip
from mead.analysis.unpack.zipmethods import inflate

__all__ = ["FORMAT"]

CHUNK = 256 * 1024
_MARK = b"\xef\xbe\xad\xdeNullsoftInst"


def _lzma(raw: bytes) -> Iterator[bytes]:
    properties, dictionary = raw[0], struct.unpack_from("<I", raw, 1)[0]
    choice = {
        "id": lzma.FILTER_LZMA1, "dict_size": max(4096, min(dictionary, 1 << 28)), "lc": properties % 9,
        "lp": properties // 9 % 5, "pb": properties // 45,
    }  # fmt: skip
    stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[choice])
    pending = raw[5:]
    while not stream.eof:
        chunk = stream.decompress(pending, CHUNK)
        pending = b""
        if not chunk and stream.needs_input:
            return
        yield chunk


def _decoded(raw: bytes) -> Iterator[bytes]:
    if raw[:3] == b"\x5d\0\0":
        return _lzma(raw)
    if raw[1:4] == b"\x5d\0\0":
        return _lzma(raw[1:])
    if raw[:1] == b"1" and raw[1] < 14:
        return bunzip(raw)
    return inflate(raw)


def _block(raw: bytes, budget: Budget) -> bytes | None:
    try:
        return budget.gather(_decoded(raw))
    except (zlib.error, lzma.LZMAError, struct.error, IndexError) as error:
        raise Damaged(f"block cannot be decompressed: {error}") from error


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data
    start = data.index(_MARK) + len(_MARK)
    header_size, archive_size = struct.unpack_from("<II", data, start)
    body = data[start + 8 : start + 8 + archive_size]
    (first,) = struct.unpack_from("<I", body, 0)
    solid = not (first & 0x80000000 and first & 0x7FFFFFFF < len(body)) and first != header_size
    stream = _block(body, budget) if solid else None
    blocks = _solid(stream) if stream else _separate(body, budget)
    for number, content in enumerate(blocks):
        budget.check_time()
        if content:
            name = "header" if number == 0 else f"block {number}"
            yield Child(data=content, name=name, detail="nsis")


def _solid(stream: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(stream):
        (size,) = struct.unpack_from("<I", stream, at)
        if size > len(stream) - at - 4:
            return
        yield stream[at + 4 : at + 4 + size]
        at += 4 + size


def _separate(body: bytes, budget: Budget) -> Iterator[bytes | None]:
    at = 0
    while at + 8 <= len(body):
        (size,) = struct.unpack_from("<I", body, at)
        packed, size = bool(size & 0x80000000), size & 0x7FFFFFFF
        raw = body[at + 4 : at + 4 + size]
        if len(raw) < size:
            return
        yield _block(raw, budget) if packed else raw
        at += 4 + size


def _bid(data: bytes) -> int:
    return 75 if _MARK in data[: 4 * 1024 * 1024] else 0


FORMAT = Format("nsis", _bid, _unpack)
