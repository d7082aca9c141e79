# SPDX-License-Identifier: Apache-2.0
"""Benign bodies and settings that use nothing outside of this machine."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from mead.analysis.settings import AnalysisSettings

TESTFILES = Path("/usr/share/clamav-testfiles")


def _program(body: bytes = b"") -> bytes:
    """A tiny PE32 with one section, in which `body` stands."""
    raw = body.ljust(512, b"\xc3")
    raw += b"\0" * (-len(raw) % 512)
    dos = b"MZ" + b"\0" * 58 + struct.pack("<I", 64)
    coff = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, 224, 0x102)
    optional = struct.pack(
        "<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII", 0x10B, 1, 0,
        len(raw), 0, 0, 0x1000, 0x1000, 0x2000, 0x400000, 0x1000,
        512, 4, 0, 0, 0, 4, 0, 0, 0x3000, 512, 0, 3, 0, 0x100000, 0x1000, 0x100000, 0x1000, 0, 16,
    )  # fmt: skip
    section = struct.pack("<8sIIIIIIHHI", b".text", len(raw), 0x1000, len(raw), 512, 0, 0, 0, 0, 0x60000020)
    return (dos + coff + optional.ljust(224, b"\0") + section).ljust(512, b"\0") + raw


@pytest.fixture
def program() -> bytes:
    """A benign Windows program."""
    return _program(b"benign marker program")


@pytest.fixture
def noise() -> bytes:
    """Bytes that do not compress."""
    return random.Random(1).randbytes(6000)


@pytest.fixture
def settings() -> AnalysisSettings:
    return AnalysisSettings(clamd_socket="", clamd_database="")


@pytest.fixture
def testfiles() -> Path:
    """The folder of Debian's clamav-testfiles."""
    if not TESTFILES.is_dir():
        pytest.skip("needs Debian's clamav-testfiles: make setup as root installs it")
    return TESTFILES
