# SPDX-License-Identifier: Apache-2.0
"""Facts about ELF programs, statically linked and stripped ones of small devices first of all.

The telfhash is our own implementation of its published description (Trend Micro, "Telfhash: An algorithm
that finds similar malicious ELF files", 2020): the names of global functions, without those that
compilers bring, lower case, sorted, joined by commas, as a TLSH digest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from typing import Any

import lief

from mead.analysis.analyser import Artifact, Engine, Finding, FunctionAnalyser, Report
from mead.analysis.lieffacts import quietly, word
from mead.analysis.packing import PACKED_ENTROPY, entropy, packer_of
from mead.analysis.settings import AnalysisSettings

__all__ = ["ANALYSER", "analyse", "telfhash_text"]

MAX_LISTED = 200

_UNTOLD = re.compile(r"[_.].*|.*64|str.*|mem.*")
_UNTOLD_NAMES = {
    "__libc_start_main", "main", "abort", "cachectl", "cacheflush", "puts", "atol", "malloc_trim",
}  # fmt: skip


def _optional(name: str) -> Any | None:
    try:
        return import_module(name)
    except ImportError:
        return None


_TLSH = _optional("tlsh")


def analyse(artifact: Artifact, _settings: AnalysisSettings) -> Report | None:
    """Findings `elf.*`; `None` when it is no ELF, `failed` when it only looks like one."""
    data = artifact.data
    if data[:4] != b"\x7fELF":
        return None
    with quietly():
        program = lief.ELF.parse(data)
        if not isinstance(program, lief.ELF.Binary):
            return Report(verdict="failed", reason="damaged: the headers cannot be read")
        return Report(findings=tuple(_findings(program, data)))


def _findings(program: Any, data: bytes) -> Iterator[Finding]:
    yield from _header(program)
    yield from _symbols(program)
    yield from _parts(program, data)


def _header(program: Any) -> Iterator[Finding]:
    header = program.header
    order = "little" if word(header.identity_data) == "lsb" else "big"
    bits = word(header.identity_class).removeprefix("elf")
    architecture = f"{word(header.machine_type)} {bits}-bit {order}-endian"
    yield Finding(claim="elf.architecture", value=architecture, confidence=100)
    yield Finding(claim="elf.type", value=word(header.file_type), confidence=100)
    yield Finding(claim="elf.entry_point", value=f"{program.entrypoint:#x}", confidence=100)
    linked = "dynamic" if program.has_interpreter or list(program.libraries) else "static"
    libraries = tuple(str(library) for library in program.libraries)[:MAX_LISTED]
    yield Finding(claim="elf.linked", value=linked, confidence=95, evidence=libraries)
    if not list(program.symtab_symbols):
        yield Finding(claim="elf.stripped", value="true", confidence=95)


def _symbols(program: Any) -> Iterator[Finding]:
    imports = tuple(str(symbol.name) for symbol in program.imported_symbols if symbol.name)
    if imports:
        yield Finding(
            claim="elf.imports", value=str(len(imports)), confidence=100, evidence=imports[:MAX_LISTED]
        )
    text = telfhash_text(program)
    if text and _TLSH is not None:
        digest = _TLSH.forcehash(text.encode())
        if digest and digest != "TNULL":
            yield Finding(claim="hash.telfhash", value=str(digest).lower(), confidence=100)


def telfhash_text(program: Any) -> str:
    """The text that a telfhash is the digest of; empty when there are no names to go by."""
    for table in (program.dynamic_symbols, program.symtab_symbols):
        names = [
            str(symbol.name).lower()
            for symbol in table
            if symbol.type == lief.ELF.Symbol.TYPE.FUNC
            and symbol.binding == lief.ELF.Symbol.BINDING.GLOBAL
            and symbol.visibility == lief.ELF.Symbol.VISIBILITY.DEFAULT
            and symbol.name
            and symbol.name not in _UNTOLD_NAMES
            and not _UNTOLD.fullmatch(str(symbol.name))
        ]  # a name of several versions counts as often
        if names:
            return ",".join(sorted(names))
    return ""


def _parts(program: Any, data: bytes) -> Iterator[Finding]:
    sections = list(program.sections)[:200]
    lines = tuple(
        f"{s.name} offset={s.offset:#x} size={s.size} entropy={entropy(bytes(s.content)):.2f}"
        for s in sections if s.size
    )  # fmt: skip
    yield Finding(claim="elf.sections", value=str(len(sections)), confidence=100, evidence=lines)
    for segment in program.segments:
        if segment.type != lief.ELF.Segment.TYPE.LOAD:
            continue
        content = data[segment.file_offset : segment.file_offset + segment.physical_size]
        bits = entropy(content)
        if bits >= PACKED_ENTROPY and len(content) > 512:
            where = f"segment at {segment.file_offset:#x}, {len(content)} bytes, entropy {bits:.2f}"
            yield Finding(
                claim="packed", value="high entropy in a loaded segment", confidence=70, evidence=(where,)
            )
    for packer, why in packer_of((str(s.name) for s in sections), data):
        yield Finding(claim="packer", value=packer, confidence=75, evidence=(why,))
    end = _end(program)
    if 0 < end < len(data):
        evidence = (f"offset {end:#x}", f"entropy {entropy(data[end:]):.2f}")
        yield Finding(claim="overlay", value=f"{len(data) - end} bytes", confidence=90, evidence=evidence)


def _end(program: Any) -> int:
    header = program.header
    ends = [header.section_header_offset + header.numberof_sections * header.section_header_size]
    ends += [segment.file_offset + segment.physical_size for segment in program.segments]
    ends += [s.offset + s.size for s in program.sections if s.type != lief.ELF.Section.TYPE.NOBITS]
    return int(max(ends))


def _engine(_settings: AnalysisSettings) -> Engine:
    return Engine(version=f"lief {version('lief')}")


ANALYSER = FunctionAnalyser("elf", analyse, _engine)
