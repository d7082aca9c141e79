# SPDX-License-Identifier: Apache-2.0
"""Compound files: the encrypted ones say so, chains that lie cost no more than their bytes."""

from __future__ import annotations

import struct
import time

import pytest

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack

SECTOR = 512
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD


def _compound(streams: dict[str, bytes], **sizes: int) -> bytes:
    """A compound file with the streams given, all in sectors of their own; `sizes` may lie."""
    fat, body, entries = [FAT], b"", [_entry("Root Entry", 5, END, 0)]
    for name, data in streams.items():
        count, start = -(-len(data) // SECTOR), len(fat)
        fat += [*range(start + 1, start + count), END]
        body += data.ljust(count * SECTOR, b"\0")
        entries.append(_entry(name, 2, start, sizes.get(name, len(data))))
    raw = b"".join(entries)
    start, count = len(fat), -(-len(raw) // SECTOR)
    fat += [*range(start + 1, start + count), END]
    table = struct.pack("<128I", *(fat + [FREE] * (128 - len(fat))))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    head += struct.pack("<HHHHH6xIIII", 0x3E, 3, 0xFFFE, 9, 6, 0, 1, start, 0)
    head += struct.pack("<IIIII", 0, END, 0, END, 0) + struct.pack("<109I", 0, *[FREE] * 108)
    return head + table + body + raw.ljust(count * SECTOR, b"\0")


def _entry(name: str, kind: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le") + b"\0\0"
    head = (
        text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1) + struct.pack("<3I", FREE, FREE, FREE)
    )
    return head + bytes(36) + struct.pack("<IQ", start, size)


def _open(data: bytes, settings: AnalysisSettings) -> Report:
    report = unpack(Artifact.of(data), settings)
    assert report is not None
    return report


def test_streams_come_out_under_their_names(noise: bytes, settings: AnalysisSettings) -> None:
    streams = {"one": noise, "two": noise[::-1]}
    assert {c.name: c.data for c in _open(_compound(streams), settings).children} == streams


BOOK = b"\x09\x08\x10\0" + bytes(16)


@pytest.mark.parametrize(
    ("name", "head", "locked"),
    [
        ("EncryptedPackage", b"", True), ("WordDocument", b"\xec\xa5" + bytes(8) + b"\0\1", True),
        ("WordDocument", b"\xec\xa5" + bytes(8) + b"\0\0", False), ("Workbook", BOOK + b"\x2f\0\6\0", True),
        ("Workbook", BOOK + b"\x86\0\0\0\x2f\0\6\0", True), ("Workbook", BOOK + b"\x42\0\2\0", False),
        ("Current User", bytes(12) + b"\xdf\xc4\xd1\xf3", True),
        ("Current User", bytes(12) + b"_\xc0\x91\xe3", False),
    ],
)  # fmt: skip
def test_an_encrypted_document_says_so(
    name: str, head: bytes, noise: bytes, settings: AnalysisSettings, *, locked: bool
) -> None:
    report = _open(_compound({name: head + noise}), settings)
    assert ("encrypted" in {finding.claim for finding in report.findings}) == locked


def test_a_size_that_lies_ends_with_the_chain(noise: bytes, settings: AnalysisSettings) -> None:
    started = time.process_time()
    report = _open(_compound({"huge": noise, "small": b"x" * 100}, huge=0xFFFFFFF0, small=60), settings)
    assert time.process_time() - started < 2
    assert [child.data[:6000] for child in report.children if child.name == "huge"] == [noise]
