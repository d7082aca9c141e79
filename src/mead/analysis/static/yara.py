# SPDX-License-Identifier: Apache-2.0
"""YARA rules through yara-x: our own small set and the operator's directory.

A match of a rule with `meta: info = true` is a fact; a match of any other rule makes the verdict `found`.
Rules that do not compile are named with file and line and left out; the others still run. Rule sets are
not trusted with our time: a scan has a time limit, and running into it is `skipped`, never clean. Then the
files are asked one by one, so that one slow rule costs only its own file and is named.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

import yara_x

from mead.analysis.analyser import Artifact, Engine, Finding, FunctionAnalyser, Report, Verdict
from mead.analysis.settings import AnalysisSettings
from mead.analysis.yararules import Compiled, Source, compile_rules, current, fingerprint, sources
from mead.model.codec import excerpt

__all__ = ["ANALYSER", "analyse"]

MAX_MATCHES_SHOWN = 8
MAX_EVIDENCE = 32
MIN_SECONDS = 1


def analyse(artifact: Artifact, settings: AnalysisSettings) -> Report:
    """A finding `yara` per matching rule, with the matched offsets and bytes as evidence."""
    compiled = current(settings.yara_rules)
    try:
        matched = _scan(compiled, artifact, settings.yara_seconds)
    except yara_x.TimeoutError:
        return _one_by_one(artifact, settings, compiled)
    except yara_x.ScanError as error:
        return Report(verdict="failed", reason=str(error)[:400])
    return _report(matched, artifact, compiled, compiled.errors)


def _scan(compiled: Compiled, artifact: Artifact, seconds: int) -> list[Any]:
    scanner = yara_x.Scanner(compiled.rules)
    scanner.set_timeout(seconds)
    scanner.max_matches_per_pattern(MAX_MATCHES_SHOWN)
    for name in ("filename", "filepath"):
        scanner.set_global(name, artifact.name or "")
    return list(scanner.scan(artifact.data).matching_rules)


def _one_by_one(artifact: Artifact, settings: AnalysisSettings, compiled: Compiled) -> Report:
    """Ask each file of rules by itself, all of them in half the time of a scan."""
    end = time.monotonic() + settings.yara_seconds / 2
    matched: list[Any] = []
    slow: list[str] = []
    for source in _readable(sources(settings.yara_rules)):
        left = int(end - time.monotonic())
        if left < MIN_SECONDS:
            slow.append(f"{source.name} (not tried)")
            continue
        try:
            matched += _scan(compile_rules((source,)), artifact, max(MIN_SECONDS, left // 2))
        except (yara_x.TimeoutError, yara_x.ScanError):
            slow.append(source.name)
    told = (
        f"no answer in {settings.yara_seconds} seconds; too slow: {', '.join(slow) or 'all files together'}"
    )
    return _report(matched, artifact, compiled, (told, *compiled.errors))


def _readable(found: Iterable[Source | str]) -> Iterator[Source]:
    return (source for source in found if not isinstance(source, str))


def _report(matched: list[Any], artifact: Artifact, compiled: Compiled, problems: tuple[str, ...]) -> Report:
    bad = any(not compiled.is_fact(rule) for rule in matched)
    return Report(
        verdict=_verdict(compiled, problems, bad=bad),
        findings=tuple(_finding(rule, artifact.data) for rule in matched),
        reason="; ".join(problems)[:400] or None,
    )


def _verdict(compiled: Compiled, problems: tuple[str, ...], *, bad: bool) -> Verdict:
    if bad:
        return "found"
    if problems:
        return "skipped"
    return "clean" if compiled.judges else "done"


def _finding(rule: Any, data: bytes) -> Finding:
    meta = dict(rule.metadata)
    evidence = [
        f"{pattern.identifier} at offset {match.offset}: "
        f"{excerpt(data[match.offset : match.offset + match.length], max_bytes=48)}"
        for pattern in rule.patterns
        for match in list(pattern.matches)[:MAX_MATCHES_SHOWN]
    ]
    value = meta.get("description")
    confidence = meta.get("confidence", 60)
    return Finding(
        claim="yara",
        value=str(value)[:300] if value else None,
        rule=f"{rule.namespace}:{rule.identifier}",
        confidence=confidence if isinstance(confidence, int) and 0 <= confidence <= 100 else 60,
        evidence=tuple(evidence[:MAX_EVIDENCE]),
    )


def _engine(settings: AnalysisSettings) -> Engine:
    return Engine(version=f"yara-x {version('yara-x')}", database=fingerprint(settings.yara_rules))


ANALYSER = FunctionAnalyser("yara", analyse, _engine)
