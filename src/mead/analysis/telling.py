# SPDX-License-Identifier: Apache-2.0
"""From reports to events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mead.analysis.analyser import LimitHit, Run
from mead.analysis.pipeline import Edge, Node
from mead.clock import Clock
from mead.model.event import AnalysisDone, ArtifactFound, Event, FindingMade, IndicatorSeen, LimitReached

__all__ = ["Teller"]


class Teller:
    """Gathers the events of one job."""

    def __init__(self, sensor: str, session: str | None, clock: Clock) -> None:
        self.events: list[Event] = []
        self._sensor = sensor
        self._session = session
        self._clock = clock

    def tell(self, node: Node, edges: list[Edge]) -> None:
        """Add the events of one body: its children, then each analyser's findings, indicators and verdict."""
        self.events.extend(self._child(edge) for edge in edges)
        for run in node.runs:
            self._run(node.sha256, run)

    def tree(self, sha256: str, limits: Sequence[LimitHit]) -> None:
        """Add the bounds of a whole tree: what lies behind them was not looked at, or not with this job."""
        self._limits(sha256, limits, "pipeline", None)
        if limits:
            reason = "; ".join(f"limit {hit.limit} {hit.limit_value} {hit.unit}" for hit in limits)
            about: dict[str, Any] = {"sha256": sha256, "analyser": "pipeline", "verdict": "skipped"}
            self.events.append(AnalysisDone(**self._same(), **about, reason=reason))

    def _limits(self, sha256: str, limits: Iterable[LimitHit], analyser: str, jail_level: str | None) -> None:
        for hit in limits:
            bound: dict[str, Any] = {"limit": hit.limit, "limit_value": hit.limit_value, "unit": hit.unit}
            self.events.append(LimitReached(**self._same(), **bound))
            claim, value = f"limit.{hit.limit}", f"{hit.limit_value} {hit.unit}"
            about: dict[str, Any] = {"sha256": sha256, "analyser": analyser, "claim": claim, "value": value}
            self.events.append(FindingMade(**self._same(), **about, confidence=100, jail_level=jail_level))

    def _same(self) -> dict[str, Any]:
        return {"time": self._clock.now(), "sensor": self._sensor, "session": self._session}

    def _child(self, edge: Edge) -> ArtifactFound:
        return ArtifactFound(
            **self._same(), sha256=edge.child, parent_sha256=edge.parent, relation=edge.relation,
            size=edge.size, name=edge.name, detail=edge.detail,
        )  # fmt: skip

    def _run(self, sha256: str, run: Run) -> None:
        about: dict[str, Any] = {**self._same(), "sha256": sha256, "analyser": run.analyser}
        engine: dict[str, Any] = {"engine_version": run.engine.version, "database": run.engine.database}
        self.events.extend(
            FindingMade(
                **about, **engine, claim=finding.claim, value=finding.value, rule=finding.rule,
                confidence=finding.confidence, jail_level=run.jail_level, evidence=list(finding.evidence),
            )
            for finding in run.report.findings
        )  # fmt: skip
        self.events.extend(
            IndicatorSeen(**about, indicator=i.indicator, indicator_kind=i.indicator_kind, offset=i.offset)
            for i in run.report.indicators
        )
        self._limits(sha256, run.report.limits, run.analyser, run.jail_level)
        verdict: dict[str, Any] = {"verdict": run.report.verdict, "reason": run.report.reason}
        self.events.append(
            AnalysisDone(**about, **engine, **verdict, jail_level=run.jail_level, duration_ms=run.duration_ms)
        )
