# SPDX-License-Identifier: Apache-2.0
"""Events become rows, once, in whatever order the streams come."""

from __future__ import annotations

import functools
import random
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from mead.model import event as kinds
from mead.model.event import Event
from mead.store.catalogue import Catalogue, tables
from mead.store.catalogue.database import reading

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
A, B, C = "a" * 64, "b" * 64, "c" * 64


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def numbered(events: Sequence[Event], stream: str = "s", first: int = 1) -> list[tuple[str, int, int, Event]]:
    return [(stream, first + number // 2, number % 2, event) for number, event in enumerate(events)]


def content(catalogue: Catalogue) -> dict[str, list[tuple[Any, ...]]]:
    found = {}
    with reading(catalogue._engine) as connection:
        for name, table in tables.metadata.tables.items():
            found[name] = sorted((tuple(row) for row in connection.execute(select(table))), key=str)
    return found


def captured(sha256: str, minutes: float, src: str | None = "192.0.2.1", **more: Any) -> kinds.SampleCaptured:
    said = {"sensor": "edge", "session": "s1", "service": "telnet", "size": 9, "how": "fetch"} | more
    return kinds.SampleCaptured(time=at(minutes), src=src, sha256=sha256, **said)


def offer(minutes: float, name: str = "o1", **more: Any) -> kinds.OfferSeen:
    said = {"sensor": "edge", "session": "s1", "url": "http://198.51.100.7/bins.sh", "tool": "wget"} | more
    return kinds.OfferSeen(time=at(minutes), offer=name, **said)


def outcome(kind: type[Event], minutes: float, name: str = "o1", **more: Any) -> Event:
    url = "http://198.51.100.7/bins.sh"
    return kind(time=at(minutes), sensor="edge", offer=name, url=url, **more)


def fetched(minutes: float, **more: Any) -> Event:
    return outcome(kinds.FetchDone, minutes, **{"sha256": A, "size": 9, **more})


def failed(minutes: float, *, final: bool, attempt: int = 1, reason: str = "timed out") -> Event:
    return outcome(kinds.FetchFailed, minutes, reason=reason, final=final, attempt=attempt)


def refused(minutes: float, policy: str = "observe") -> Event:
    return outcome(kinds.FetchRefused, minutes, reason="policy", policy=policy)


def of_sample(kind: type[Event], minutes: float, **more: Any) -> Event:
    return kind(time=at(minutes), sensor="w", sha256=A, **more)


def child(minutes: float, size: int = 3) -> Event:
    return kinds.ArtifactFound(
        time=at(minutes), sensor="w", sha256=C, parent_sha256=A, relation="contains", size=size, name="x"
    )


MIXED: list[Event] = [
    offer(0),
    failed(1, final=False),
    fetched(2, attempt=2, address="198.51.100.7"),
    captured(A, 3, url="http://198.51.100.7/bins.sh", offer="o1"),
    captured(A, 1, "192.0.2.2"),
    captured(B, 5, None),
    child(6),
    child(7),
    of_sample(kinds.FindingMade, 6, analyser="clamav", claim="malware", value="Test", evidence=["offset 0"]),
    of_sample(kinds.AnalysisDone, 6, analyser="clamav", database="d1", verdict="found"),
    of_sample(kinds.IndicatorSeen, 6, indicator="http://x/", indicator_kind="url", analyser="strings"),
    kinds.ScanSeen(time=at(6), sensor="edge", packets=3, origin="deadbeef"),
]


def test_a_sample_has_its_first_and_last_time_and_its_sources(catalogue: Catalogue) -> None:
    done = catalogue.apply(
        numbered([captured(A, 5), captured(A, 1, "192.0.2.2"), captured(A, 9), captured(A, 3, None)])
    )
    assert (done.applied, done.repeated, done.unreadable) == (4, 0, 0)
    sample = catalogue.sample(A)
    assert sample
    assert (sample.size, sample.sightings, sample.sources) == (9, 4, 2)
    assert (sample.first_seen, sample.last_seen) == (at(1), at(9))
    catalogue.apply(numbered([captured(A, 0), captured(A, 20, "192.0.2.2")], "other"))
    sample = catalogue.sample(A)
    assert sample
    assert (sample.sightings, sample.sources, sample.first_seen, sample.last_seen) == (6, 2, at(0), at(20))


def test_applying_again_changes_nothing(catalogue: Catalogue) -> None:
    events = numbered(MIXED)
    catalogue.apply(events)
    once = content(catalogue)
    done = catalogue.apply(events)
    assert (done.applied, done.repeated) == (0, len(events))
    assert content(catalogue) == once


def test_any_cut_into_batches_and_any_repetition_gives_the_same(catalogue: Catalogue, tmp_path: Any) -> None:
    events = numbered(MIXED * 2)
    catalogue.apply(events)
    chance = random.Random(3)
    with Catalogue.open(tmp_path / "pieces.sqlite") as other:
        position = 0
        while position < len(events):
            length = chance.randrange(1, 5)
            other.apply(events[max(0, position - chance.randrange(4)) : position + length])
            position += length
        assert content(other) == content(catalogue)


_MOMENTS = st.integers(0, 5)
_SOURCES = st.sampled_from(["192.0.2.1", "192.0.2.2", None])
_TEXTS = st.sampled_from(["x", "y", None])
_ANY_EVENT = st.one_of(
    st.builds(captured, st.sampled_from([A, B]), _MOMENTS, _SOURCES, size=st.integers(1, 2)),
    st.builds(offer, _MOMENTS, st.sampled_from(["o1", "o2"]), session=_TEXTS, tool=st.sampled_from("wc")),
    st.builds(fetched, _MOMENTS, sha256=st.sampled_from([A, B]), attempt=st.integers(1, 3)),
    st.builds(failed, _MOMENTS, final=st.booleans(), attempt=st.integers(1, 3), reason=st.sampled_from("xy")),
    st.builds(refused, _MOMENTS, policy=st.sampled_from(["observe", "queue"])),
    st.builds(child, _MOMENTS, size=st.integers(1, 2)),
    st.builds(
        of_sample, st.just(kinds.FindingMade), _MOMENTS, analyser=st.just("y"), claim=st.sampled_from("xy"),
        confidence=st.integers(1, 3), evidence=st.lists(st.sampled_from("xy"), max_size=2),
    ),
    st.builds(
        of_sample, st.just(kinds.IndicatorSeen), _MOMENTS, indicator=st.sampled_from("xy"),
        indicator_kind=st.just("url"), analyser=st.sampled_from("ab"), offset=st.integers(0, 2),
    ),
    st.builds(
        of_sample, st.just(kinds.AnalysisDone), _MOMENTS, analyser=st.just("y"), verdict=st.just("clean"),
    ),
    st.builds(
        kinds.ScanSeen, time=_MOMENTS.map(at), sensor=st.just("e"), packets=st.just(1),
        origin=st.sampled_from("pq"),
    ),
)  # fmt: skip


@given(st.lists(st.lists(_ANY_EVENT, max_size=6), min_size=1, max_size=3), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_in_which_streams_arrive_does_not_matter(
    streams: list[list[Event]], chance: random.Random
) -> None:
    """Made from the events again, stream after stream, the catalogue is what it was while they came."""
    rows = [numbered(events, f"s{number}") for number, events in enumerate(streams)]
    turns = [number for number, row in enumerate(rows) for _ in row]
    chance.shuffle(turns)
    left = [iter(row) for row in rows]
    with _in_memory() as live, _in_memory() as again:
        for number in turns:
            live.apply([next(left[number])])
        for row in rows:
            again.apply(row)
        assert content(live) == content(again)


@contextmanager
def _in_memory() -> Iterator[Catalogue]:
    """A catalogue that many examples can afford."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        shutil.copy(_empty(), Path(folder) / "c.sqlite")
        with Catalogue.open(Path(folder) / "c.sqlite") as catalogue:
            yield catalogue


@functools.cache
def _empty() -> Path:
    path = Path(tempfile.mkdtemp()) / "empty.sqlite"
    with Catalogue.open(path):
        return path


def test_names_of_any_length_are_kept_apart(catalogue: Catalogue) -> None:
    long = ["\U0001f480" * 5000, "\U0001f480" * 5001]
    events: list[Event] = []
    for name in long:
        events += [
            captured(A, 1, name, session=name, name=name),
            offer(2, name, session=name),
            outcome(kinds.FetchFailed, 3, name, reason=name, final=True),
            of_sample(kinds.FindingMade, 4, analyser=name, claim=name, value=name),
            of_sample(kinds.AnalysisDone, 4, analyser=name, database="d", verdict="found"),
        ]
    for _ in range(2):
        catalogue.apply(numbered(events))
    with catalogue.ask() as queries:
        sample = queries.sample(A)
        assert sample
        assert (sample.sightings, sample.sources, sample.detections) == (2, 2, 2)
        assert [row.state for row in queries.offers().rows] == ["failed", "failed"]
        assert [row.reason for row in queries.offers(session=long[1]).rows] == [long[1]]
        assert len(queries.findings(A).rows) == 2


def test_a_failed_batch_leaves_no_trace(catalogue: Catalogue) -> None:
    before = content(catalogue)
    broken: Any = object()
    with pytest.raises(AttributeError):
        catalogue.apply([*numbered(MIXED), ("s", 99, 0, broken)])
    assert content(catalogue) == before


@pytest.mark.parametrize(
    ("events", "state", "attempts"),
    [
        ([offer(0)], "offered", 0),
        ([offer(0), failed(1, final=False)], "offered", 1),
        ([offer(0), failed(1, final=False), failed(5, final=True, attempt=3)], "failed", 3),
        ([offer(0), failed(1, final=False), fetched(2, attempt=2)], "fetched", 2),
        ([fetched(2), offer(0)], "fetched", 1),
        ([offer(0), fetched(2), failed(3, final=True)], "fetched", 1),
        ([offer(0), refused(1)], "refused", 0),
        ([offer(0), refused(1), fetched(60)], "fetched", 1),
        ([refused(60), failed(1, final=True), offer(0)], "refused", 1),
        ([failed(5, final=True, attempt=3), failed(1, final=False)], "failed", 3),
    ],
)
def test_an_offer_has_the_state_that_its_events_give(
    catalogue: Catalogue, events: list[Event], state: str, attempts: int
) -> None:
    catalogue.apply(numbered(events))
    with catalogue.ask() as queries:
        (row,) = queries.offers().rows
    assert (row.state, row.attempts) == (state, attempts)
    assert row.tool in {"wget", None}
    assert (row.sha256 == A) == (state == "fetched")
    assert (row.reason is None) == (state == "fetched" or (state == "offered" and attempts == 0))
    assert row.policy == ("observe" if state == "refused" else None)


def test_what_the_database_cannot_hold_is_counted_and_passed_over(catalogue: Catalogue) -> None:
    events = [captured("not a digest", 1), captured(A, 2, dst_port=1 << 63), captured(B, 3, name="x\0y")]
    done = catalogue.apply(numbered(events))
    assert (done.applied, done.unreadable) == (1, 2)
    with catalogue.ask() as queries:
        assert queries.sightings(B).rows[0].name == "x\\x00y"


def test_hostile_urls_are_kept_whole(catalogue: Catalogue) -> None:
    urls = [
        "http://[",
        "http://" + "h" * 9000 + "/",
        "\\x00",
        "http://x/'; drop table samples; --",
        "http://ü\0/",
    ]
    events = [
        kinds.OfferSeen(time=at(number), sensor="e", offer=str(number), url=url, tool="curl")
        for number, url in enumerate(urls)
    ]
    catalogue.apply(numbered(events))
    with catalogue.ask() as queries:
        assert {row.url for row in queries.offers().rows} == {url.replace("\0", "\\x00") for url in urls}


def test_many_events_of_many_samples_fit_in_one_batch(catalogue: Catalogue) -> None:
    events = [
        captured(f"{number % 1500:064x}", number, f"10.0.{number % 7}.{number % 250}")
        for number in range(3000)
    ]
    catalogue.apply(numbered(events))
    assert len(catalogue.samples(limit=5000).rows) == 1500
    with catalogue.ask() as queries:
        assert queries.positions() == {"s": 1500}
