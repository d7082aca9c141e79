# SPDX-License-Identifier: Apache-2.0
"""Who came is forgotten with the events; what is known of a body is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mead.model import event as kinds
from mead.model.event import Event
from mead.store.catalogue import Catalogue, Forgotten

OLD, NEW = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
BETWEEN = datetime(2026, 4, 1, tzinfo=UTC)
A, B, C = "a" * 64, "b" * 64, "c" * 64
URL = "http://198.51.100.7/x"


def captured(sha256: str, time: datetime, src: str) -> Event:
    return kinds.SampleCaptured(
        time=time, sensor="e", src=src, sha256=sha256, size=1, how="fetch", origin=src
    )


def fetched(offer: str, time: datetime) -> Event:
    return kinds.FetchDone(time=time, sensor="e", offer=offer, url=URL, sha256=A, size=1)


def test_sightings_sources_and_offers_go_and_samples_stay(catalogue: Catalogue) -> None:
    events: list[Event] = [
        captured(A, OLD, "192.0.2.1"), captured(A, OLD, "192.0.2.2"), captured(A, NEW, "192.0.2.2"),
        captured(B, OLD, "192.0.2.3"), fetched("o1", OLD), fetched("o2", NEW),
        kinds.ArtifactFound(time=OLD, sensor="w", sha256=C, parent_sha256=B, relation="contains", size=1),
        kinds.FindingMade(time=OLD, sensor="w", sha256=B, analyser="yara", claim="malware"),
        kinds.AnalysisDone(time=OLD, sensor="w", sha256=B, analyser="yara", database="d", verdict="found"),
    ]  # fmt: skip
    catalogue.apply([("s", number, 0, event) for number, event in enumerate(events, 1)])
    assert catalogue.forget(BETWEEN) == Forgotten(sightings=3, sources=2, offers=1)
    assert catalogue.forget(BETWEEN) == Forgotten(sightings=0, sources=0, offers=0)
    with catalogue.ask() as queries:
        a, b = queries.sample(A), queries.sample(B)
        assert a
        assert b
        assert (a.sightings, a.sources, a.first_seen) == (3, 1, OLD)
        assert (b.sightings, b.sources, b.last_seen) == (1, 0, OLD)
        assert [row.src for row in queries.sightings(A).rows] == ["192.0.2.2"]
        assert [row.offer for row in queries.offers().rows] == ["o2"]
        assert len(queries.children(B).rows) == len(queries.findings(B).rows) == 1
        assert len(queries.scan_history(B).rows) == 1
        assert [row.url for row in queries.urls_of(A).rows] == [URL]
        assert queries.seen_origins(["192.0.2.1"]) == {"192.0.2.1"}, "an import stays idempotent"
        assert queries.known_bodies([A, B, C, "d" * 64]) == {A, B, C}
    assert catalogue.apply([("s", 1, 0, events[0])]).repeated == 1, "nothing is counted again"


def test_nothing_that_is_new_is_forgotten(catalogue: Catalogue) -> None:
    catalogue.apply([("s", 1, 0, captured(A, NEW, "192.0.2.1"))])
    assert catalogue.forget(NEW - timedelta(days=1)) == Forgotten(sightings=0, sources=0, offers=0)
