# SPDX-License-Identifier: Apache-2.0
"""Windows programs that unpack themselves: their stub is emulated and its memory taken.

What comes out is the memory image, laid out as a program file again; where it really begins is not
known. Programs inside it are carved from it later, as from any other body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child, Finding
from mead.analysis.packing import PACKED_ENTROPY, entropy
from mead.analysis.unpack.budget import Budget
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.x86.image import EXECUTABLE, WRITABLE, Image, mapped, parse
from mead.analysis.unpack.x86.windows import Process

__all__ = ["FORMAT", "looks_packed"]


MIN_CHANGED = 256
"""Bytes that a stub has to change to count as having unpacked something."""


def looks_packed(data: bytes, image: Image) -> bool:
    """Whether the headers are those of a program that writes its own code."""
    section = image.section_of(image.entry)
    if section is None:
        return True
    empty = any(not s.size and s.virtual and s.flags & EXECUTABLE for s in image.sections)
    last = len(image.sections) > 1 and section == image.sections[-1]
    if empty or section.flags & WRITABLE or last:
        return True
    return entropy(data[section.start : section.start + section.size]) >= PACKED_ENTROPY


def _bid(data: bytes) -> int:
    if data[:2] != b"MZ":
        return 0
    image = parse(data)
    return 40 if image and looks_packed(data, image) else 0


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    image = parse(artifact.data)
    if image is None or not budget.settings.emulate_packers:
        return
    process = Process(artifact.data, image)
    most = budget.settings.emulated_instructions
    why = process.run(most, budget.check_time)
    evidence = (
        f"ended: {why}",
        f"{process.cpu.count} instructions",
        f"calls: {', '.join(process.calls[:20])}",
    )
    budget.note(
        Finding(
            claim="stub.emulated", value=str(process.ran_written).lower(), confidence=80, evidence=evidence
        )
    )
    if process.cpu.count >= most:
        budget.hit("unpack.instructions", most, "instructions")
    if (process.ran_written or _changed(process, artifact.data)) and image.size <= budget.room():
        yield Child(
            data=_file(process, image),
            name="unpacked image",
            relation="unpacked_with",
            detail="emulated stub",
        )


def _changed(process: Process, data: bytes) -> bool:
    """Whether the program rewrote a good part of itself, even if it did not get as far as running it."""
    before, after = mapped(data, process.image), process.program.data
    pages = (
        page
        for page in process.memory.written
        if page << 12 in range(process.image.base, process.program.end)
    )
    count = 0
    for page in pages:
        at = (page << 12) - process.image.base
        old, new = before[at : at + 4096], after[at : at + 4096]
        count += 0 if old == new else sum(a != b for a, b in zip(old, new, strict=True))
    return count >= MIN_CHANGED


def _file(process: Process, image: Image) -> bytes:
    """The memory as a file in which every section lies where it was in memory."""
    out = bytearray(process.program.data)
    for section in image.sections:
        if section.header + 40 <= len(out):
            size = max(section.virtual, section.size) + 0xFFF & ~0xFFF
            struct.pack_into("<II", out, section.header + 16, size, section.address)
    return bytes(out)


FORMAT = Format("packed", _bid, _unpack)
