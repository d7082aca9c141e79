# SPDX-License-Identifier: Apache-2.0
"""Cabinets that lie about their folders, and what they cost."""

from __future__ import annotations

import struct
import time

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack


def _open(data: bytes, settings: AnalysisSettings) -> Report:
    report = unpack(Artifact.of(data), settings)
    assert report is not None
    return report


def _cabinet(folders: list[bytes], files: list[tuple[str, int, int, int]]) -> bytes:
    """Stored folders with the content given; files as name, folder, offset, size."""
    table = b"".join(
        struct.pack("<IIHHHH", size, at, number, 0, 0, 0) + name.encode() + b"\0"
        for name, number, at, size in files
    )
    files_at = 36 + 8 * len(folders)
    at, heads, blocks = files_at + len(table), b"", b""
    for content in folders:
        heads += struct.pack("<IHH", at + len(blocks), 1, 0)
        blocks += struct.pack("<IHH", 0, len(content), len(content)) + content
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, at + len(blocks), 0, files_at, 0, 3, 1, len(folders),
                       len(files), 0, 0, 0)  # fmt: skip
    return head + heads + table + blocks


def test_files_of_several_folders(noise: bytes, settings: AnalysisSettings) -> None:
    data = _cabinet([noise, b"second"], [("a", 0, 0, 6000), ("b", 1, 0, 6), ("c", 0, 5, 10)])
    found = {child.name: child.data for child in _open(data, settings).children}
    assert found == {"a": noise, "b": b"second", "c": noise[5:15]}


def test_a_file_that_is_elsewhere_or_cut_off_is_told(settings: AnalysisSettings) -> None:
    data = _cabinet([b"content"], [("whole", 0, 0, 7), ("spanned", 0xFFFD, 0, 7), ("long", 0, 3, 900)])
    report = _open(data, settings)
    assert {child.name for child in report.children} == {"whole", "long"}
    assert report.verdict == "skipped"
    assert "spanned is in another cabinet" in (report.reason or "")
    assert "long is cut off" in (report.reason or "")


def test_many_folders_and_many_files_are_not_multiplied(settings: AnalysisSettings) -> None:
    data = _cabinet([b"x"] * 60_000, [("a", n, 0, 1) for n in range(10_000)])
    started = time.process_time()
    _open(data, settings)
    assert time.process_time() - started < 5


def test_files_that_overlap_cannot_fill_the_memory(noise: bytes, settings: AnalysisSettings) -> None:
    data = _cabinet([noise * 10], [(f"{n}", 0, n, 60_000 - n) for n in range(5000)])
    report = _open(data, settings)
    assert sum(len(child.data) for child in report.children) <= settings.ratio_free_bytes
    assert report.limits
