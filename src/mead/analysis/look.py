# SPDX-License-Identifier: Apache-2.0
"""One body, all analysers, hostile parsing in the jail.

The analysers that parse share one jailed child, because that is quick. When that child fails (a crash, a
time-out), each of them gets a child of its own, so that one parser's trouble costs only its own result;
all of these together have as much time as two shared ones.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import msgspec

from mead.analysis.analyser import Analyser, Artifact, Report, Run
from mead.analysis.registry import ANALYSERS, available
from mead.analysis.settings import AnalysisSettings
from mead.analysis.tools import run_with_tool, tool_for
from mead.analysis.unpack.formats import UNPACKERS, load_formats
from mead.jail import JailLimits, JailPool, JailResult

__all__ = ["Looker", "run_analysers"]

MAX_ASKED = 2
"""How often an engine is asked again about one body because its signatures changed during the scan."""
MIN_SECONDS = 0.5
"""Time that an analyser gets alone even if the others before it took all there was."""


def run_analysers(artifact: Artifact, settings: AnalysisSettings, names: tuple[str, ...]) -> tuple[Run, ...]:
    """Run the analysers with these names; those that do not apply leave no run. Executed in the jail."""
    return tuple(
        run for name in names if (run := _run_one(ANALYSERS.load(name), artifact, settings)) is not None
    )


def _run_one(analyser: Analyser, artifact: Artifact, settings: AnalysisSettings) -> Run | None:
    started = time.monotonic()
    report = analyser.analyse(artifact, settings)
    if report is None:
        return None
    duration = round((time.monotonic() - started) * 1000)
    return Run(analyser=analyser.name, report=report, engine=analyser.engine(settings), duration_ms=duration)


class Looker:
    """The available analysers with the jail that they run in."""

    def __init__(self, settings: AnalysisSettings) -> None:
        # the jail's children stand elsewhere than we do
        rules = str(Path(settings.yara_rules).resolve()) if settings.yara_rules else ""
        self.settings = settings = msgspec.structs.replace(settings, yara_rules=rules)
        analysers, self.unavailable = available(settings)
        self._direct = [analyser for analyser in analysers if not analyser.jailed]
        self._answered: set[str] = set()
        self._jailed = tuple(analyser.name for analyser in analysers if analyser.jailed)
        readable = (rules,) if rules else ()
        limits = JailLimits(
            wall_seconds=settings.analyser_seconds,
            cpu_seconds=settings.analyser_seconds,
            memory_bytes=settings.memory_bytes,
            address_space_bytes=settings.memory_bytes + (4 << 30),
            result_bytes=settings.max_total_bytes + (16 << 20),
            jobs_per_child=16,
            readable=readable,
        )
        self._pool = JailPool(limits, preload=_modules(self._jailed))

    def look(self, artifact: Artifact, settings: AnalysisSettings | None = None) -> list[Run]:
        """All runs on one body; an analyser that failed has a run that says why."""
        bounds = settings or self.settings
        runs = self._parse(artifact, bounds)
        if bounds.external_tools and "unpack" in self._jailed:
            tool = tool_for(artifact.data, _unpacked(runs))
            if tool:
                runs = _with_tool(runs, run_with_tool(artifact, bounds, tool))
        runs.extend(run for analyser in self._direct if (run := self._ask(analyser, artifact, bounds)))
        return [_never_clean(run) for run in runs] if _encrypted(runs) else runs

    def _parse(self, artifact: Artifact, settings: AnalysisSettings) -> list[Run]:
        seconds = float(settings.analyser_seconds)
        result = self._pool.run_within(seconds, run_analysers, artifact, settings, self._jailed)
        if result.ok:
            return _with_level(result)
        runs: list[Run] = []
        end = time.monotonic() + 2 * seconds
        for name in self._jailed:
            left = max(MIN_SECONDS, min(seconds, end - time.monotonic()))
            single = self._pool.run_within(left, run_analysers, artifact, settings, (name,))
            runs.extend(_with_level(single) if single.ok else [_failed(name, single)])
        return runs

    def _ask(self, analyser: Analyser, artifact: Artifact, settings: AnalysisSettings) -> Run | None:
        """Ask an engine in another process; again when its signatures changed meanwhile."""
        before = analyser.engine(settings)
        run = _run_one(analyser, artifact, settings)
        for _ in range(MAX_ASKED):
            if run is None or run.engine == before:
                break
            before = run.engine
            run = _run_one(analyser, artifact, settings)
        if run is not None:
            self._answered.add(analyser.name)
        elif analyser.name in self._answered:
            report = Report(verdict="failed", reason="the engine was there before and is gone")
            return Run(analyser=analyser.name, report=report, engine=before)
        return run

    def close(self) -> None:
        """End the jailed children."""
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _modules(names: tuple[str, ...]) -> tuple[str, ...]:
    """Modules that the jail's template loads once, so that no child has to."""
    analysers = {entry.name: entry.target for entry in ANALYSERS.entries()}
    formats, _ = load_formats()
    unpackers = {entry.name: entry.target for entry in UNPACKERS.entries()}
    targets = [*(analysers[name] for name in names), *(unpackers[form.name] for form in formats)]
    return tuple(dict.fromkeys(target.partition(":")[0] for target in targets))


def _unpacked(runs: Sequence[Run]) -> Report | None:
    return next((run.report for run in runs if run.analyser == "unpack"), None)


def _with_tool(runs: list[Run], opened: Run) -> list[Run]:
    """All runs; what the tool opened whole was not left out, even if our own code could not do it."""
    if opened.report.verdict == "done" and opened.report.children:
        runs = [_made_good(run, opened) if run.analyser == "unpack" else run for run in runs]
    return [*runs, opened]


def _made_good(run: Run, opened: Run) -> Run:
    if run.report.verdict != "skipped":
        return run
    reason = f"{run.report.reason}; opened by {opened.engine.version}"
    return msgspec.structs.replace(
        run, report=msgspec.structs.replace(run.report, verdict="done", reason=reason)
    )


def _with_level(result: JailResult[tuple[Run, ...]]) -> list[Run]:
    return [msgspec.structs.replace(run, jail_level=result.level) for run in result.value or ()]


def _failed(name: str, result: JailResult[tuple[Run, ...]]) -> Run:
    report = Report(verdict="failed", reason=f"{result.failure}: {result.reason}"[:500])
    return Run(
        analyser=name, report=report, jail_level=result.level, duration_ms=round(result.wall_seconds * 1000)
    )


def _encrypted(runs: Sequence[Run]) -> bool:
    return any(finding.claim == "encrypted" for run in runs for finding in run.report.findings)


def _never_clean(run: Run) -> Run:
    """A scan of something encrypted has not seen its content."""
    if run.report.verdict != "clean":
        return run
    reason = "the content is encrypted and was not seen"
    return msgspec.structs.replace(
        run, report=msgspec.structs.replace(run.report, verdict="skipped", reason=reason)
    )
