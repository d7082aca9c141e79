# SPDX-License-Identifier: Apache-2.0
"""The container formats there are: who recognises them, who opens them.

Recognition bids, it does not decide: all formats that recognise a body are tried in order of their bid
until one delivers, so that a file that is two things at once gives the members of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget
from mead.errors import MissingTool
from mead.registry import Entry, Registry

__all__ = ["UNPACKERS", "Format", "Unpack", "bids", "load_formats"]

Unpack: TypeAlias = Callable[[Artifact, Budget], Iterator[Child]]


@dataclass(frozen=True, slots=True)
class Format:
    """One container format."""

    name: str
    bid: Callable[[bytes], int]
    """0 (not this) to 100 (certainly), cheap, from the whole body."""
    unpack: Unpack


def _entry(name: str, target: str, summary: str, needs: str = "") -> Entry:
    return Entry(name, f"mead.analysis.unpack.{target}", summary, needs)


BUILTIN = (
    _entry("zip", "zip:FORMAT", "ZIP with all its methods, ZipCrypto and AES"),
    _entry("tar", "tar:FORMAT", "tar"),
    _entry("gzip", "streams:GZIP", "gzip"),
    _entry("bzip2", "streams:BZIP2", "bzip2"),
    _entry("xz", "streams:XZ", "xz"),
    _entry("lzma", "streams:LZMA", "LZMA of the older kind"),
    _entry("zstd", "streams:ZSTD", "Zstandard"),
    _entry("zlib", "streams:ZLIB", "zlib stream"),
    _entry("compress", "oldstreams:COMPRESS", "compress (.Z)"),
    _entry("swf", "oldstreams:SWF", "compressed Flash"),
    _entry("szdd", "oldstreams:SZDD", "Microsoft's EXPAND"),
    _entry("7z", "sevenzip:FORMAT", "7z", "static"),
    _entry("cab", "cab:FORMAT", "Microsoft cabinet: stored, MSZIP, LZX"),
    _entry("ar", "unixarchives:AR", "ar and .deb"),
    _entry("cpio", "unixarchives:CPIO", "cpio of four dialects"),
    _entry("arj", "oldarchives:ARJ", "ARJ"),
    _entry("lha", "oldarchives:LHA", "LHA"),
    _entry("mail", "mailparts:FORMAT", "mail messages and mailboxes"),
    _entry("tnef", "tnef:FORMAT", "Outlook's winmail.dat"),
    _entry("binhex", "textual:BINHEX", "BinHex"),
    _entry("uuencode", "textual:UUENCODE", "uuencode"),
    _entry("text", "textual:RUNS", "base64, hex and data: URLs in text"),
    _entry("ole", "ole:FORMAT", "OLE compound files: old Office, MSI"),
    _entry("rtf", "rtf:FORMAT", "objects in RTF"),
    _entry("pdf", "pdf:FORMAT", "streams of PDF"),
    _entry("chm", "chm:FORMAT", "compiled HTML help"),
    _entry("sis", "sis:FORMAT", "Symbian installer"),
    _entry("nsis", "nsis:FORMAT", "NSIS installers"),
    _entry("autoit", "autoit:FORMAT", "compiled AutoIt scripts"),
    _entry("installshield", "installshield:SETUP", "InstallShield setup programs"),
    _entry("installshield-cab", "installshield:CABINET", "InstallShield cabinets"),
    _entry("packed", "packed:FORMAT", "packed Windows programs, by emulating their stub"),
    _entry("embedded", "carve:FORMAT", "programs and archives inside other bodies"),
)

UNPACKERS: Registry[Format] = Registry("unpacker", BUILTIN, group="mead.unpackers")


@cache
def load_formats() -> tuple[tuple[Format, ...], dict[str, str]]:
    """The formats that can be opened here, and why the others cannot."""
    ready: list[Format] = []
    missing: dict[str, str] = {}
    for entry in UNPACKERS.entries():
        try:
            ready.append(UNPACKERS.load(entry.name))
        except MissingTool as error:
            missing[entry.name] = str(error)
    return tuple(ready), missing


def bids(data: bytes, formats: Sequence[Format]) -> list[tuple[int, Format]]:
    """The formats that recognise `data`, best first."""
    found = [(score, form) for form in formats if (score := form.bid(data)) > 0]
    return sorted(found, key=lambda pair: -pair[0])
