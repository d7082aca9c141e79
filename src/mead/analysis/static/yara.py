# SPDX-License-Identifier: Apache-2.0
"""YARA rules through yara-x: our own small set and the operator's directory.

A match of a rule with `meta: info = true` is a fact; a match of any other rule makes the verdict `found`.
Rules that do not compile are named with file and line and left out; the others still run. Rule sets are
not trusted with our time: a scan has a time limit, and running into it is `skipped`, never clean.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import yara_x

from mead.analysis.analyser import Artifact, Engine, Finding, FunctionAnalyser, Report, Verdict
from mead.analysis.settings import AnalysisSettings
from mead.model.codec import excerpt

__all__ = ["ANALYSER", "Compiled", "analyse", "compile_rules"]

MAX_MATCHES_SHOWN = 8
MAX_RULE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Compiled:
    """Rules ready to scan with, what they were made of, and what did not compile."""

    rules: Any
    fingerprint: str
    errors: tuple[str, ...]
    judges: bool
    """Whether there are rules that say more than a fact: without them nothing can be called clean."""


def _sources(directory: str) -> Iterator[tuple[str, bytes]]:
    for entry in sorted(files("mead.analysis").joinpath("rules").iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".yar"):
            yield entry.name, entry.read_bytes()
    if directory:
        total = 0
        for path in sorted(p for p in Path(directory).rglob("*") if p.suffix in {".yar", ".yara"}):
            total += path.stat().st_size
            if total > MAX_RULE_BYTES:
                return
            yield str(path.relative_to(directory)), path.read_bytes()


@lru_cache(maxsize=4)
def compile_rules(directory: str) -> Compiled:
    """The built-in rules and those beneath `directory`; errors read `file:line: what`."""
    compiler = yara_x.Compiler()
    digest = hashlib.sha256()
    for name, source in _sources(directory):
        digest.update(f"{name}\0{len(source)}\0".encode() + source)
        compiler.new_namespace(name)
        try:
            compiler.add_source(source.decode("utf-8", "replace"), origin=name)
        except yara_x.CompileError:
            continue
    errors = tuple(_error_line(error) for error in compiler.errors())
    rules = compiler.build()
    judges = any(not _info(rule) for rule in rules)
    return Compiled(rules, f"sha256:{digest.hexdigest()[:32]}", errors, judges)


def _error_line(error: dict[str, Any]) -> str:
    labels = error.get("labels") or [{}]
    where = f"{labels[0].get('code_origin') or '?'}:{error.get('line') or labels[0].get('line') or '?'}"
    return f"{where}: {error.get('title', 'does not compile')}: {labels[0].get('text', '')}".rstrip(": ")


def analyse(artifact: Artifact, settings: AnalysisSettings) -> Report:
    """A finding `yara` per matching rule, with the matched offsets and bytes as evidence."""
    compiled = compile_rules(settings.yara_rules)
    scanner = yara_x.Scanner(compiled.rules)
    scanner.set_timeout(settings.yara_seconds)
    scanner.max_matches_per_pattern(MAX_MATCHES_SHOWN)
    broken = "; ".join(compiled.errors)[:400]
    try:
        matched = scanner.scan(artifact.data).matching_rules
    except yara_x.TimeoutError:
        return Report(verdict="skipped", reason=f"no answer in {settings.yara_seconds} seconds")
    except yara_x.ScanError as error:
        return Report(verdict="failed", reason=str(error)[:400])
    findings = tuple(_finding(rule, artifact.data) for rule in matched)
    bad = any(not _info(rule) for rule in matched)
    reason = f"rules left out: {broken}" if broken else None
    return Report(verdict=_verdict(compiled, bad=bad), findings=findings, reason=reason)


def _verdict(compiled: Compiled, *, bad: bool) -> Verdict:
    if bad:
        return "found"
    if compiled.errors:
        return "skipped"
    return "clean" if compiled.judges else "done"


def _meta(rule: Any) -> dict[str, Any]:
    return dict(rule.metadata)


def _info(rule: Any) -> bool:
    return bool(_meta(rule).get("info", False))


def _finding(rule: Any, data: bytes) -> Finding:
    meta = _meta(rule)
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
        evidence=tuple(evidence[:32]),
    )


def _engine(settings: AnalysisSettings) -> Engine:
    return Engine(
        version=f"yara-x {version('yara-x')}", database=compile_rules(settings.yara_rules).fingerprint
    )


ANALYSER = FunctionAnalyser("yara", analyse, _engine)
