# SPDX-License-Identifier: Apache-2.0
"""Streams of older days, against their own definition."""

from __future__ import annotations

import lzma
import random
import struct
import subprocess

import pytest

from mead.analysis.analyser import Artifact
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack


def _only(data: bytes, settings: AnalysisSettings) -> bytes:
    report = unpack(Artifact.of(data), settings)
    assert report is not None
    (child,) = report.children
    return child.data


def _szdd(content: bytes) -> bytes:
    """Literals, and matches into the ring where the last 18 bytes were seen before."""
    ring, place, out, at = bytearray(b" " * 4096), 4096 - 16, bytearray(), 0
    while at < len(content):
        flags, group = 0, bytearray()
        for bit in range(8):
            piece = content[at : at + 18]
            start = bytes(ring).find(piece) if len(piece) == 18 else -1
            clear = start >= 0 and not any((start + n) % 4096 == (place + n) % 4096 for n in range(18))
            if clear and start <= 4096 - 18 and not start - 18 < place < start + 18:
                group += bytes((start & 0xFF, (start >> 4 & 0xF0) | 15))
            else:
                piece = content[at : at + 1]
                flags |= 1 << bit
                group += piece
            for byte in piece:
                ring[place] = byte
                place = (place + 1) % 4096
            at += len(piece)
        out += bytes((flags,)) + group
    return b"SZDD\x88\xf0'3A\0" + struct.pack("<I", len(content)) + bytes(out)


def test_szdd(settings: AnalysisSettings) -> None:
    content = bytes(random.Random(2).choices(b"abcdefgh", k=9000)) + b" " * 40 + b"some repeated text " * 3000
    packed = _szdd(content)
    assert len(packed) < len(content)
    assert _only(packed, settings) == content


def test_lzma_flash(noise: bytes, settings: AnalysisSettings) -> None:
    alone = lzma.compress(noise, lzma.FORMAT_ALONE)
    head = b"\x0d" + struct.pack("<I", len(noise) + 8)
    packed = b"ZWS" + head + struct.pack("<I", len(alone) - 13) + alone[:5] + alone[13:]
    assert _only(packed, settings) == b"FWS" + head + noise


@pytest.mark.tool("compress")
@pytest.mark.parametrize("bits", [10, 12, 16])
def test_compress_with_every_width(bits: int, noise: bytes, settings: AnalysisSettings) -> None:
    content = noise + b"text and text again " * 20_000 + noise * 30
    command = ["compress", "-c", "-f", "-b", str(bits)]
    packed = subprocess.run(command, input=content, check=True, capture_output=True).stdout
    assert _only(packed, settings) == content
