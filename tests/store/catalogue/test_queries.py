# SPDX-License-Identifier: Apache-2.0
"""Questions: pages that miss and double nothing, digests by their first digits, time to detection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mead.errors import ConfigError
from mead.model import event as kinds
from mead.model.event import Event
from mead.store.catalogue import Catalogue

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B, C = "a" * 64, "ab" * 32, "c" * 64


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def fill(catalogue: Catalogue, *events: Event) -> None:
    catalogue.apply([("s", 1 + number, 0, event) for number, event in enumerate(events)])


def captured(sha256: str, hours: float) -> Event:
    return kinds.SampleCaptured(
        time=at(hours), sensor="e", src="192.0.2.1", sha256=sha256, size=1, how="echo"
    )


def scanned(hours: float, verdict: str, engine: str = "clamav", database: str | None = "d1") -> Event:
    return kinds.AnalysisDone(
        time=at(hours),
        sensor="w",
        sha256=A,
        analyser=engine,
        engine_version="1",
        database=database,
        verdict=verdict,
    )


def found(sha256: str, **fields: Any) -> Event:
    return kinds.FindingMade(time=at(1), sensor="w", sha256=sha256, analyser="yara", claim="family", **fields)


def test_pages_of_samples_miss_and_double_nothing(catalogue: Catalogue) -> None:
    digests = [f"{number:064x}" for number in range(25)]
    fill(catalogue, *(captured(digest, int(digest, 16) // 4) for digest in digests))
    seen, after = [], None
    while True:
        page = catalogue.samples(limit=4, after=after)
        assert len(page.rows) <= 4
        seen += [row.sha256 for row in page.rows]
        after = page.next
        if after is None:
            break
    assert sorted(seen) == digests
    times = [int(digest, 16) // 4 for digest in seen]
    assert times == sorted(times, reverse=True)


def test_samples_can_be_bound_by_time_and_detection(catalogue: Catalogue) -> None:
    fill(catalogue, captured(A, 1), captured(B, 2), captured(C, 3), scanned(4, "found"))
    assert [row.sha256 for row in catalogue.samples(since=at(2)).rows] == [C, B]
    assert [row.sha256 for row in catalogue.samples(until=at(2)).rows] == [A]
    assert [row.sha256 for row in catalogue.samples(detected=True).rows] == [A]
    assert [row.sha256 for row in catalogue.samples(detected=False).rows] == [C, B]
    sample = catalogue.sample(A)
    assert sample
    assert (sample.engines, sample.detections) == (1, 1)
    assert catalogue.sample("f" * 64) is None


@pytest.mark.parametrize("after", ["", "x", "!!", "WyJ4Il0=", "WzEsMiwzXQ==", "WyJ4IiwieSJd", "é"])
def test_a_page_that_is_none_is_refused(catalogue: Catalogue, after: str) -> None:
    with pytest.raises(ConfigError):
        catalogue.samples(after=after)


def test_a_body_is_found_by_its_first_digits(catalogue: Catalogue) -> None:
    child = kinds.ArtifactFound(
        time=at(1), sensor="w", sha256=B, parent_sha256=A, relation="contains", size=1
    )
    fill(catalogue, captured(A, 1), captured(C, 1), child)
    with catalogue.ask() as queries:
        assert queries.matching("aaaa") == [A]
        assert queries.matching("ABAB") == [B]
        assert queries.matching(C) == [C]
        assert queries.matching("dddd") == []
        for wrong in ("", "abc", "xyzw", "a" * 65):
            with pytest.raises(ConfigError, match="not a digest"):
                queries.matching(wrong)


def test_edges_are_seen_from_both_ends(catalogue: Catalogue) -> None:
    names = [f"member {number}" for number in range(7)]
    fill(
        catalogue,
        *(
            kinds.ArtifactFound(
                time=at(1), sensor="w", sha256=B, parent_sha256=A, relation="contains", size=4, name=name
            )
            for name in names
        ),
    )
    with catalogue.ask() as queries:
        first = queries.children(A, limit=5)
        rest = queries.children(A, limit=5, after=first.next)
        assert sorted(str(edge.name) for edge in first.rows + rest.rows) == names
        assert rest.next is None
        assert {edge.parent_sha256 for edge in queries.parents(B).rows} == {A}


def test_findings_keep_their_evidence_and_are_not_doubled(catalogue: Catalogue) -> None:
    fill(
        catalogue, found(A, value="Mirai", evidence=["offset 4"]), found(A, value="Mirai"), found(A), found(B)
    )
    rows = {row.value: row for row in catalogue.findings(A).rows}
    assert set(rows) == {"Mirai", None}
    assert rows["Mirai"].evidence == ["offset 4"]


def test_indicators_lead_from_a_body_and_back(catalogue: Catalogue) -> None:
    url = "http://198.51.100.7/" + "x" * 5000
    seen = [
        kinds.IndicatorSeen(
            time=at(1),
            sensor="w",
            sha256=sha256,
            indicator=url,
            indicator_kind="url",
            analyser="strings",
            offset=3,
        )
        for sha256 in (A, B, A)
    ]
    fill(catalogue, *seen)
    with catalogue.ask() as queries:
        assert [row.indicator for row in queries.indicators(A).rows] == [url]
        assert {row.sha256 for row in queries.bodies_with(url).rows} == {A, B}
        assert queries.bodies_with("http://else/").rows == []


def test_every_scan_stays_in_the_history(catalogue: Catalogue) -> None:
    fill(catalogue, scanned(1, "clean"), scanned(1, "clean"), scanned(9, "found", database="d2"))
    assert [(row.verdict, row.database) for row in catalogue.scan_history(A).rows] == [
        ("clean", "d1"), ("clean", "d1"), ("found", "d2"),
    ]  # fmt: skip


def test_time_to_detection_says_between_which_scans_an_engine_learnt(catalogue: Catalogue) -> None:
    fill(
        catalogue,
        captured(A, 0),
        scanned(1, "clean"),
        scanned(2, "skipped"),
        scanned(24, "clean", database="d2"),
        scanned(48, "found", database="d3"),
        scanned(72, "clean", database="d4"),
        scanned(3, "found", "yara"),
        scanned(3, "clean", "late"),
        scanned(3, "failed", "broken"),
        scanned(3, "done", "hashes", None),
    )
    by_engine = {row.engine: row for row in catalogue.time_to_detection(A)}
    assert set(by_engine) == {"clamav", "yara", "late", "broken"}
    clamav = by_engine["clamav"]
    assert clamav.seconds == 48 * 3600
    assert (clamav.first_scan, clamav.last_clean, clamav.first_found) == (at(1), at(24), at(48))
    assert clamav.database == "d3"
    assert (by_engine["yara"].last_clean, by_engine["yara"].seconds) == (None, 3 * 3600)
    assert (by_engine["late"].seconds, by_engine["late"].last_clean) == (None, at(3))
    assert by_engine["broken"].first_scan is None
    assert catalogue.time_to_detection(B) == []


def test_a_failed_or_skipped_scan_never_counts_as_a_look(catalogue: Catalogue) -> None:
    fill(catalogue, captured(A, 0), scanned(1, "skipped"), scanned(2, "failed"))
    sample = catalogue.sample(A)
    assert sample
    assert (sample.engines, sample.detections) == (0, 0)


def test_offers_are_counted_by_state_and_by_the_policy_that_left_them(catalogue: Catalogue) -> None:
    def offer(number: int) -> Event:
        return kinds.OfferSeen(
            time=at(number), sensor="e", session=f"s{number}", offer=str(number), url="http://x/", tool="wget"
        )

    def refuse(number: int) -> Event:
        return kinds.FetchRefused(
            time=at(9), sensor="e", offer=str(number), url="http://x/", reason="policy", policy="observe"
        )

    fill(catalogue, offer(1), offer(2), offer(3), refuse(2), refuse(3))
    with catalogue.ask() as queries:
        assert queries.offers_by_state() == {"offered": 1, "refused": 2}
        assert queries.offers_by_policy() == {"observe": 2}
        assert [row.offer for row in queries.offers(state="offered").rows] == ["1"]
        assert [row.offer for row in queries.offers(session="s2").rows] == ["2"]


def test_a_url_and_its_bodies_know_each_other(catalogue: Catalogue) -> None:
    done = kinds.FetchDone(
        time=at(1), sensor="e", offer="o", url="http://x/a", sha256=A, size=1, address="198.51.100.7"
    )
    fill(catalogue, done)
    with catalogue.ask() as queries:
        assert [(row.url, row.address) for row in queries.urls_of(A).rows] == [("http://x/a", "198.51.100.7")]
        assert [row.sha256 for row in queries.bodies_of("http://x/a").rows] == [A]


def test_records_imported_before_are_known(catalogue: Catalogue) -> None:
    events = [
        kinds.SessionOpen(time=at(number), sensor="e", origin=f"record {number}") for number in range(600)
    ]
    fill(catalogue, *events, *events[:3])
    asked = [f"record {number}" for number in range(590, 1200)]
    assert catalogue.seen_origins(asked) == {f"record {number}" for number in range(590, 600)}
    assert catalogue.seen_origins([]) == set()
