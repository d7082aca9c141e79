# SPDX-License-Identifier: Apache-2.0
"""The tables of the catalogue: what we know of each body, and how it came and belongs.

Everything here can be made again from the events; the catalogue is the part of them that people and
the analysis ask for by key. Rows refer to each other by digest without foreign keys, because events of
different sensors arrive in any order.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, Table, Text

from mead.store.catalogue.columns import Digest, Name, UtcTime

__all__ = [
    "applied", "artifacts", "findings", "imports", "indicators", "meta", "metadata", "offers",
    "sample_sources", "samples", "scans", "sightings", "url_bodies", "urls",
]  # fmt: skip

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)


def _event_key() -> list[Column[object]]:
    """Identity of the event that made the row."""
    return [
        Column("stream", Text, primary_key=True),
        Column("sequence", BigInteger, primary_key=True, autoincrement=False),
        Column("event_index", Integer, primary_key=True, autoincrement=False),
    ]


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

applied = Table(
    "applied",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("event_index", Integer, nullable=False),
)

samples = Table(
    "samples",
    metadata,
    Column("sha256", Digest, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("sightings", BigInteger, nullable=False),
    Index(None, "last_seen", "sha256"),
    Index(None, "first_seen"),
)

sample_sources = Table(
    "sample_sources",
    metadata,
    Column("sha256", Digest, primary_key=True),
    Column("src", Name, primary_key=True),
    Column("first_seen", UtcTime, nullable=False),
)

sightings = Table(
    "sightings",
    metadata,
    *_event_key(),
    Column("sha256", Digest, nullable=False),
    Column("time", UtcTime, nullable=False),
    Column("sensor", Name, nullable=False),
    Column("session", Name),
    Column("src", Name),
    Column("dst", Text),
    Column("dst_port", BigInteger),
    Column("service", Name),
    Column("how", Text, nullable=False),
    Column("name", Text),
    Column("url", Text),
    Column("offer", Name),
    Index(None, "sha256", "time"),
    Index(None, "session"),
    Index(None, "src", "time"),
    Index(None, "time"),
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("edge", Digest, primary_key=True),
    Column("parent_sha256", Digest, nullable=False),
    Column("sha256", Digest, nullable=False),
    Column("relation", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("name", Text),
    Column("detail", Text),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index(None, "parent_sha256", "edge"),
    Index(None, "sha256", "edge"),
)

findings = Table(
    "findings",
    metadata,
    Column("finding", Digest, primary_key=True),
    Column("sha256", Digest, nullable=False),
    Column("analyser", Text, nullable=False),
    Column("claim", Name, nullable=False),
    Column("value", Text),
    Column("rule", Text),
    Column("engine_version", Text),
    Column("database", Text),
    Column("confidence", BigInteger, nullable=False),
    Column("jail_level", Text),
    Column("evidence", Text, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index(None, "sha256", "finding"),
    Index(None, "claim", "first_seen"),
)

scans = Table(
    "scans",
    metadata,
    *_event_key(),
    Column("sha256", Digest, nullable=False),
    Column("engine", Name, nullable=False),
    Column("engine_version", Text),
    Column("database", Text),
    Column("verdict", Text, nullable=False),
    Column("reason", Text),
    Column("jail_level", Text),
    Column("duration_ms", BigInteger, nullable=False),
    Column("time", UtcTime, nullable=False),
    Index(None, "sha256", "engine", "time"),
)

indicators = Table(
    "indicators",
    metadata,
    Column("entry", Digest, primary_key=True),
    Column("sha256", Digest, nullable=False),
    Column("indicator_kind", Text, nullable=False),
    Column("indicator", Text, nullable=False),
    Column("indicator_key", Digest, nullable=False),
    Column("analyser", Text, nullable=False),
    Column("offset", BigInteger),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index(None, "sha256", "entry"),
    Index(None, "indicator_key"),
)

offers = Table(
    "offers",
    metadata,
    Column("offer", Name, primary_key=True),
    Column("url", Text, nullable=False),
    Column("url_key", Digest, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text),
    Column("policy", Text),
    Column("attempts", BigInteger, nullable=False),
    Column("final", Boolean, nullable=False),
    Column("outcome_time", UtcTime),
    Column("sha256", Digest),
    Column("tool", Text),
    Column("sensor", Name, nullable=False),
    Column("session", Name),
    Column("src", Name),
    Column("service", Name),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index(None, "last_seen", "offer"),
    Index(None, "state", "last_seen"),
    Index(None, "url_key"),
    Index(None, "session"),
)

urls = Table(
    "urls",
    metadata,
    Column("url_key", Digest, primary_key=True),
    Column("url", Text, nullable=False),
    Column("host", Name),
    Column("offers", BigInteger, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index(None, "last_seen", "url_key"),
    Index(None, "host"),
)

url_bodies = Table(
    "url_bodies",
    metadata,
    Column("edge", Digest, primary_key=True),
    Column("url_key", Digest, nullable=False),
    Column("sha256", Digest, nullable=False),
    Column("address", Text),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Index(None, "url_key", "edge"),
    Index(None, "sha256", "edge"),
)

imports = Table(
    "imports",
    metadata,
    Column("origin", Digest, primary_key=True),
    Column("time", UtcTime, nullable=False),
)
