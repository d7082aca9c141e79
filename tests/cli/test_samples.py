# SPDX-License-Identifier: Apache-2.0
"""The one word for a sample is never better than the worst of what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mead.cli.samples import verdict_of
from mead.model.event import AnalysisDone, ArtifactFound, Event, FindingMade, SampleCaptured
from mead.store.catalogue import Catalogue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OUTER, MIDDLE, INNER = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    with Catalogue.open(tmp_path / "catalogue.db") as opened:
        yield opened


def _scan(sha256: str, verdict: str, engine: str = "yara", minutes: int = 0) -> Event:
    time = NOW + timedelta(minutes=minutes)
    return AnalysisDone(time=time, sensor="w", sha256=sha256, analyser=engine, verdict=verdict)


def _edge(parent: str, child: str) -> Event:
    return ArtifactFound(
        time=NOW, sensor="w", sha256=child, parent_sha256=parent, relation="contains", size=1
    )


NESTED = (
    SampleCaptured(time=NOW, sensor="s", sha256=OUTER, size=1, how="echo"),
    _edge(OUTER, MIDDLE), _edge(MIDDLE, INNER), _edge(INNER, OUTER),
)  # fmt: skip


@pytest.mark.parametrize(
    ("scans", "words"),
    [
        ([], "not analysed"),
        ([_scan(OUTER, "done", "hashes")], "no scanner looked"),
        ([_scan(OUTER, "clean")], "nothing found"),
        ([_scan(OUTER, "clean"), _scan(INNER, "skipped")], "skipped"),
        ([_scan(OUTER, "clean"), _scan(MIDDLE, "failed"), _scan(INNER, "skipped")], "failed"),
        ([_scan(OUTER, "clean"), _scan(INNER, "found")], "found inside: Name.Of.It"),
        ([_scan(OUTER, "found"), _scan(INNER, "found")], "found"),
        ([_scan(OUTER, "failed"), _scan(OUTER, "clean", minutes=5)], "nothing found"),
    ],
)  # fmt: skip
def test_verdict(catalogue: Catalogue, scans: list[Event], words: str) -> None:
    named = FindingMade(
        time=NOW,
        sensor="w",
        sha256=INNER,
        analyser="yara",
        claim="yara",
        value="Name.Of.It",
        rule="r:x",
        confidence=60,
    )
    events = [*NESTED, *scans, named]
    catalogue.apply([("EVENTS", number, 0, event) for number, event in enumerate(events, 1)])
    with catalogue.ask() as queries:
        assert verdict_of(OUTER, queries) == words
