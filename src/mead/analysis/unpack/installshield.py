# SPDX-License-Identifier: Apache-2.0
"""InstallShield: the files behind a setup program, plain or scrambled, and its own cabinets.

Source: by observation of files. A cabinet (`ISc(`) is described by a second file; blocks are found here
without it: each is a length and a deflate stream of exactly that length.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.carve import pe_extent
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.zipmethods import inflate

__all__ = ["CABINET", "SETUP"]

MAX_FILES = 2000
_MARK = b"InstallShield\0"
_MAGIC = b"\x13\x35\x86\x07"
_SWAP = bytes(~(n >> 4 | n << 4) & 0xFF for n in range(256))
_PLAIN = re.compile(rb"([\w .()~+-]{1,120})\0([\w .()~+\\:/-]{1,260})\0([\d.]{1,40})\0(\d{1,10})\0")


def _setup(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data
    end = pe_extent(data, 0)
    mark = data.find(_MARK, end, end + 4096)
    if mark >= 0:
        yield from _scrambled(data, mark, budget)
    else:
        yield from _plain(data, end, budget)


def _plain(data: bytes, at: int, budget: Budget) -> Iterator[Child]:
    """Name, path, version and size as text, then the file."""
    first = _PLAIN.search(data, at, at + 4096)
    at = first.start() if first else len(data)
    for _ in range(MAX_FILES):
        budget.check_time()
        entry = _PLAIN.match(data, at)
        if not entry:
            return
        size = int(entry.group(4))
        body = data[entry.end() : entry.end() + size]
        if len(body) < size:
            raise Damaged(f"{entry.group(1)!r} is cut off")
        yield Child(data=body, name=entry.group(1).decode("latin-1"), detail="installshield")
        at = entry.end() + size


def _scrambled(data: bytes, mark: int, budget: Budget) -> Iterator[Child]:
    (count,) = struct.unpack_from("<H", data, mark + 14)
    at = mark + 46
    for _ in range(min(count, MAX_FILES)):
        budget.check_time()
        name = data[at : at + 260].split(b"\0", 1)[0]
        flags, _, size = struct.unpack_from("<III", data, at + 260)
        raw = data[at + 312 : at + 312 + size]
        if not name or len(raw) < size:
            raise Damaged("file list is cut off")
        content = budget.gather(_content(raw, name, flags))
        if content:
            yield Child(data=content, name=name.decode("latin-1"), detail="installshield")
        at += 312 + size


def _content(raw: bytes, name: bytes, flags: int) -> Iterator[bytes]:
    plain = _unscramble(raw, name, 1024 if flags & 4 else len(raw) or 1) if flags & 6 else raw
    if plain[:1] != b"\x78":
        yield plain
        return
    yield from inflate(plain, 15)


def _unscramble(raw: bytes, name: bytes, block: int) -> bytes:
    """Each byte has its halves swapped and is mixed with the file's name; the name starts anew per block."""
    key = bytes(letter ^ _MAGIC[n % 4] for n, letter in enumerate(name))
    stream = (key * (min(block, len(raw)) // len(key) + 1))[:block]
    swapped = raw.translate(_SWAP)
    out = bytearray()
    for start in range(0, len(swapped), block):
        piece = swapped[start : start + block]
        number = int.from_bytes(piece, "big") ^ int.from_bytes(stream[: len(piece)], "big")
        out += number.to_bytes(len(piece), "big")
    return bytes(out)


def _cabinet(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data, at, parts, number = artifact.data, 20, list[bytes](), 0
    while at + 4 < len(data):
        budget.check_time()
        block = _deflated(data, at)
        if block is None:
            at += 1
            continue
        content, at = block
        whole = parts and len(parts[0]) == len(parts[-1])
        if not whole or len(content) > len(parts[0]) or len(parts[0]) < 4096:
            if parts:
                number += 1
                yield Child(data=b"".join(parts), name=f"file {number}", detail="installshield cabinet")
            parts = []
        parts.append(content)
    if parts:
        yield Child(data=b"".join(parts), name=f"file {number + 1}", detail="installshield cabinet")


def _deflated(data: bytes, at: int) -> tuple[bytes, int] | None:
    size = data[at] | data[at + 1] << 8
    if size < 8 or at + 2 + size > len(data) or data[at + 2] & 6 == 6:
        return None
    stream = zlib.decompressobj(-15)
    try:
        out = stream.decompress(data[at + 2 : at + 2 + size], 1 << 20)
    except zlib.error:
        return None
    exact = stream.eof and not stream.unused_data and len(out) >= 16
    return (out, at + 2 + size) if exact else None


def _setup_bid(data: bytes) -> int:
    if data[:2] != b"MZ":
        return 0
    end = pe_extent(data, 0)
    if not 0 < end < len(data):
        return 0
    return 70 if _MARK in data[end : end + 4096] or _PLAIN.search(data, end, end + 1024) else 0


def _cabinet_bid(data: bytes) -> int:
    return 75 if data[:4] == b"ISc(" else 0


SETUP = Format("installshield", _setup_bid, _setup)
CABINET = Format("installshield-cab", _cabinet_bid, _cabinet)
