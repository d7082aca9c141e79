# SPDX-License-Identifier: Apache-2.0
"""Installers made with NSIS: every data block, whatever the install script would do with it.

Source: NSIS's own `Source/exehead/fileform.h` describes the layout (zlib licence); own implementation.
"""

from __future__ import annotations

import lzma
import struct
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.nsisbzip import expand as bunzip
from mead.analysis.unpack.zipmethods import inflate, pieces

__all__ = ["FORMAT"]

_MARK = b"\xef\xbe\xad\xdeNullsoftInst"


def _lzma(raw: bytes) -> Iterator[bytes]:
    properties, dictionary = raw[0], struct.unpack_from("<I", raw, 1)[0]
    choice = {
        "id": lzma.FILTER_LZMA1, "dict_size": max(4096, min(dictionary, 1 << 28)), "lc": properties % 9,
        "lp": properties // 9 % 5, "pb": properties // 45,
    }  # fmt: skip
    return pieces(lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[choice]), raw[5:])


def _decoded(raw: bytes) -> Iterator[bytes]:
    if raw[:3] == b"\x5d\0\0":
        return _lzma(raw)
    if raw[1:4] == b"\x5d\0\0":
        return _lzma(raw[1:])
    if raw[:1] == b"1" and raw[1] < 14:
        return bunzip(raw)
    return inflate(raw)


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data
    start = data.index(_MARK) + len(_MARK)
    header_size, archive_size = struct.unpack_from("<II", data, start)
    body = data[start + 8 : start + 8 + archive_size]
    (first,) = struct.unpack_from("<I", body, 0)
    blocks_follow = first & 0x80000000 and first & 0x7FFFFFFF < len(body) and not _is_lzma(body)
    solid = not blocks_follow and first != header_size
    stream = budget.gather(_decoded(body)) if solid else None
    blocks = _solid(stream) if stream else _separate(body, budget)
    for number, content in enumerate(blocks):
        budget.check_time()
        if content:
            name = "header" if number == 0 else f"block {number}"
            yield Child(data=content, name=name, detail="nsis")


def _is_lzma(body: bytes) -> bool:
    """Whether LZMA begins here rather than a block of 93 bytes: no header is as short as that."""
    return body[:3] == b"\x5d\0\0" and body[4:5] == b"\0"


def _solid(stream: bytes) -> Iterator[bytes]:
    at = 0
    while at + 4 <= len(stream):
        (size,) = struct.unpack_from("<I", stream, at)
        if size > len(stream) - at - 4:
            raise Damaged(f"the block at {at} is cut off")
        yield stream[at + 4 : at + 4 + size]
        at += 4 + size


def _separate(body: bytes, budget: Budget) -> Iterator[bytes | None]:
    at = 0
    while at + 8 <= len(body):
        (size,) = struct.unpack_from("<I", body, at)
        packed, size = bool(size & 0x80000000), size & 0x7FFFFFFF
        raw = body[at + 4 : at + 4 + size]
        if len(raw) < size:
            raise Damaged(f"the block at {at} is cut off")
        yield budget.gather(_decoded(raw)) if packed else raw
        at += 4 + size


def _bid(data: bytes) -> int:
    return 75 if _MARK in data[: 4 * 1024 * 1024] else 0


FORMAT = Format("nsis", _bid, _unpack)
