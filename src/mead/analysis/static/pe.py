# SPDX-License-Identifier: Apache-2.0
"""Facts about Windows programs: what they run on, import, hide and append."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import lief

from mead.analysis.analyser import Artifact, Engine, Finding, FunctionAnalyser, Report
from mead.analysis.lieffacts import quietly, word
from mead.analysis.packing import PACKED_ENTROPY, entropy, packer_of
from mead.analysis.settings import AnalysisSettings

__all__ = ["ANALYSER", "analyse"]

MAX_LISTED = 200


def analyse(artifact: Artifact, _settings: AnalysisSettings) -> Report | None:
    """Findings `pe.*`; `None` when it is no PE, `failed` when it only looks like one."""
    data = artifact.data
    at = int.from_bytes(data[60:64], "little")
    if data[:2] != b"MZ" or data[at : at + 4] != b"PE\0\0":
        return None
    with quietly():
        program = lief.PE.parse(data)
        if not isinstance(program, lief.PE.Binary):
            return Report(verdict="failed", reason="damaged: the headers cannot be read")
        return Report(findings=tuple(_findings(program, data)))


def _findings(program: Any, data: bytes) -> Iterator[Finding]:
    yield from _header(program)
    yield from _imports(program)
    yield from _sections(program, data)
    yield from _overlay(program, data)


def _header(program: Any) -> Iterator[Finding]:
    header, optional = program.header, program.optional_header
    yield Finding(claim="pe.architecture", value=word(header.machine), confidence=100)
    yield Finding(claim="pe.subsystem", value=word(optional.subsystem), confidence=100)
    stamp = header.time_date_stamps
    built = datetime.fromtimestamp(stamp, UTC).isoformat()
    yield Finding(claim="pe.timestamp", value=built, confidence=40, evidence=(f"TimeDateStamp {stamp:#x}",))
    yield Finding(claim="pe.entry_point", value=f"{optional.addressof_entrypoint:#x}", confidence=100)
    if program.has_signatures:
        signers = tuple(
            str(signer.issuer)[:120] for signature in program.signatures for signer in signature.signers
        )
        yield Finding(claim="pe.signed", value="present, not verified", confidence=100, evidence=signers[:8])
    directories = list(program.data_directories)
    if len(directories) > 14 and directories[14].size:
        yield Finding(claim="pe.dotnet", value="true", confidence=95)


def _imports(program: Any) -> Iterator[Finding]:
    names = [
        f"{library.name}:{f'#{entry.ordinal}' if entry.is_ordinal else entry.name}"
        for library in program.imports
        for entry in library.entries
    ]
    if names:
        yield Finding(
            claim="pe.imports", value=str(len(names)), confidence=100, evidence=tuple(names[:MAX_LISTED])
        )
        digest = lief.PE.get_imphash(program, lief.PE.IMPHASH_MODE.PEFILE)
        yield Finding(claim="hash.imphash", value=digest, confidence=100)
    exports = [str(entry.name) for entry in program.exported_functions]
    if exports:
        shown = tuple(exports[:MAX_LISTED])
        yield Finding(claim="pe.exports", value=str(len(exports)), confidence=100, evidence=shown)


def _sections(program: Any, data: bytes) -> Iterator[Finding]:
    lines, names = [], []
    entry = program.optional_header.addressof_entrypoint
    for section in list(program.sections)[:96]:
        bits = entropy(bytes(section.content))
        names.append(str(section.name))
        lines.append(
            f"{section.name} rva={section.virtual_address:#x} size={section.sizeof_raw_data} "
            f"virtual={section.virtual_size} entropy={bits:.2f}"
        )
        inside = section.virtual_address <= entry < section.virtual_address + max(section.virtual_size, 1)
        if inside and bits >= PACKED_ENTROPY:
            yield Finding(
                claim="packed",
                value="high entropy where the program starts",
                confidence=70,
                evidence=(lines[-1],),
            )
    yield Finding(claim="pe.sections", value=str(len(names)), confidence=100, evidence=tuple(lines))
    for packer, why in packer_of(names, data):
        yield Finding(claim="packer", value=packer, confidence=75, evidence=(why,))


def _overlay(program: Any, data: bytes) -> Iterator[Finding]:
    end = max((s.pointerto_raw_data + s.sizeof_raw_data for s in program.sections), default=0)
    if 0 < end < len(data):
        bits = entropy(data[end:])
        evidence = (f"offset {end:#x}", f"entropy {bits:.2f}")
        yield Finding(claim="overlay", value=f"{len(data) - end} bytes", confidence=95, evidence=evidence)


def _engine(_settings: AnalysisSettings) -> Engine:
    return Engine(version=f"lief {version('lief')}")


ANALYSER = FunctionAnalyser("pe", analyse, _engine)
