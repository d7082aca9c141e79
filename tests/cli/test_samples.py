# SPDX-License-Identifier: Apache-2.0
"""`mead samples`: bodies, how they came, and one word for each that is never better than it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mead.cli.samples import verdict_of
from mead.errors import ConfigError
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


def test_a_row_says_how_a_body_came_and_what_it_is(store: Any) -> None:
    (sample,) = store.rows("samples")
    assert (sample["sha256"], sample["size"], sample["how"]) == (store.digest, len(store.body), "echo")
    assert (sample["sightings"], sample["sources"], sample["services"]) == (1, 1, "telnet")
    assert (sample["type"], sample["verdict"]) == ("text", "found: Test.Marker")


def test_people_get_a_digest_that_show_takes(store: Any) -> None:
    shown = store.mead("samples", "-o", "table").stdout
    assert f"{store.digest[:16]}…" in shown
    assert "1 from 1" in shown


def test_csv_cells_cannot_become_formulas(store: Any) -> None:
    (row,) = csv.DictReader(io.StringIO(store.mead("samples", "-o", "csv").stdout))
    assert row["name"] == "'=x"
    assert row["url"] == ""


@pytest.mark.parametrize(
    ("arguments", "count"),
    [(("--where", "size > 5"), 1), (("--where", "size > 5000"), 0), (("--until", "2026-01-01"), 0)],
    ids=str,
)
def test_samples_are_chosen_by_their_sightings(store: Any, arguments: tuple[str, ...], count: int) -> None:
    assert len(store.rows("samples", *arguments)) == count


def test_a_condition_that_fails_on_the_data_is_explained(store: Any) -> None:
    assert isinstance(store.mead("samples", "--where", "name ~ '('").exception, ConfigError)


def test_no_samples_are_said_to_people(empty: Any) -> None:
    assert empty.mead("samples", "-o", "table").stderr == "no samples here\n"
