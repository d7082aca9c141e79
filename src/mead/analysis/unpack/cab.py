# SPDX-License-Identifier: Apache-2.0
"""Microsoft cabinets: stored, MSZIP and LZX folders.

Source: [MS-CAB] 2.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.lzx import Lzx

__all__ = ["FORMAT"]


@dataclass(frozen=True, slots=True)
class _Folder:
    offset: int
    blocks: int
    kind: int


def _string(data: bytes, at: int) -> int:
    end = data.find(b"\0", at)
    if end < 0:
        raise Damaged("name without end")
    return end + 1


def _header(cab: bytes) -> tuple[list[_Folder], list[tuple[str, int, int, int]], int]:
    """Folders, files (name, folder, offset, size) and the reserved bytes of each data block."""
    (files_at,) = struct.unpack_from("<I", cab, 16)
    folder_count, file_count, flags = struct.unpack_from("<HHH", cab, 26)
    at, folder_reserve, data_reserve = 36, 0, 0
    if flags & 4:
        header_reserve, folder_reserve, data_reserve = struct.unpack_from("<HBB", cab, at)
        at += 4 + header_reserve
    for bit in (1, 2):
        if flags & bit:
            at = _string(cab, _string(cab, at))
    folders = []
    for _ in range(folder_count):
        folders.append(_Folder(*struct.unpack_from("<IHH", cab, at)))
        at += 8 + folder_reserve
    files, at = [], files_at
    for _ in range(file_count):
        size, offset, folder, _, _, attributes = struct.unpack_from("<IIHHHH", cab, at)
        end = _string(cab, at + 16)
        codec = "utf-8" if attributes & 0x80 else "latin-1"
        files.append((cab[at + 16 : end - 1].decode(codec, "backslashreplace"), folder, offset, size))
        at = end
    return folders, files, data_reserve


def _blocks(cab: bytes, folder: _Folder, reserve: int) -> Iterator[tuple[bytes, int]]:
    at = folder.offset
    for _ in range(folder.blocks):
        if at + 8 > len(cab):
            raise Damaged("a folder is cut off")
        _, packed, size = struct.unpack_from("<IHH", cab, at)
        start = at + 8 + reserve
        yield cab[start : start + packed], size
        at = start + packed


def _folder(cab: bytes, folder: _Folder, reserve: int) -> Iterator[bytes]:
    method = folder.kind & 15
    if method == 0:
        yield from (block for block, _ in _blocks(cab, folder, reserve))
    elif method == 1:
        yield from _mszip(_blocks(cab, folder, reserve))
    elif method == 3:
        decoder = Lzx(folder.kind >> 8 & 31)
        for block, size in _blocks(cab, folder, reserve):
            yield decoder.block(block, size)
    else:
        raise Damaged(f"compression method {method} is not known")


def _mszip(blocks: Iterator[tuple[bytes, int]]) -> Iterator[bytes]:
    history = b""
    for block, size in blocks:
        if block[:2] != b"CK":
            raise Damaged("MSZIP block without its mark")
        stream = zlib.decompressobj(-15, zdict=history) if history else zlib.decompressobj(-15)
        try:
            out = stream.decompress(block[2:], size)
        except zlib.error as error:
            raise Damaged(str(error)) from error
        history = (history + out)[-32768:]
        yield out


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    cab = artifact.data[max(0, artifact.data.find(b"MSCF\0\0\0\0")) :]
    try:
        folders, files, reserve = _header(cab)
    except struct.error as error:
        raise Damaged("header is cut off") from error
    wanted: dict[int, list[tuple[str, int, int]]] = {}
    for name, number, offset, size in files:
        wanted.setdefault(number, []).append((name, offset, size))
    for number, members in wanted.items():
        if number >= len(folders):
            budget.damaged(f"{members[0][0]} is in another cabinet, or nowhere")
            continue
        try:
            content = budget.gather(_folder(cab, folders[number], reserve))
        except Damaged as error:
            budget.damaged(f"folder {number}: {error}")
            continue
        yield from _members(content or b"", members, budget)


def _members(content: bytes, members: list[tuple[str, int, int]], budget: Budget) -> Iterator[Child]:
    for name, offset, size in members:
        body = content[offset : offset + size]
        if len(body) < size:
            budget.damaged(f"{name} is cut off after {len(body)} of {size} bytes")
        yield Child(data=body, name=name, detail="cab")


def _bid(data: bytes) -> int:
    return 90 if data.startswith(b"MSCF\0\0\0\0") else 0


FORMAT = Format("cab", _bid, _unpack)
