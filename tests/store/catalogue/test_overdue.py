# SPDX-License-Identifier: Apache-2.0
"""Which bodies an engine owes a scan with the signatures that it has now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from mead.model.event import AnalysisDone, ArtifactFound, Event, SampleCaptured
from mead.store.catalogue import Catalogue

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BODY, OTHER, INNER = "a" * 64, "b" * 64, "c" * 64


def _at(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def _captured(sha256: str, hours: float) -> Event:
    return SampleCaptured(time=_at(hours), sensor="s", sha256=sha256, size=1, how="echo")


def _scanned(
    sha256: str, verdict: str, hours: float = -2, database: str | None = "d1", engine: str = "clamav"
) -> Event:
    return AnalysisDone(
        time=_at(hours), sensor="w", sha256=sha256, analyser=engine, engine_version="1", database=database,
        verdict=verdict,
    )  # fmt: skip


def _overdue(catalogue: Catalogue, *events: Event, database: str | None = "d2", limit: int = 10) -> list[str]:
    catalogue.apply([("EVENTS", number, 0, event) for number, event in enumerate(events, 1)])
    with catalogue.ask() as queries:
        return queries.overdue("clamav", "1", database, since=_at(-24), looked_before=_at(-1), limit=limit)


def test_a_body_that_was_clean_with_older_signatures_is_owed_a_scan(catalogue: Catalogue) -> None:
    assert _overdue(catalogue, _captured(BODY, -3), _scanned(BODY, "clean")) == [BODY]


@pytest.mark.parametrize(
    ("event", "owed"),
    [
        (_scanned(BODY, "clean", database="d2"), False),
        (_scanned(BODY, "skipped", database="d2"), False),
        (_scanned(BODY, "failed", database="d2"), True),
        (_scanned(BODY, "found", database="d1"), False),
        (_scanned(BODY, "clean", database=None), True),
        (_scanned(BODY, "done", engine="hashes", database=None), True),
        (_scanned(BODY, "found", engine="yara"), True),
        (_scanned(BODY, "clean", hours=-0.5), False),
    ],
    ids=["judged", "judged as skipped", "failed", "known already", "no signatures then", "never scanned",
         "known to another engine", "at its first look"],
)  # fmt: skip
def test_what_is_owed(catalogue: Catalogue, event: Event, *, owed: bool) -> None:
    assert _overdue(catalogue, _captured(BODY, -3), event) == ([BODY] if owed else [])


def test_a_body_that_nobody_looked_at_yet_waits_for_its_first_look(catalogue: Catalogue) -> None:
    assert _overdue(catalogue, _captured(BODY, -3)) == []


def test_bodies_from_inside_others_count_too_and_the_youngest_come_first(catalogue: Catalogue) -> None:
    inner = ArtifactFound(
        time=_at(-2), sensor="w", sha256=INNER, parent_sha256=BODY, relation="contains", size=1
    )
    events = [_captured(BODY, -5), _captured(OTHER, -4), inner]
    events += [_scanned(sha256, "clean") for sha256 in (BODY, OTHER, INNER)]
    assert _overdue(catalogue, *events) == [INNER, OTHER, BODY]
    assert _overdue(catalogue, limit=2) == [INNER, OTHER]


def test_old_bodies_are_left_alone(catalogue: Catalogue) -> None:
    assert _overdue(catalogue, _captured(BODY, -30), _scanned(BODY, "clean", -29)) == []


def test_an_engine_without_signatures_owes_nothing_once_it_looked(catalogue: Catalogue) -> None:
    events = (_captured(BODY, -3), _scanned(BODY, "clean", database=None))
    assert _overdue(catalogue, *events, database=None) == []
