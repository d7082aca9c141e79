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
from mead.analysis.settings import AnalysisSettings
from mead.model.codec import excerpt

__all__ = ["ANALYSER", "analyse", "by_magic"]

_MAGICS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"\x7fELF", "elf", "application/x-elf"),
    (0, b"PK\x03\x04", "zip", "application/zip"),
    (0, b"PK\x05\x06", "zip", "application/zip"),
    (0, b"\x1f\x8b", "gzip", "application/gzip"),
    (0, b"BZh", "bzip2", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "xz", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "rar", "application/vnd.rar"),
    (0, b"MSCF\0\0\0\0", "cab", "application/vnd.ms-cab-compressed"),
    (0, b"!<arch>\n", "ar", "application/x-archive"),
    (0, b"070701", "cpio", "application/x-cpio"),
    (0, b"070707", "cpio", "application/x-cpio"),
    (0, b"\xc7\x71", "cpio", "application/x-cpio"),
    (0, b"\x60\xea", "arj", "application/x-arj"),
    (257, b"ustar", "tar", "application/x-tar"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole", "application/x-ole-storage"),
    (0, b"%PDF-", "pdf", "application/pdf"),
    (0, b"{\\rtf", "rtf", "text/rtf"),
    (0, b"ITSF\x03", "chm", "application/vnd.ms-htmlhelp"),
    (0, b"SZDD\x88\xf0'3", "szdd", "application/x-ms-compress-szdd"),
    (0, b'x\x9f>"', "tnef", "application/vnd.ms-tnef"),
    (0, b"\xca\xfe\xba\xbe", "java-class", "application/java-vm"),
    (0, b"\xcf\xfa\xed\xfe", "macho", "application/x-mach-binary"),
    (0, b"\xce\xfa\xed\xfe", "macho", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xcf", "macho", "application/x-mach-binary"),
    (0, b"\xfe\xed\xfa\xce", "macho", "application/x-mach-binary"),
    (0, b"dex\n", "dex", "application/vnd.android.dex"),
    (0, b"\0asm", "wasm", "application/wasm"),
    (0, b"L\0\0\0\x01\x14\x02\0", "lnk", "application/x-ms-shortcut"),
    (0, b"FWS", "swf", "application/x-shockwave-flash"),
    (0, b"CWS", "swf", "application/x-shockwave-flash"),
    (0, b"ZWS", "swf", "application/x-shockwave-flash"),
    (0, b"\x89PNG\r\n\x1a\n", "png", "image/png"),
    (0, b"\xff\xd8\xff", "jpeg", "image/jpeg"),
    (0, b"GIF8", "gif", "image/gif"),
    (32769, b"CD001", "iso9660", "application/x-iso9660-image"),
    (0, b"#!", "script", "text/x-script"),
    (0, b"<?php", "php", "text/x-php"),
    (0, b"<?xml", "xml", "text/xml"),
)  # fmt: skip


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
    for offset, mark, name, media in _MAGICS:
        if data[offset : offset + len(mark)] == mark:
            return name, media
    head = data[:4096]
    if head and not any(byte < 9 or 13 < byte < 27 for byte in head):
        opening = head.lstrip()[:256].lower()
        html = opening.startswith((b"<html", b"<!doctype html", b"<script", b"<body", b"<head"))
        return ("html", "text/html") if html else ("text", "text/plain")
    return "data", "application/octet-stream"


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
