# SPDX-License-Identifier: Apache-2.0
"""The analyser that takes bodies apart."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Iterator
from importlib.metadata import version

import msgspec

from mead.analysis.analyser import Artifact, Child, Engine, Finding, FunctionAnalyser, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.budget import Budget, BudgetSpent, Damaged, Encrypted
from mead.analysis.unpack.formats import Format, bids, load_formats

__all__ = ["ANALYSER", "unpack"]

MAX_NAME = 400

_BROKEN = (
    Damaged, ValueError, LookupError, ArithmeticError, EOFError, OSError, TypeError, AttributeError,
    struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What parsers raise on hostile bytes; which one says nothing that their message does not."""


def unpack(artifact: Artifact, settings: AnalysisSettings) -> Report | None:
    """Children of a container, with what was noticed; `None` when it is no container."""
    candidates = bids(artifact.data, load_formats()[0])
    if not candidates:
        return None
    budget = Budget(settings, len(artifact.data), settings.max_total_bytes)
    children: dict[bytes, Child] = {}
    problems: list[str] = []
    for score, form in candidates:
        problem = _try(form, artifact, budget, children)
        if problem:
            problems.append(f"{form.name}: {problem}")
        elif children and score >= 50:
            break
        if budget.limits and budget.limits[-1].limit == "unpack.time":
            break
    return _report(budget, children, problems)


def _try(form: Format, artifact: Artifact, budget: Budget, children: dict[bytes, Child]) -> str | None:
    """Run one unpacker; the problem that it met, if any."""
    before = len(children)
    problem: str | None = None
    try:
        for child in _delivered(form, artifact, budget):
            children.setdefault(child.data, child)
    except BudgetSpent:
        pass
    except Encrypted as error:
        budget.findings.append(
            Finding(claim="encrypted", value=form.name, confidence=100, evidence=(str(error),))
        )
        problem = f"encrypted: {error}"
    except _BROKEN as error:
        problem = f"damaged: {error}"
    if len(children) > before:
        members = tuple(
            f"{c.name or '-'} {len(c.data)} bytes" for c in [*children.values()][before : before + 8]
        )
        budget.findings.append(Finding(claim="container", value=form.name, confidence=95, evidence=members))
    return problem


def _delivered(form: Format, artifact: Artifact, budget: Budget) -> Iterator[Child]:
    for child in form.unpack(artifact, budget):
        if child.data and child.data != artifact.data:
            budget.take(child.data)
            yield msgspec.structs.replace(child, name=_clean(child.name)) if child.name else child


def _clean(name: str) -> str:
    """A name that can be encoded, stored and listed."""
    return name[:MAX_NAME].encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _report(budget: Budget, children: dict[bytes, Child], problems: list[str]) -> Report | None:
    if not (children or problems or budget.limits or budget.findings):
        return None
    reasons = [*problems, *(f"limit {hit.limit} {hit.limit_value} {hit.unit}" for hit in budget.limits)]
    return Report(
        verdict="skipped" if reasons else "done",
        reason="; ".join(reasons)[:500] or None,
        findings=tuple(budget.findings),
        children=tuple(children.values()),
        limits=tuple(budget.limits),
    )


def _engine(_settings: AnalysisSettings) -> Engine:
    return Engine(version=version("mead-deck"))


ANALYSER = FunctionAnalyser("unpack", unpack, _engine)
