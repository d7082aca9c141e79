# SPDX-License-Identifier: Apache-2.0
"""tar by its own tool in every dialect, with holes, one behind another, cut off."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack


def _open(data: bytes, settings: AnalysisSettings) -> Report:
    report = unpack(Artifact.of(data), settings)
    assert report is not None
    return report


def _tar(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize("dialect", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_every_dialect(dialect: str, tmp_path: Path, noise: bytes, settings: AnalysisSettings) -> None:
    (tmp_path / "x").write_bytes(noise)
    command = ["tar", f"--format={dialect}", "-cf", "-", "-C", str(tmp_path), "x"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert [(child.name, child.data) for child in _open(data, settings).children] == [("x", noise)]


@pytest.mark.parametrize("dialect", ["oldgnu", "gnu", "posix"])
def test_holes_are_zeros_and_count_against_the_bounds(
    dialect: str, tmp_path: Path, settings: AnalysisSettings
) -> None:
    small, huge = tmp_path / "small", tmp_path / "huge"
    small.write_bytes(b"A" * 4096 + bytes(200_000) + b"B" * 4096)
    with huge.open("wb") as file:
        file.seek(3 << 30)
        file.write(b"end")
    command = ["tar", f"--format={dialect}", "-S", "-cf", "-", "-C", str(tmp_path)]
    sparse = subprocess.run([*command, "small"], check=True, capture_output=True).stdout
    assert [child.data for child in _open(sparse, settings).children] == [small.read_bytes()]
    report = _open(subprocess.run([*command, "huge"], check=True, capture_output=True).stdout, settings)
    assert not report.children
    assert report.limits


def test_what_follows_the_end_is_read_too(noise: bytes, settings: AnalysisSettings) -> None:
    data = _tar({"first": noise}) + _tar({"hidden": noise[::-1]})
    assert [child.name for child in _open(data, settings).children] == ["first", "hidden"]


def test_a_member_that_is_cut_off_does_not_hide_the_others(noise: bytes, settings: AnalysisSettings) -> None:
    report = _open(_tar({"whole": noise, "cut": noise[::-1]})[: 512 + 6144 + 512 + 1000], settings)
    assert [child.name for child in report.children] == ["whole"]
    assert report.verdict == "skipped"


def test_links_and_devices_are_no_bodies(noise: bytes, settings: AnalysisSettings) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.BLKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            entry = tarfile.TarInfo("entry")
            entry.type, entry.linkname = kind, "/etc/passwd"
            archive.addfile(entry)
        entry = tarfile.TarInfo("file")
        entry.size = len(noise)
        archive.addfile(entry, io.BytesIO(noise))
    assert [child.data for child in _open(out.getvalue(), settings).children] == [noise]
