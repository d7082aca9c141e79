# SPDX-License-Identifier: Apache-2.0
"""What the catalogue answers with."""

from __future__ import annotations

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Struct

__all__ = [
    "Detection", "Edge", "Finding", "Indicator", "Offer", "Page", "Sample", "Scan", "Sighting", "UrlBody",
]  # fmt: skip

T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True):
    """Some rows, and where the next page starts."""

    rows: list[T]
    next: str | None
    """Hand this back as `after`; None on the last page."""


class Sample(Struct, frozen=True, kw_only=True):
    """A unique body that reached us."""

    sha256: str
    size: int
    first_seen: datetime
    last_seen: datetime
    sightings: int
    sources: int
    """Distinct source addresses, as far as they are remembered (`store.retention_days`)."""
    engines: int
    """Scan engines that gave a verdict at least once: `found`, `clean` or `done`."""
    detections: int
    """Scan engines that found something at least once."""


class Sighting(Struct, frozen=True, kw_only=True):
    """One way in which a sample reached us."""

    stream: str
    sequence: int
    event_index: int
    sha256: str
    time: datetime
    sensor: str
    session: str | None
    src: str | None
    dst: str | None
    dst_port: int | None
    service: str | None
    how: str
    name: str | None
    url: str | None
    offer: str | None


class Edge(Struct, frozen=True, kw_only=True):
    """A child that came out of a parent."""

    edge: str
    parent_sha256: str
    sha256: str
    relation: str
    size: int
    name: str | None
    detail: str | None
    first_seen: datetime
    last_seen: datetime


class Finding(Struct, frozen=True, kw_only=True):
    """A claim with its evidence, and when it was first and last made."""

    finding: str
    sha256: str
    analyser: str
    claim: str
    value: str | None
    rule: str | None
    engine_version: str | None
    database: str | None
    confidence: int
    jail_level: str | None
    evidence: list[str]
    first_seen: datetime
    last_seen: datetime


class Scan(Struct, frozen=True, kw_only=True):
    """One engine's look at one body."""

    stream: str
    sequence: int
    event_index: int
    sha256: str
    engine: str
    engine_version: str | None
    database: str | None
    verdict: str
    reason: str | None
    jail_level: str | None
    duration_ms: int
    time: datetime


class Detection(Struct, frozen=True, kw_only=True):
    """How long one engine needed to know one sample.

    The engine learnt it somewhere between `last_clean` and `first_found`; without an earlier clean scan,
    it knew the sample when it first looked, and the delay says how late we looked.
    """

    engine: str
    first_seen: datetime
    """When the sample first reached us."""
    first_scan: datetime | None
    """First scan that gave a verdict; skipped and failed ones give none."""
    last_clean: datetime | None
    """Last clean scan before the first hit, or at all where there is no hit."""
    first_found: datetime | None
    database: str | None
    """Signatures that hit first."""
    seconds: float | None
    """From `first_seen` to `first_found`; None while the engine does not know the sample."""


class Indicator(Struct, frozen=True, kw_only=True):
    """A URL, address, domain … inside a body, raw."""

    entry: str
    sha256: str
    indicator_kind: str
    indicator: str
    analyser: str
    offset: int | None
    first_seen: datetime
    last_seen: datetime


class Offer(Struct, frozen=True, kw_only=True):
    """A place that somebody named, and what came of following it."""

    offer: str
    url: str
    state: str
    """`offered`, `fetched`, `failed` or `refused`."""
    reason: str | None
    policy: str | None
    attempts: int
    sha256: str | None
    tool: str | None
    sensor: str
    session: str | None
    src: str | None
    service: str | None
    first_seen: datetime
    last_seen: datetime


class UrlBody(Struct, frozen=True, kw_only=True):
    """A URL that gave a body."""

    edge: str
    url: str
    sha256: str
    address: str | None
    first_seen: datetime
    last_seen: datetime
