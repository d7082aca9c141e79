# SPDX-License-Identifier: Apache-2.0
"""The analyser that takes bodies apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import version

import msgspec

from mead.analysis.analyser import Artifact, Child, Engine, Finding, FunctionAnalyser, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.budget import BROKEN, Budget, BudgetSpent, Encrypted
from mead.analysis.unpack.formats import Format, bids, load_formats

__all__ = ["ANALYSER", "unpack"]

MAX_NAME = 400


def unpack(artifact: Artifact, settings: AnalysisSettings) -> Report | None:
    """Children of a container, with what was noticed; `None` when it is no container."""
    candidates = bids(artifact.data, load_formats()[0])
    if not candidates:
        return None
    budget = Budget(settings, len(artifact.data), settings.max_total_bytes)
    children: list[Child] = []
    problems: list[str] = []
    for score, form in candidates:
        problem = _try(form, artifact, budget, children)
        told = [f"damaged: {text}" for text in budget.problems] + ([problem] if problem else [])
        problems.extend(f"{form.name}: {text}" for text in told)
        budget.problems.clear()
        if not told and children and score >= 50:
            break
        if budget.limits and budget.limits[-1].limit == "unpack.time":
            break
    return _report(budget, children, problems)


def _try(form: Format, artifact: Artifact, budget: Budget, children: list[Child]) -> str | None:
    """Run one unpacker; the problem that it met, if any."""
    before = len(children)
    problem: str | None = None
    try:
        for child in _delivered(form, artifact, budget, {_digest(child.data) for child in children}):
            children.append(child)  # noqa: PERF402  # what came before an error counts
    except BudgetSpent:
        pass
    except Encrypted as error:
        budget.note(Finding(claim="encrypted", value=form.name, confidence=100, evidence=(str(error),)))
        problem = f"encrypted: {error}"
    except BROKEN as error:
        problem = f"damaged: {error}"
    if len(children) > before:
        members = tuple(f"{c.name or '-'} {len(c.data)} bytes" for c in children[before : before + 8])
        budget.note(Finding(claim="container", value=form.name, confidence=95, evidence=members))
    return problem


def _delivered(form: Format, artifact: Artifact, budget: Budget, known: set[bytes]) -> Iterator[Child]:
    """What one format gives, each (body, name) once and nothing that another format gave (`known`)."""
    seen: set[tuple[bytes, str | None]] = set()
    for child in form.unpack(artifact, budget):
        budget.check_time()
        name = _clean(child.name) if child.name else None
        digest = _digest(child.data)
        if not child.data or digest in known or (digest, name) in seen:
            continue
        seen.add((digest, name))
        if child.data == artifact.data:
            budget.note(Finding(claim="contains.itself", value=form.name, confidence=100))
        elif budget.admit(child.data):
            yield msgspec.structs.replace(child, name=name)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _clean(name: str) -> str:
    """A name that can be encoded, stored and listed."""
    return name[:MAX_NAME].encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _report(budget: Budget, children: list[Child], problems: list[str]) -> Report | None:
    if not (children or problems or budget.limits or budget.findings):
        return None
    reasons = [*problems, *(f"limit {hit.limit} {hit.limit_value} {hit.unit}" for hit in budget.limits)]
    return Report(
        verdict="skipped" if reasons else "done",
        reason="; ".join(reasons)[:500] or None,
        findings=tuple(budget.findings),
        children=tuple(children),
        limits=tuple(budget.limits),
    )


def _engine(_settings: AnalysisSettings) -> Engine:
    return Engine(version=version("mead-deck"))


ANALYSER = FunctionAnalyser("unpack", unpack, _engine)
