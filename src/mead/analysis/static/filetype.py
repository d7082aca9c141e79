# SPDX-License-Identifier: Apache-2.0
"""What the bytes are: libmagic and Magika where they are installed, our own table always.

The answers stand side by side, each with its source: two that disagree are worth a look.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mead.analysis import libmagic
from mead.analysis.analyser import Artifact, Engine, Finding, FunctionAnalyser, Report
from mead.analysis.magics_tables import IN_ZIP, MAGICS, OPENINGS
from mead.analysis.settings import AnalysisSettings
from mead.model.codec import excerpt

__all__ = ["ANALYSER", "analyse", "by_magic"]

_HEAD_BYTES = 4096
_ZIP_BYTES = 16 * 1024


def by_magic(data: bytes) -> tuple[str, str]:
    """Short name and media type by our own table of magic numbers."""
    if data[:2] == b"MZ":
        at = int.from_bytes(data[60:64], "little")
        pe = data[at : at + 4] == b"PE\0\0"
        return (
            ("pe", "application/vnd.microsoft.portable-executable")
            if pe
            else ("dos", "application/x-dosexec")
        )
    for offset, mark, name, media in MAGICS:
        if data[offset : offset + len(mark)] == mark:
            return _in_zip(data) if name == "zip" else (name, media)
    head = data[:_HEAD_BYTES]
    if head and not any(byte < 9 or 13 < byte < 27 for byte in head):
        return _of_text(head)
    return "data", "application/octet-stream"


def _in_zip(data: bytes) -> tuple[str, str]:
    """What a ZIP is by the names in its first and its last headers."""
    names = data[:_ZIP_BYTES] + data[-_ZIP_BYTES:]
    for mark, name, media in IN_ZIP:
        if mark in names:
            return name, media
    return "zip", "application/zip"


def _of_text(head: bytes) -> tuple[str, str]:
    opening = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:256].lower()
    for starts, name, media in OPENINGS:
        if opening.startswith(starts):
            return name, media
    return "text", "text/plain"


def _optional(name: str) -> Any | None:
    try:
        return import_module(name)
    except ImportError:
        return None


@cache
def _magika() -> Any | None:
    module = _optional("magika")
    return module.Magika() if module else None


def analyse(artifact: Artifact, _settings: AnalysisSettings) -> Report:
    """Findings `type` (our table), `type.libmagic`, `type.mime` and `type.magika`."""
    data = artifact.data
    name, media = by_magic(data)
    findings = [
        Finding(
            claim="type", value=name, rule="magic", confidence=80, evidence=(excerpt(data, max_bytes=16),)
        )
    ]
    told = libmagic.describe(data)
    if told:
        findings.append(Finding(claim="type.libmagic", value=told[0][:300], rule="libmagic", confidence=80))
        findings.append(Finding(claim="type.mime", value=told[1][:120], rule="libmagic", confidence=80))
    else:
        findings.append(Finding(claim="type.mime", value=media, rule="magic", confidence=80))
    engine = _magika()
    if engine is not None and data:
        answer = engine.identify_bytes(data)
        findings.append(
            Finding(
                claim="type.magika",
                value=answer.output.label,
                rule="magika",
                confidence=int(answer.score * 100),
            )
        )
    reason = None if told else "libmagic says nothing: Debian's libmagic1 brings it"
    return Report(findings=tuple(findings), reason=reason)


def _engine(_settings: AnalysisSettings) -> Engine:
    magic = libmagic.library_version()
    parts = [f"libmagic {magic}"] if magic else []
    with suppress(PackageNotFoundError):
        parts.append(f"magika {version('magika')}")
    return Engine(version=", ".join(parts) or None)


ANALYSER = FunctionAnalyser("filetype", analyse, _engine)
