# SPDX-License-Identifier: Apache-2.0
"""What is too old is forgotten in all parts of the store; samples stay."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mead.clock import FakeClock
from mead.deck.retention import Retention
from mead.model.event import ArtifactFound, Event, SampleCaptured, SessionClose
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.events import EventStore
from mead.store.settings import StoreSettings

NOW = datetime(2026, 3, 31, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=40)


class Deck:
    """The three parts of a store, and what was put into them."""

    def __init__(self, directory: Path, days: int) -> None:
        settings = StoreSettings(retention_days=days, grace_seconds=0)
        self.events = EventStore.open(directory / "events", settings, clock=FakeClock(NOW))
        self.catalogue = Catalogue.open(directory / "c.sqlite")
        self.bodies = BodyStore(directory / "bodies")
        self.retention = Retention(self.events, self.catalogue, self.bodies)
        self._sequence = 0

    def close(self) -> None:
        self.events.close()
        self.catalogue.close()

    def body(self, data: bytes, when: datetime) -> str:
        digest = self.bodies.put(data).sha256
        os.utime(self.bodies.path(digest), (when.timestamp(), when.timestamp()))
        return digest

    def take(self, *events: Event) -> None:
        self._sequence += 1
        self.events.append("s", self._sequence, events)
        self.events.commit()
        self.catalogue.apply([("s", self._sequence, index, event) for index, event in enumerate(events)])


@pytest.fixture(params=[30])
def deck(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Deck]:
    deck = Deck(tmp_path, request.param)
    yield deck
    deck.close()


def closed(when: datetime, transcript: str) -> Event:
    return SessionClose(
        time=when, sensor="s1", session="x", reason="peer", duration_ms=1, transcript=transcript
    )


def captured(when: datetime, digest: str) -> Event:
    return SampleCaptured(time=when, sensor="s1", src="192.0.2.1", sha256=digest, size=1, how="echo")


def test_transcripts_go_with_their_sessions_and_samples_stay(deck: Deck) -> None:
    sample, part = deck.body(b"sample", OLD), deck.body(b"part of it", OLD)
    transcript, recent, half = (deck.body(text, OLD) for text in (b"old", b"recent", b"half"))
    deck.take(
        captured(OLD, sample), closed(OLD, transcript), closed(OLD, half),
        ArtifactFound(time=OLD, sensor="w", sha256=part, parent_sha256=sample, relation="contains", size=1),
    )  # fmt: skip
    deck.take(closed(NOW, recent))
    assert deck.bodies.want(recent), "as the hub does when an event names it"
    deck.retention.forget(NOW)
    assert set(deck.bodies.digests()) == {sample, part, recent}
    assert [row["transcript"] for row in deck.events.snapshot().select()] == [recent]
    with deck.catalogue.ask() as queries:
        assert queries.sample(sample)
        assert queries.sightings(sample).rows == []


@pytest.mark.parametrize("deck", [0], indirect=True)
def test_without_a_limit_everything_stays(deck: Deck) -> None:
    digest = deck.body(b"old", OLD)
    deck.take(closed(OLD, digest))
    deck.retention.forget(NOW)
    assert deck.bodies.has(digest)
    assert len(list(deck.events.snapshot().select())) == 1


def test_bodies_are_walked_through_once_a_day(deck: Deck) -> None:
    deck.retention.forget(NOW)
    digest = deck.body(b"old", OLD)
    deck.retention.forget(NOW)
    assert deck.bodies.has(digest)
    deck.retention.forget(NOW + timedelta(days=1))
    assert not deck.bodies.has(digest)


def test_a_body_that_is_wanted_again_meanwhile_stays(deck: Deck, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = deck.body(b"old", OLD)
    real = deck.bodies.unwanted

    def wanted_after_it_was_listed(before: datetime) -> Iterator[str]:
        for found in list(real(before)):
            assert deck.bodies.want(found)
            yield found

    monkeypatch.setattr(deck.bodies, "unwanted", wanted_after_it_was_listed)
    deck.retention.forget(NOW)
    assert deck.bodies.has(digest)
