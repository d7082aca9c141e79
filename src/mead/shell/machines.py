# SPDX-License-Identifier: Apache-2.0
"""CPU architectures: how their ELF files begin, and what /proc/cpuinfo calls them.

**Source:** System V ABI, chapter 4 (ELF header); `e_machine` values of <elf.h>; the flags words are
those of the usual vendor toolchains.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

__all__ = ["ARCHITECTURES", "Architecture", "elf_header", "runs_on"]


@dataclass(frozen=True, slots=True)
class Architecture:
    """What an ELF file for one architecture looks like."""

    name: str
    uname: str
    bits: int
    little_endian: bool
    machine: int
    flags: int
    base: int


ARCHITECTURES: Final[dict[str, Architecture]] = {
    entry.name: entry
    for entry in (
        Architecture("armv5l", "armv5tejl", 32, True, 40, 0x05000202, 0x8000),
        Architecture("armv7l", "armv7l", 32, True, 40, 0x05000400, 0x10000),
        Architecture("aarch64", "aarch64", 64, True, 183, 0, 0x400000),
        Architecture("mips", "mips", 32, False, 8, 0x50001007, 0x400000),
        Architecture("mipsel", "mips", 32, True, 8, 0x50001007, 0x400000),
        Architecture("x86_64", "x86_64", 64, True, 62, 0, 0x400000),
        Architecture("i686", "i686", 32, True, 3, 0, 0x8048000),
        Architecture("ppc", "ppc", 32, False, 20, 0, 0x10000000),
        Architecture("sh4", "sh4", 32, True, 42, 9, 0x400000),
        Architecture("m68k", "m68k", 32, False, 4, 0, 0x80000000),
        Architecture("sparc", "sparc", 32, False, 2, 0, 0x10000),
    )
}


def elf_header(name: str, size: int) -> bytes:
    """ELF header and one program header of a static executable of `size` bytes."""
    arch = ARCHITECTURES[name]
    order = "<" if arch.little_endian else ">"
    wide = arch.bits == 64
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if arch.little_endian else 2, 1]) + bytes(9)
    header_size, entry_size = (64, 56) if wide else (52, 32)
    sections = 23
    section_size = 64 if wide else 40
    section_offset = (size - sections * section_size) & ~3
    entry = arch.base + header_size + entry_size * 2 + 0x120
    pointer = "Q" if wide else "I"
    header = struct.pack(
        f"{order}HHI3{pointer}IHHHHHH",
        2, arch.machine, 1, entry, header_size, section_offset, arch.flags,
        header_size, entry_size, 2, section_size, sections, sections - 1,
    )  # fmt: skip
    return ident + header + _program_headers(arch, order, size)


def _program_headers(arch: Architecture, order: str, size: int) -> bytes:
    text = (size * 4 // 5) & ~0xFFF
    load = (0, arch.base, arch.base, text, text, 5, 0x1000)
    data_address = arch.base + text + 0x1000
    data = (text, data_address, data_address, size - text - 0x400, size - text + 0x2000, 6, 0x1000)
    packed = b""
    for offset, virtual, physical, in_file, in_memory, flags, align in (load, data):
        if arch.bits == 64:
            packed += struct.pack(
                f"{order}IIQQQQQQ", 1, flags, offset, virtual, physical, in_file, in_memory, align
            )
        else:
            packed += struct.pack(
                f"{order}8I", 1, offset, virtual, physical, in_file, in_memory, flags, align
            )
    return packed


def runs_on(data: bytes, name: str) -> bool:
    """Whether an ELF file is for this architecture (or one that it also runs)."""
    arch = ARCHITECTURES[name]
    if len(data) < 20 or data[5] not in (1, 2):
        return False
    (machine,) = struct.unpack_from("<H" if data[5] == 1 else ">H", data, 18)
    if (data[5] == 1) != arch.little_endian:
        return False
    return machine == arch.machine or (name == "x86_64" and machine == 3)
