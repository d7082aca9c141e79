# SPDX-License-Identifier: Apache-2.0
"""Compressed streams: several in a row, cut off, broken, with something behind them."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable

import pytest
import zstandard

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack

Pack = Callable[[bytes], bytes]

PACKERS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}
every_packer = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)


def _open(data: bytes, settings: AnalysisSettings) -> Report:
    report = unpack(Artifact.of(data, "body"), settings)
    assert report is not None
    return report


@every_packer
def test_streams_in_a_row_are_one_content(pack: Pack, noise: bytes, settings: AnalysisSettings) -> None:
    report = _open(pack(noise) + pack(b"second" * 50) + pack(noise), settings)
    assert [child.data for child in report.children] == [noise + b"second" * 50 + noise]
    assert report.verdict == "done"


@every_packer
def test_what_stands_behind_a_stream_is_a_child(pack: Pack, noise: bytes, settings: AnalysisSettings) -> None:
    report = _open(pack(noise) + b"\0\0\0\0appended by somebody", settings)
    assert [child.data for child in report.children] == [noise, b"\0\0\0\0appended by somebody"]
    assert (report.children[1].name or "").startswith("trailing")


@every_packer
def test_padding_behind_a_stream_is_nothing(pack: Pack, noise: bytes, settings: AnalysisSettings) -> None:
    assert [child.data for child in _open(pack(noise) + bytes(512), settings).children] == [noise]


@every_packer
def test_a_stream_that_is_cut_off_gives_what_is_there_and_says_so(
    pack: Pack, noise: bytes, settings: AnalysisSettings
) -> None:
    content = noise * 400  # several blocks of every format
    whole = pack(content[: 900 * 1024]) + pack(noise)
    report = _open(whole[:-40], settings)
    assert [content.startswith(child.data) or child.data for child in report.children]
    assert report.verdict == "skipped"
    assert "cut off" in (report.reason or "")


def test_a_stream_of_which_nothing_can_be_read_is_damaged(noise: bytes, settings: AnalysisSettings) -> None:
    report = _open(bz2.compress(noise)[:2000], settings)
    assert not report.children
    assert (report.verdict, report.reason) == ("skipped", "bzip2: damaged: the stream is cut off")


def test_a_wrong_checksum_does_not_hide_the_content(noise: bytes, settings: AnalysisSettings) -> None:
    data = bytearray(gzip.compress(noise))
    data[-6] ^= 1
    report = _open(bytes(data), settings)
    assert [child.data for child in report.children] == [noise]
    assert "incorrect data check" in (report.reason or "")


def test_zstd_frames_that_hold_nothing_are_passed_over(noise: bytes, settings: AnalysisSettings) -> None:
    empty = b"\x5a\x2a\x4d\x18\x05\0\0\0hello"
    report = _open(empty + zstandard.ZstdCompressor().compress(noise) + empty, settings)
    assert [child.data for child in report.children] == [noise]


@pytest.mark.parametrize("size", [0, 1, 300, 70_000, 400_000])
@pytest.mark.parametrize("options", [{}, {"write_content_size": False}, {"write_checksum": True}], ids=str)
def test_the_end_of_a_zstd_frame_is_found(
    size: int, options: dict[str, bool], noise: bytes, settings: AnalysisSettings
) -> None:
    content = (noise * 70)[:size]
    frame = zstandard.ZstdCompressor(**options).compress(content)
    report = _open(frame + frame + b"sixteen and more bytes", settings)
    assert [child.data for child in report.children] == [
        data for data in (content * 2, b"sixteen and more bytes") if data
    ]
