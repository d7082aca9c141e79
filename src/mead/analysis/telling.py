# SPDX-License-Identifier: Apache-2.0
"""From reports to events."""

from __future__ import annotations

from collections.abc import Iterable

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

    def limits(self, sha256: str, limits: Iterable[LimitHit], analyser: str = "pipeline") -> None:
        """Add the bounds that were reached."""
        now = self._clock.now()
        for hit in limits:
            self.events.append(
                LimitReached(
                    time=now, sensor=self._sensor, session=self._session, limit=hit.limit,
                    limit_value=hit.limit_value, unit=hit.unit,
                )
            )  # fmt: skip
            self.events.append(
                FindingMade(
                    time=now, sensor=self._sensor, session=self._session, sha256=sha256, analyser=analyser,
                    claim=f"limit.{hit.limit}", value=f"{hit.limit_value} {hit.unit}", confidence=100,
                )
            )  # fmt: skip

    def _child(self, edge: Edge) -> ArtifactFound:
        return ArtifactFound(
            time=self._clock.now(), sensor=self._sensor, session=self._session, sha256=edge.child,
            parent_sha256=edge.parent, relation=edge.relation, size=edge.size, name=edge.name, detail=edge.detail,
        )  # fmt: skip

    def _run(self, sha256: str, run: Run) -> None:
        now, report, engine = self._clock.now(), run.report, run.engine
        for finding in report.findings:
            self.events.append(
                FindingMade(
                    time=now, sensor=self._sensor, session=self._session, sha256=sha256, analyser=run.analyser,
                    claim=finding.claim, value=finding.value, rule=finding.rule, engine_version=engine.version,
                    database=engine.database, confidence=finding.confidence, jail_level=run.jail_level,
                    evidence=list(finding.evidence),
                )
            )  # fmt: skip
        for found in report.indicators:
            self.events.append(
                IndicatorSeen(
                    time=now, sensor=self._sensor, session=self._session, sha256=sha256, indicator=found.indicator,
                    indicator_kind=found.indicator_kind, analyser=run.analyser, offset=found.offset,
                )
            )  # fmt: skip
        self.limits(sha256, report.limits, run.analyser)
        self.events.append(
            AnalysisDone(
                time=now, sensor=self._sensor, session=self._session, sha256=sha256, analyser=run.analyser,
                engine_version=engine.version, database=engine.database, verdict=report.verdict,
                reason=report.reason, jail_level=run.jail_level, duration_ms=run.duration_ms,
            )
        )  # fmt: skip
