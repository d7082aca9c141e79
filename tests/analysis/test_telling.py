# SPDX-License-Identifier: Apache-2.0
"""Reports become events that say the same."""

from __future__ import annotations

from mead.analysis.analyser import Engine, Finding, Indicator, LimitHit, Report, Run
from mead.analysis.pipeline import Edge, Node
from mead.analysis.telling import Teller
from mead.clock import FakeClock
from mead.model.event import AnalysisDone, ArtifactFound, FindingMade, IndicatorSeen, LimitReached

A, B = "a" * 64, "b" * 64


def test_everything_of_a_body_is_told() -> None:
    report = Report(
        verdict="found",
        findings=(Finding(claim="clamav", value="Name", confidence=95, evidence=("offset 3",)),),
        indicators=(Indicator(indicator="http://192.0.2.1/x", indicator_kind="url", offset=7),),
        limits=(LimitHit(limit="strings.bytes", limit_value=9, unit="bytes"),),
    )
    engine = Engine(version="1.4", database="sha256:1")
    run = Run(analyser="clamav", report=report, engine=engine, jail_level="rlimits", duration_ms=5)
    teller = Teller("worker-1", "s1", FakeClock())
    edge = Edge(parent=A, child=B, size=3, relation="contains", name="x", detail="zip")
    teller.tell(Node(sha256=A, size=10, depth=0, runs=(run,)), [edge])
    kinds = {type(event): event for event in teller.events}
    assert kinds[ArtifactFound].parent_sha256 == A
    assert kinds[IndicatorSeen].offset == 7
    assert kinds[LimitReached].limit_value == 9
    done = kinds[AnalysisDone]
    assert (done.verdict, done.engine_version, done.database, done.jail_level) == (
        "found",
        "1.4",
        "sha256:1",
        "rlimits",
    )
    findings = {event.claim: event for event in teller.events if isinstance(event, FindingMade)}
    assert findings["clamav"].evidence == ["offset 3"]
    assert findings["limit.strings.bytes"].value == "9 bytes"
    assert all(event.jail_level == "rlimits" for event in findings.values())
    assert all(event.session == "s1" and event.sensor == "worker-1" for event in teller.events)


def test_a_bound_of_the_whole_tree_is_a_body_that_was_not_all_seen() -> None:
    teller = Teller("worker-1", None, FakeClock())
    teller.tree(A, [])
    assert not teller.events
    teller.tree(A, [LimitHit(limit="tree.depth", limit_value=40, unit="levels")])
    (done,) = [event for event in teller.events if isinstance(event, AnalysisDone)]
    assert (done.analyser, done.verdict, done.reason) == ("pipeline", "skipped", "limit tree.depth 40 levels")
