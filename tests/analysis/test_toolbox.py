# SPDX-License-Identifier: Apache-2.0
"""What a tool says is judged: a mode that it may not set is no damage, a password is a lock."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.toolbox import unpack_in_jail

HEAD = """#!/bin/sh
for a in "$@"; do case $a in -o*) out=${a#-o};; -p*) word=${a#-p};; esac; done
"""


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The module's limit of processor time is meant for the jail, not for the process of the tests."""
    monkeypatch.setattr("mead.analysis.toolbox.resource.setrlimit", lambda what, limits: None)


def _run(tmp_path: Path, settings: AnalysisSettings, script: str, name: str = "7z") -> Report:
    """Let a stand-in for the tool do its work: it gets the arguments of the real one."""
    tool = tmp_path / name
    tool.write_text(HEAD + script)
    tool.chmod(0o700)
    work = tmp_path / "work"
    work.mkdir()
    return unpack_in_jail(Artifact.of(b"container"), settings, str(tool), str(work))


def test_what_was_written_is_delivered_and_links_are_not(tmp_path: Path, settings: AnalysisSettings) -> None:
    report = _run(tmp_path, settings, "mkdir $out/d; echo -n body >$out/d/x; ln -s /etc/passwd $out/link\n")
    assert [(child.name, child.data, child.relation) for child in report.children] == [
        ("d/x", b"body", "contains")
    ]
    assert report.verdict == "done"


def test_a_refused_mode_is_no_damage(tmp_path: Path, settings: AnalysisSettings) -> None:
    script = 'echo body >$out/x; echo "ERROR: Cannot set file attribute : errno=1" >&2; exit 2\n'
    report = _run(tmp_path, settings, script)
    assert (report.verdict, report.reason) == ("done", None)


def test_damage_is_told_beside_what_was_had(tmp_path: Path, settings: AnalysisSettings) -> None:
    report = _run(tmp_path, settings, 'echo body >$out/x; echo "ERROR: CRC Failed : x" >&2; exit 2\n')
    assert len(report.children) == 1
    assert (report.verdict, report.reason) == ("skipped", "exit 2: ERROR: CRC Failed : x")


def test_passwords_are_tried_and_the_right_one_is_named(tmp_path: Path, settings: AnalysisSettings) -> None:
    script = 'echo body >$out/x; [ "$word" = infected ] || { echo "ERROR: Wrong password?" >&2; exit 2; }\n'
    (child,) = _run(tmp_path, settings, script).children
    assert (child.relation, child.detail) == ("unpacked_with", "password infected")


def test_what_no_password_opens_is_encrypted_and_not_delivered(
    tmp_path: Path, settings: AnalysisSettings
) -> None:
    script = 'echo rubbish >$out/x; echo "ERROR: Wrong password?" >&2; exit 2\n'
    report = _run(tmp_path, settings, script)
    assert not report.children
    assert [finding.claim for finding in report.findings] == ["encrypted"]
    assert report.verdict == "skipped"


def test_upx_is_named_as_how_it_was_unpacked(tmp_path: Path, settings: AnalysisSettings) -> None:
    report = _run(tmp_path, settings, 'echo body >"$4"\n', "upx")
    assert [(child.relation, child.detail) for child in report.children] == [("unpacked_with", "upx")]
