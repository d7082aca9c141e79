# SPDX-License-Identifier: Apache-2.0
"""Forget who came, as the event store forgets; what is known of the bodies themselves stays.

Sightings, source addresses and offers go with the events that they were made of. Samples with their first
and last time and number of sightings, artifacts, findings, scans, indicators and the URLs that gave a body
stay, and so do the digests of imported records, without which an import would not be idempotent.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, delete, exists

from mead.store.catalogue import tables

__all__ = ["Forgotten", "forget"]


class Forgotten(Struct, frozen=True, kw_only=True):
    """How many rows were forgotten."""

    sightings: int
    sources: int
    offers: int


def forget(connection: Connection, before: datetime) -> Forgotten:
    """Forget what was last true before a moment."""
    sightings, sources, offers = tables.sightings, tables.sample_sources, tables.offers
    seen_since = exists().where(sightings.c.sha256 == sources.c.sha256, sightings.c.src == sources.c.src)
    return Forgotten(
        sightings=connection.execute(delete(sightings).where(sightings.c.time < before)).rowcount,
        sources=connection.execute(
            delete(sources).where(sources.c.first_seen < before, ~seen_since)
        ).rowcount,
        offers=connection.execute(delete(offers).where(offers.c.last_seen < before)).rowcount,
    )
