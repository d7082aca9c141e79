# SPDX-License-Identifier: Apache-2.0
"""Compiled help that lies about its tables."""

from __future__ import annotations

import struct

import pytest

from mead.analysis.analyser import Artifact
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack

STORAGE = "::DataSpace/Storage/MSCompressed/"
RESET = STORAGE + "Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable"


def _number(value: int) -> bytes:
    out = bytes((value & 127,))
    while value := value >> 7:
        out = bytes((value & 127 | 128,)) + out
    return out


def _help(files: dict[str, bytes]) -> bytes:
    """A help file with everything in its uncompressed section."""
    entries, content = b"", b""
    for name, data in files.items():
        entries += (
            _number(len(name)) + name.encode() + _number(0) + _number(len(content)) + _number(len(data))
        )
        content += data
    chunk_size = 4096
    free = chunk_size - 20 - len(entries)
    chunk = b"PMGL" + struct.pack("<IIII", free, 0, 0xFFFFFFFF, 0xFFFFFFFF) + entries + bytes(free)
    directory = (
        b"ITSP" + struct.pack("<IIII", 1, 84, 10, chunk_size) + bytes(24) + struct.pack("<I", 1) + bytes(36)
    )
    head = b"ITSF" + struct.pack("<I", 3) + bytes(64)
    start = len(head) + 24
    head += struct.pack("<QQQ", start, len(directory) + chunk_size, start + len(directory) + chunk_size)
    return head + directory + chunk + content


def test_stored_files_come_out(noise: bytes, settings: AnalysisSettings) -> None:
    report = unpack(Artifact.of(_help({"/a.htm": noise, "/b.htm": b"x" * 40})), settings)
    assert report is not None
    assert {child.name: child.data for child in report.children} == {"a.htm": noise, "b.htm": b"x" * 40}


@pytest.mark.parametrize(("count", "entry_size"), [(0xFFFFFFFF, 0), (0xFFFFFFFF, 8), (1, 0), (1000, 4)])
def test_a_reset_table_that_lies_is_damage(count: int, entry_size: int, settings: AnalysisSettings) -> None:
    table = struct.pack("<IIII", 2, count, entry_size, 0x28) + struct.pack("<QQQ", 100, 50, 32768) + bytes(64)
    control = struct.pack("<I4sIIII", 6, b"LZXC", 2, 2, 2, 0)
    files = {STORAGE + "Content": b"x" * 50, STORAGE + "ControlData": control, RESET: table}
    report = unpack(Artifact.of(_help(files)), settings)
    assert report is not None
    assert "reset table" in (report.reason or "")
