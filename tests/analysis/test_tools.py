# SPDX-License-Identifier: Apache-2.0
"""Debian's unpackers open what ours do not, in a jail, and leave nothing behind."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import msgspec
import pytest

from mead.analysis.analyser import Artifact
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
def test_seven_zip_opens_what_we_do_not(image: bytes, noise: bytes, settings: AnalysisSettings) -> None:
    with Looker(msgspec.structs.replace(settings, analysers=("hashes", "unpack"))) as looker:
        runs = {run.analyser: run for run in looker.look(Artifact.of(image))}
    assert [child.data for child in runs["tools"].report.children] == [noise], runs["tools"].report.reason
    assert "rlimits" in runs["tools"].jail_level
    assert not list(Path(tempfile.gettempdir()).glob("mead-*/work/input"))


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
