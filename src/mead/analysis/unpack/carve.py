# SPDX-License-Identifier: Apache-2.0
"""Programs and archives inside other bodies, found by their headers.

A carved program is as long as its own headers say: what follows it belongs to its carrier.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget
from mead.analysis.unpack.formats import Format

__all__ = ["FORMAT", "elf_extent", "pe_extent", "programs"]

MAX_CARVED = 64
MAX_SECTIONS = 96

_PE = re.compile(rb"MZ(?=.{60}\0\0)", re.DOTALL)
"""A DOS header whose pointer to the new one has a sensible size; most chance hits have not."""
_ELF = re.compile(rb"\x7fELF(?=[\x01\x02][\x01\x02]\x01)")

_ARCHIVES = (
    (b"MSCF\0\0\0\0", "cab"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"PK\x03\x04", "zip"),
    (b"Rar!\x1a\x07", "rar"),
)


def pe_extent(data: bytes, at: int) -> int:
    """Bytes of the PE at `at` by its headers; 0 when there is none."""
    end: int
    try:
        (new,) = struct.unpack_from("<I", data, at + 60)
        if not 4 <= new < 0x10000 or data[at + new : at + new + 4] != b"PE\0\0":
            return 0
        machine, sections = struct.unpack_from("<HH", data, at + new + 4)
        (optional,) = struct.unpack_from("<H", data, at + new + 20)
        if machine not in {0x14C, 0x8664, 0xAA64, 0x1C0, 0x1C4, 0x200} or not 0 < sections <= MAX_SECTIONS:
            return 0
        table = at + new + 24 + optional
        end = table + 40 * sections - at
        for number in range(sections):
            size, start = struct.unpack_from("<II", data, table + 40 * number + 16)
            end = max(end, size + start)
    except struct.error:
        return 0
    return end


def elf_extent(data: bytes, at: int) -> int:
    """Bytes of the ELF at `at` by its headers; 0 when there is none."""
    if data[at : at + 4] != b"\x7fELF" or at + 64 > len(data) or data[at + 4] not in {1, 2}:
        return 0
    order = "<" if data[at + 5] == 1 else ">"
    wide = data[at + 4] == 2
    try:
        if wide:
            program, sections, _, _, size, count, section_size, section_count = struct.unpack_from(
                f"{order}QQIHHHHH", data, at + 32
            )
        else:
            program, sections, _, _, size, count, section_size, section_count = struct.unpack_from(
                f"{order}IIIHHHHH", data, at + 28
            )
        end = sections + section_size * section_count
        for number in range(min(count, 64)):
            head = at + program + number * size
            offset, length = struct.unpack_from(
                f"{order}Q16xQ" if wide else f"{order}I8xI", data, head + (8 if wide else 4)
            )
            end = max(end, offset + length)
    except struct.error:
        return 0
    return end if end <= 1 << 30 else 0


def programs(data: bytes, start: int = 1) -> Iterator[tuple[int, int, str]]:
    """Offset, length and kind of each program from `start` on, those of one kind in order. O(bytes)."""
    for pattern, extent, kind in ((_PE, pe_extent, "pe"), (_ELF, elf_extent, "elf")):
        for match in pattern.finditer(data, start):
            length = extent(data, match.start())
            if length and match.start() + length <= len(data):
                yield match.start(), length, kind


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data
    for count, (at, length, kind) in enumerate(programs(data)):
        budget.check_time()
        if count >= MAX_CARVED:
            budget.hit("unpack.carved", MAX_CARVED, "programs")
            break
        yield Child(data=data[at : at + length], name=f"{kind} at {at}", detail="embedded")
    end = pe_extent(data, 0) or elf_extent(data, 0)
    if not 0 < end < len(data):
        return
    for mark, kind in _ARCHIVES:
        at = data.find(mark, end)
        if at >= 0:
            yield Child(data=data[at:], name=f"{kind} at {at}", detail="overlay")


def _bid(data: bytes) -> int:
    return 20 if len(data) > 100 else 0


FORMAT = Format("embedded", _bid, _unpack)
