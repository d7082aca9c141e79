# SPDX-License-Identifier: Apache-2.0
"""What sections tell about packing, for programs of all systems."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable

__all__ = ["PACKED_ENTROPY", "entropy", "packer_of"]

PACKED_ENTROPY = 7.2
"""Bits per byte above which code is compressed or encrypted; ordinary code has 5.5 to 6.8."""

MAX_SAMPLE_BYTES = 128 * 1024

_SECTIONS = {
    "UPX0": "UPX", "UPX1": "UPX", "UPX!": "UPX", ".aspack": "ASPack", ".adata": "ASPack", "MEW": "MEW",
    ".petite": "Petite", "PEPACK!!": "PEPack", ".MPRESS1": "MPRESS", ".MPRESS2": "MPRESS",
    ".vmp0": "VMProtect",
    ".vmp1": "VMProtect", ".themida": "Themida", ".winlice": "WinLicense", "PESpin": "PESpin", ".yP": "Y0da",
    "yC": "Yoda's Crypter", ".WWPACK": "WWPack", ".WWP32": "WWPack", ".nsp0": "NsPack", ".nsp1": "NsPack",
    "FSG!": "FSG", ".Upack": "Upack", ".enigma1": "Enigma", ".ndata": "NSIS", "PEC2": "PECompact",
    "pec1": "PECompact", ".RLPack": "RLPack", ".shrink1": "Shrinker", ".svkp": "SVKP",
    ".tsustub": "TSULoader",
}  # fmt: skip
_MARKS = {
    b"UPX!": "UPX", b"PEC2": "PECompact", b"Nullsoft Inst": "NSIS", b"AU3!EA0": "AutoIt", b"FSG!": "FSG",
    b"PyInstaller": "PyInstaller", b"Inno Setup Setup Data": "Inno Setup", b"InstallShield": "InstallShield",
}  # fmt: skip


def entropy(data: bytes) -> float:
    """Shannon entropy in bits per byte, of at most `MAX_SAMPLE_BYTES` at equal distances.

    The distance is odd, so that words of 2, 4 or 8 bytes do not give always the same of their bytes.
    """
    sample = data[:: -(-len(data) // MAX_SAMPLE_BYTES) | 1]
    if not sample:
        return 0.0
    total = len(sample)
    return -sum(n / total * math.log2(n / total) for n in Counter(sample).values()) + 0.0


def packer_of(sections: Iterable[str], data: bytes) -> list[tuple[str, str]]:
    """Packers or installers that names and marks point at, each with what pointed at it."""
    found: dict[str, str] = {}
    for name in sections:
        packer = _SECTIONS.get(name.rstrip("\0"))
        if packer:
            found.setdefault(packer, f"section {name}")
    for mark, packer in _MARKS.items():
        at = data.find(mark)
        if at >= 0:
            found.setdefault(packer, f"{mark.decode()!r} at offset {at}")
    return list(found.items())
