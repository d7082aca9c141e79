# SPDX-License-Identifier: Apache-2.0
"""Debian's unpackers open what ours do not, in a jail, and leave nothing behind."""

from __future__ import annotations

import struct
import subprocess
import tempfile
import zlib
from pathlib import Path

import msgspec
import pytest

from mead.analysis.analyser import Artifact, Finding, LimitHit, Report
from mead.analysis.look import Looker
from mead.analysis.settings import AnalysisSettings
from mead.analysis.tools import run_with_tool, tool_for


@pytest.fixture
def image(tmp_path: Path, noise: bytes) -> bytes:
    """A file system image that none of our own unpackers opens."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.bin").write_bytes(noise)
    command = ["7z", "a", "-twim", str(tmp_path / "a.wim"), str(tmp_path / "in" / "x.bin")]
    subprocess.run(command, check=True, capture_output=True)
    return (tmp_path / "a.wim").read_bytes()


@pytest.mark.tool("7z")
def test_seven_zip_opens_what_we_do_not_and_leaves_nothing(
    image: bytes, noise: bytes, settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    class Recorded(tempfile.TemporaryDirectory[str]):
        def __enter__(self) -> str:
            made.append(Path(self.name))
            return super().__enter__()

    monkeypatch.setattr("mead.analysis.tools.tempfile.TemporaryDirectory", Recorded)
    with Looker(msgspec.structs.replace(settings, analysers=("hashes", "unpack"))) as looker:
        runs = {run.analyser: run for run in looker.look(Artifact.of(image))}
    assert [child.data for child in runs["tools"].report.children] == [noise], runs["tools"].report.reason
    assert "rlimits" in runs["tools"].jail_level
    assert made
    assert not any(folder.exists() for folder in made)


@pytest.mark.tool("7z")
def test_tools_can_be_forbidden(image: bytes, settings: AnalysisSettings) -> None:
    alone = msgspec.structs.replace(settings, analysers=("hashes", "unpack"), external_tools=False)
    with Looker(alone) as looker:
        assert [run.analyser for run in looker.look(Artifact.of(image))] == ["hashes"]


@pytest.mark.tool("7z")
def test_a_damaged_image_is_skipped_with_the_tools_words(image: bytes, settings: AnalysisSettings) -> None:
    broken = image[:300]
    tool = tool_for(broken)
    assert tool
    report = run_with_tool(Artifact.of(broken), settings, tool).report
    assert report.verdict in {"skipped", "failed"}
    assert report.reason


def test_a_tool_is_used_only_for_what_it_knows() -> None:
    assert tool_for(b"plain text") is None
    assert tool_for(b"\x7fELF not packed") is None


def test_a_tool_is_not_asked_to_pass_over_a_bound_or_a_lock() -> None:
    rar = b"Rar!\x1a\x07\x01\0"
    bound = LimitHit(limit="unpack.total", limit_value=1, unit="bytes")
    assert tool_for(rar, Report(limits=(bound,))) is None
    assert tool_for(rar, Report(findings=(Finding(claim="encrypted", value="7z"),))) is None
    assert tool_for(rar, Report(findings=(Finding(claim="container", value="zip"),))) is None


@pytest.mark.tool("bsdtar")
def test_rar(noise: bytes, settings: AnalysisSettings) -> None:
    with Looker(msgspec.structs.replace(settings, analysers=("unpack",))) as looker:
        runs = {run.analyser: run for run in looker.look(Artifact.of(_rar("x.bin", noise)))}
    report = runs["tools"].report
    assert [(child.name, child.data) for child in report.children] == [("x.bin", noise)], report.reason
    assert report.verdict == "done"
    assert "bsdtar" in (runs["tools"].engine.version or "")


def _rar(name: str, content: bytes) -> bytes:
    """RAR 5 with one stored file. Source: RAR 5.0 archive format, by its public description."""

    def number(value: int) -> bytes:
        out = b""
        while value > 127:
            out, value = out + bytes((value & 127 | 128,)), value >> 7
        return out + bytes((value,))

    def block(*fields: bytes) -> bytes:
        body = b"".join(fields)
        sized = number(len(body)) + body
        return struct.pack("<I", zlib.crc32(sized)) + sized

    size, crc = number(len(content)), struct.pack("<I", zlib.crc32(content))
    numbers = [number(n) for n in (2, 2)] + [size, number(4), size, number(0o100644), crc]
    file = block(*numbers, number(0), number(1), number(len(name)), name.encode())
    ends = [block(number(kind), number(0), number(0)) for kind in (1, 5)]
    return b"Rar!\x1a\x07\x01\0" + ends[0] + file + content + ends[1]


@pytest.mark.tool("7z")
def test_a_method_that_we_lack_is_made_good_by_the_tool(tmp_path: Path, settings: AnalysisSettings) -> None:
    program = Path("/bin/ls").resolve()
    command = ["7z", "a", "-m0=BCJ2", str(tmp_path / "a.7z"), str(program)]
    subprocess.run(command, check=True, capture_output=True)
    data = (tmp_path / "a.7z").read_bytes()
    with Looker(msgspec.structs.replace(settings, analysers=("unpack",))) as looker:
        runs = {run.analyser: run.report for run in looker.look(Artifact.of(data))}
    assert program.read_bytes() in {child.data for child in runs["tools"].children}
    assert runs["unpack"].verdict == "done"
    assert "BCJ2" in (runs["unpack"].reason or "")


def _wim(folder: Path, members: dict[str, bytes]) -> bytes:
    (folder / "in").mkdir()
    for name, data in members.items():
        (folder / "in" / name).write_bytes(data)
    command = ["7z", "a", "-twim", str(folder / "a.wim"), "*"]
    subprocess.run(command, cwd=folder / "in", check=True, capture_output=True)
    return (folder / "a.wim").read_bytes()


@pytest.mark.tool("7z")
def test_a_member_over_its_bound_is_not_delivered_in_part(
    tmp_path: Path, noise: bytes, settings: AnalysisSettings
) -> None:
    data = _wim(tmp_path, {"a-big": noise * 100, "z-small": noise})
    tool = tool_for(data)
    assert tool
    small = msgspec.structs.replace(settings, max_child_bytes=100_000)
    report = run_with_tool(Artifact.of(data), small, tool).report
    assert [child.name for child in report.children] == ["z-small"], report.reason
    assert [hit.limit for hit in report.limits] == ["unpack.child"]
    assert report.verdict == "skipped"


@pytest.mark.tool("7z")
def test_a_tool_that_writes_too_many_files_is_ended(
    tmp_path: Path, settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.analysis.tools._WATCH_SECONDS", 0.001)
    monkeypatch.setattr("mead.analysis.tools.MAX_FILES", 50)
    data = _wim(tmp_path, {f"{n}": b"%d" % n for n in range(3000)})
    tool = tool_for(data)
    assert tool
    report = run_with_tool(Artifact.of(data), settings, tool).report
    assert [hit.limit for hit in report.limits] == ["unpack.files"]
    assert not report.children


@pytest.mark.tool("7z")
def test_a_tool_that_fills_the_disk_is_ended(
    tmp_path: Path, settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.analysis.tools._WATCH_SECONDS", 0.001)
    data = _wim(tmp_path, {f"{n}": bytes((n,)) * (8 << 20) for n in range(30)})
    tool = tool_for(data)
    assert tool
    small = msgspec.structs.replace(settings, max_total_bytes=1 << 20)
    report = run_with_tool(Artifact.of(data), small, tool).report
    assert [hit.limit for hit in report.limits] == ["unpack.total"]
    assert report.verdict == "skipped"
    assert not report.children


@pytest.mark.tool("upx")
def test_upx(tmp_path: Path, settings: AnalysisSettings) -> None:
    plain = Path("/bin/ls").resolve().read_bytes()
    (tmp_path / "ls").write_bytes(plain)
    subprocess.run(["upx", "-q", str(tmp_path / "ls")], check=True, capture_output=True)
    packed = (tmp_path / "ls").read_bytes()
    tool = tool_for(packed)
    assert tool
    (child,) = run_with_tool(Artifact.of(packed), settings, tool).report.children
    assert child.data[:4] == b"\x7fELF"
    assert len(child.data) == len(plain)
