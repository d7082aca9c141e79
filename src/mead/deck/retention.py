# SPDX-License-Identifier: Apache-2.0
"""Forget what is older than `store.retention_days`, in all parts of the store alike.

Events and their rollups go by whole days; from the catalogue go sightings, sources and offers; and of the
bodies those that no event of the kept days named and that are neither a sample nor part of one: transcripts,
requests, payloads. Samples, and what is known of them, are what the deck is for: they stay.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import islice

from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.events import EventStore

__all__ = ["Retention"]

log = logging.getLogger(__name__)

_AT_ONCE = 500


class Retention:
    """Forgets as often as it is asked to; bodies, which take a walk through their folders, once a day."""

    def __init__(self, events: EventStore, catalogue: Catalogue, bodies: BodyStore) -> None:
        self._events = events
        self._catalogue = catalogue
        self._bodies = bodies
        self._walked: datetime | None = None

    def forget(self, now: datetime) -> None:
        """Forget what is too old at `now`.

        Raises:
            StoreError: the disk fails; ask again later.
        """
        days = self._events.settings.retention_days
        self._events.retain(days)
        if days <= 0:
            return
        oldest = datetime.combine((now.astimezone(UTC) - timedelta(days=days)).date(), time.min, UTC)
        gone = self._catalogue.forget(oldest)
        if gone.sightings or gone.offers:
            log.info(
                "forgot %d sightings and %d offers before %s", gone.sightings, gone.offers, oldest.date()
            )
        if self._walked != oldest:
            self._forget_bodies(oldest)
            self._walked = oldest

    def _forget_bodies(self, oldest: datetime) -> None:
        forgotten = 0
        for digests in _in_lists(self._bodies.unwanted(oldest)):
            with self._catalogue.ask() as queries:
                known = queries.known_bodies(digests)
            forgotten += sum(self._bodies.forget(digest, oldest) for digest in digests if digest not in known)
        if forgotten:
            log.info("forgot %d bodies that nobody wanted since %s", forgotten, oldest.date())


def _in_lists(digests: Iterator[str]) -> Iterator[list[str]]:
    while some := list(islice(digests, _AT_ONCE)):
        yield some
