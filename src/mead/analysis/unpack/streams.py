# SPDX-License-Identifier: Apache-2.0
"""Single compressed streams: gzip, zlib, bzip2, xz, lzma and zstd, several in a row too.

What a stream gives before it breaks or ends is taken. What follows the last stream is a child of its own:
appending something to an archive is an old way of hiding it.
"""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterator
from typing import TypeAlias

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget
from mead.analysis.unpack.formats import Format, Unpack
from mead.analysis.unpack.zipmethods import LZMA_MEMORY, inflate, pieces
from mead.analysis.unpack.zstdframes import FRAME, SKIPPABLE, unzstd

__all__ = ["BZIP2", "GZIP", "LZMA", "XZ", "ZLIB", "ZSTD", "magic", "stream"]

Decoder: TypeAlias = Callable[[bytes, list[bytes]], Iterator[bytes]]
"""Gives the content in pieces, and puts what follows the last stream into the list."""

MIN_TRAILING_BYTES = 16
_XZ_MAGIC = b"\xfd7zXZ\0"


def _gunzip(raw: bytes, rest: list[bytes]) -> Iterator[bytes]:
    while raw[:2] == b"\x1f\x8b":
        unused: list[bytes] = []
        yield from inflate(raw, 31, unused)
        raw = unused[0]
    rest.append(raw)


def _unzlib(raw: bytes, rest: list[bytes]) -> Iterator[bytes]:
    return inflate(raw, 15, rest)


def _bunzip2(raw: bytes, rest: list[bytes]) -> Iterator[bytes]:
    while raw[:3] == b"BZh":
        decoder = bz2.BZ2Decompressor()
        yield from pieces(decoder, raw)
        raw = decoder.unused_data
    rest.append(raw)


def _unxz(raw: bytes, rest: list[bytes]) -> Iterator[bytes]:
    while raw[:6] == _XZ_MAGIC:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=LZMA_MEMORY)
        yield from pieces(decoder, raw)
        unused = decoder.unused_data
        padded = unused.lstrip(b"\0")
        raw = padded if padded[:6] == _XZ_MAGIC else unused
    rest.append(raw)


def _unlzma(raw: bytes, rest: list[bytes]) -> Iterator[bytes]:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=LZMA_MEMORY)
    yield from pieces(decoder, raw)
    rest.append(decoder.unused_data)


def stream(name: str, decode: Decoder, suffixes: tuple[str, ...] = ()) -> Unpack:
    """An unpacker of a single stream; `suffixes` are taken off the name of the content."""

    def unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
        rest: list[bytes] = []
        content = budget.gather(decode(artifact.data, rest))
        if content:
            yield Child(data=content, name=_inner_name(artifact.name, suffixes), detail=name)
        trailing = b"".join(rest)
        if len(trailing.strip(b"\0")) >= MIN_TRAILING_BYTES:
            yield Child(data=trailing, name="trailing data", detail=f"behind {name}")

    return unpack


def _inner_name(name: str | None, suffixes: tuple[str, ...]) -> str | None:
    if name is None:
        return None
    for suffix in suffixes:
        if name.lower().endswith(suffix):
            tail = ".tar" if suffix.startswith(".t") and suffix != ".tar" else ""
            return name[: -len(suffix)] + tail
    return None


def magic(*marks: bytes) -> Callable[[bytes], int]:
    """A bid by the first bytes."""
    return lambda data: 90 if data.startswith(marks) else 0


def _zlib_bid(data: bytes) -> int:
    known = len(data) > 6 and data[0] == 0x78 and int.from_bytes(data[:2], "big") % 31 == 0
    return 30 if known and data[1] in {0x01, 0x5E, 0x9C, 0xDA} else 0


def _lzma_bid(data: bytes) -> int:
    if data[:3] != b"\x5d\0\0" or len(data) < 18:
        return 0
    size = int.from_bytes(data[5:13], "little")
    return 70 if size == 0xFFFFFFFFFFFFFFFF or size < 1 << 40 else 0


def _zstd_bid(data: bytes) -> int:
    skippable = data[1:4] == SKIPPABLE[1:] and data[:1] and data[0] & 0xF0 == 0x50
    return 90 if data[:4] == FRAME or (skippable and FRAME in data[:4096]) else 0


GZIP = Format("gzip", magic(b"\x1f\x8b\x08"), stream("gzip", _gunzip, (".gz", ".tgz")))
BZIP2 = Format("bzip2", magic(b"BZh"), stream("bzip2", _bunzip2, (".bz2", ".tbz2")))
XZ = Format("xz", magic(_XZ_MAGIC), stream("xz", _unxz, (".xz", ".txz")))
LZMA = Format("lzma", _lzma_bid, stream("lzma", _unlzma, (".lzma",)))
ZSTD = Format("zstd", _zstd_bid, stream("zstd", unzstd, (".zst", ".tzst")))
ZLIB = Format("zlib", _zlib_bid, stream("zlib", _unzlib))
