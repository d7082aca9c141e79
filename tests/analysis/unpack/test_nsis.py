# SPDX-License-Identifier: Apache-2.0
"""Installers in the four ways in which NSIS packs them."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable

import pytest

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack

FILTER = {"id": lzma.FILTER_LZMA1, "dict_size": 1 << 23, "lc": 3, "lp": 0, "pb": 2}
HEADER = b"installer header " * 40


def _lzma(data: bytes) -> bytes:
    return b"\x5d" + struct.pack("<I", 1 << 23) + lzma.compress(data, lzma.FORMAT_RAW, filters=[FILTER])


def _deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(data) + stream.flush()


def _installer(body: bytes) -> bytes:
    first = (
        struct.pack("<I", 0) + b"\xef\xbe\xad\xdeNullsoftInst" + struct.pack("<II", len(HEADER), len(body))
    )
    return b"stub" * 128 + first + body


def _block(data: bytes, packed: bytes | None = None) -> bytes:
    return struct.pack("<I", len(data) if packed is None else len(packed) | 0x80000000) + (packed or data)


def _open(data: bytes, settings: AnalysisSettings) -> Report:
    report = unpack(Artifact.of(data), settings)
    assert report is not None
    return report


@pytest.mark.parametrize("pack", [_lzma, _deflate])
@pytest.mark.parametrize("solid", [True, False])
def test_every_block_comes_out(
    pack: Callable[[bytes], bytes], noise: bytes, settings: AnalysisSettings, *, solid: bool
) -> None:
    if solid:
        body = pack(_block(HEADER) + _block(noise))
    else:
        body = _block(HEADER, pack(HEADER)) + _block(noise, pack(noise))
    report = _open(_installer(body), settings)
    assert [child.data for child in report.children] == [HEADER, noise]
    assert report.verdict == "done"


def test_an_installer_that_is_cut_off_says_so(noise: bytes, settings: AnalysisSettings) -> None:
    body = _block(HEADER, _lzma(HEADER)) + _block(noise)
    report = _open(_installer(body)[:-500], settings)
    assert [child.data for child in report.children] == [HEADER]
    assert "cut off" in (report.reason or "")
