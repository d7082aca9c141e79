# SPDX-License-Identifier: Apache-2.0
"""Parsing happens in the jail, and one parser's trouble costs only its own result."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
import pyzipper

from mead.analysis import look
from mead.analysis.analyser import Artifact, Engine, FunctionAnalyser, Report
from mead.analysis.look import Looker
from mead.analysis.registry import ANALYSERS
from mead.analysis.settings import AnalysisSettings
from mead.jail import Failure, JailResult


def test_all_analysers_that_apply_run_jailed(program: bytes, settings: AnalysisSettings) -> None:
    with Looker(settings) as looker:
        runs = {run.analyser: run for run in looker.look(Artifact.of(program))}
    assert {"filetype", "hashes", "strings", "pe", "yara"} <= set(runs)
    assert "elf" not in runs
    assert all("rlimits" in run.jail_level for run in runs.values())
    assert runs["pe"].engine.version


class _CrashingPool:
    """A jail in which whoever runs `strings` dies after all the time that it may take."""

    def __init__(self, failure: Failure, clock: list[float]) -> None:
        self._failure: Failure = failure
        self._clock = clock

    def run_within(
        self,
        seconds: float,
        function: object,
        artifact: Artifact,
        settings: AnalysisSettings,
        names: tuple[str, ...],
    ) -> object:
        if "strings" in names:
            self._clock[0] += seconds
            return JailResult(None, self._failure, "killed by SIGSEGV", "rlimits", 0.0, seconds)
        runs = look.run_analysers(artifact, settings, names)
        return JailResult(runs, None, "", "rlimits", 0.0, 0.1)

    def close(self) -> None: ...


@pytest.mark.parametrize("failure", ["crash", "timeout", "memory"])
def test_a_failure_costs_only_its_own_analyser_and_bounded_time(
    failure: Failure, program: bytes, settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("mead.analysis.look.time.monotonic", lambda: clock[0])
    names = ("strings", "hashes", "filetype", "strings", "strings", "strings")
    with Looker(msgspec.structs.replace(settings, analysers=names)) as looker:
        looker._pool.close()
        looker._pool = _CrashingPool(failure, clock)  # type: ignore[assignment]
        runs = {run.analyser: run for run in looker.look(Artifact.of(program))}
    assert runs["hashes"].report.verdict == "done"
    assert runs["strings"].report.verdict == "failed"
    assert "SIGSEGV" in (runs["strings"].report.reason or "")
    assert clock[0] <= 3 * settings.analyser_seconds + len(names)


def test_rules_may_be_named_from_where_we_stand(
    program: bytes, settings: AnalysisSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "r.yar").write_text('rule r { strings: $a = "benign" condition: $a }')
    monkeypatch.chdir(tmp_path)
    with Looker(msgspec.structs.replace(settings, analysers=("yara",), yara_rules="rules")) as looker:
        (run,) = looker.look(Artifact.of(program))
    assert run.report.verdict == "found"


def test_encrypted_content_is_never_clean(
    settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = io.BytesIO()
    with pyzipper.AESZipFile(out, "w", encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(b"nobody knows 81")
        archive.writestr("x", b"content" * 20)
    optimist = FunctionAnalyser(
        "clamav", lambda artifact, settings: Report(verdict="clean"), lambda settings: Engine(), jailed=False
    )
    load = ANALYSERS.load
    monkeypatch.setattr(ANALYSERS, "load", lambda name: optimist if name == "clamav" else load(name))
    with Looker(msgspec.structs.replace(settings, analysers=("unpack", "clamav"))) as looker:
        runs = {run.analyser: run.report for run in looker.look(Artifact.of(out.getvalue()))}
    assert runs["clamav"].verdict == "skipped"
    assert "encrypted" in (runs["clamav"].reason or "")
