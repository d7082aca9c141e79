# SPDX-License-Identifier: Apache-2.0
"""ar and cpio: headers that lie about sizes neither loop nor pass for whole."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec
import pytest

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack


def _open(data: bytes, settings: AnalysisSettings) -> Report:
    report = unpack(Artifact.of(data), msgspec.structs.replace(settings, analyser_seconds=5))
    assert report is not None
    return report


@pytest.mark.tool("cpio")
@pytest.mark.parametrize("dialect", ["bin", "odc", "newc", "crc"])
def test_every_dialect_of_cpio(
    dialect: str, tmp_path: Path, noise: bytes, settings: AnalysisSettings
) -> None:
    (tmp_path / "x").write_bytes(noise)
    (tmp_path / "odd").write_bytes(b"odd")
    command = ["cpio", "-o", f"--format={dialect}"]
    data = subprocess.run(command, cwd=tmp_path, input=b"x\nodd\n", check=True, capture_output=True).stdout
    report = _open(data, settings)
    assert {(child.name, child.data) for child in report.children} == {("x", noise), ("odd", b"odd")}
    assert report.verdict == "done"
    cut = _open(data[:3000], settings)
    assert noise.startswith(cut.children[0].data)
    assert "cut off" in (cut.reason or "")


def _newc(size: bytes, body: bytes = b"") -> bytes:
    return (
        b"070701"
        + b"0" * 8
        + b"000081a4"
        + b"0" * 32
        + size
        + b"0" * 32
        + b"00000002"
        + b"0" * 8
        + b"a\0"
        + body
    )


@pytest.mark.parametrize("size", [b"-0000070", b"+0000010", b" 0000010", b"0x000010", b"0000_010"])
def test_a_size_that_is_no_number_ends_the_archive(size: bytes, settings: AnalysisSettings) -> None:
    report = _open(_newc(size, bytes(200)), settings)
    assert report.reason == "cpio: damaged: no member header at 0"


def test_an_archive_without_its_end_says_so(settings: AnalysisSettings) -> None:
    report = _open(_newc(b"00000004", b"body"), settings)
    assert [child.data for child in report.children] == [b"body"]
    assert report.verdict == "skipped"


def test_an_ar_member_that_is_cut_off_says_so(noise: bytes, settings: AnalysisSettings) -> None:
    head = f"{'x.o/':<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(noise):<10}`\n".encode()
    report = _open(b"!<arch>\n" + head + noise[:100], settings)
    assert [child.data for child in report.children] == [noise[:100]]
    assert "cut off" in (report.reason or "")


def test_a_debian_package_opens_down_to_its_files(tmp_path: Path, settings: AnalysisSettings) -> None:
    control = tmp_path / "p" / "DEBIAN"
    control.mkdir(parents=True)
    text = "Package: p\nVersion: 1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: d\n"
    (control / "control").write_text(text)
    command = ["dpkg-deb", "-Zxz", "-b", str(tmp_path / "p"), str(tmp_path / "p.deb")]
    subprocess.run(command, check=True, capture_output=True)
    names = [child.name for child in _open((tmp_path / "p.deb").read_bytes(), settings).children]
    assert names == ["debian-binary", "control.tar.xz", "data.tar.xz"]
