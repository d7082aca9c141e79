# SPDX-License-Identifier: Apache-2.0
"""A PE32 file as Windows would map it, headers that overlap included.

Source: Microsoft PE format; the loader's tolerance by observation of packed programs.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Image", "Section", "mapped", "parse"]

MAX_IMAGE_BYTES = 64 * 1024 * 1024
WRITABLE, EXECUTABLE = 0x80000000, 0x20000000


@dataclass(frozen=True, slots=True)
class Section:
    """One section as its header has it."""

    name: str
    address: int
    virtual: int
    start: int
    size: int
    flags: int
    header: int
    """Where its header stands, from the beginning of the file."""


@dataclass(frozen=True, slots=True)
class Image:
    """What is needed to map and start a program."""

    base: int
    entry: int
    size: int
    headers: int
    imports: int
    optional: int
    """Where the optional header stands."""
    sections: tuple[Section, ...]

    def section_of(self, address: int) -> Section | None:
        """The section that holds a relative address."""
        for section in self.sections:
            if section.address <= address < section.address + max(section.virtual, section.size, 1):
                return section
        return None


def parse(data: bytes) -> Image | None:
    """The image of a 32-bit x86 program; `None` when it is none."""
    try:
        (new,) = struct.unpack_from("<I", data, 60)
        if data[:2] != b"MZ" or new > 0x10000 or data[new : new + 4] != b"PE\0\0":
            return None
        machine, count = struct.unpack_from("<HH", data, new + 4)
        size, flags = struct.unpack_from("<HH", data, new + 20)
        optional = new + 24
        (magic,) = struct.unpack_from("<H", data, optional)
        if machine != 0x14C or magic != 0x10B or flags & 0x2000 or count > 96:
            return None
        (entry,) = struct.unpack_from("<I", data, optional + 16)
        (base,) = struct.unpack_from("<I", data, optional + 28)
        image_size, headers = struct.unpack_from("<II", data, optional + 56)
        (imports,) = struct.unpack_from("<I", data, optional + 104)
        sections = tuple(_sections(data, optional + size, count))
    except struct.error:
        return None
    end = max((s.address + max(s.virtual, s.size) for s in sections), default=0)
    image_size = max(image_size, end) + 0xFFF & ~0xFFF
    if not 0 < image_size <= MAX_IMAGE_BYTES or base + image_size > 0x7000_0000:
        return None
    return Image(base, entry, image_size, headers, imports, optional, sections)


def _sections(data: bytes, at: int, count: int) -> Iterator[Section]:
    for number in range(count):
        name, virtual, address, size, start = struct.unpack_from("<8sIIII", data, at + 40 * number)
        (flags,) = struct.unpack_from("<I", data, at + 40 * number + 36)
        plain = name.rstrip(b"\0").decode("latin-1")
        yield Section(plain, address, virtual, start, size, flags, at + 40 * number)


def mapped(data: bytes, image: Image) -> bytearray:
    """The memory of the image before its first instruction."""
    memory = bytearray(image.size)
    head = data[: image.headers]
    memory[: len(head)] = head[: image.size]
    for section in image.sections:
        start = section.start & ~0x1FF
        size = min(section.size, section.virtual + 0xFFF & ~0xFFF) if section.virtual else section.size
        piece = data[start : start + size] if section.size else b""
        room = max(0, image.size - section.address)
        memory[section.address : section.address + min(len(piece), room)] = piece[:room]
    return memory
