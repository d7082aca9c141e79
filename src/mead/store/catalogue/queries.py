# SPDX-License-Identifier: Apache-2.0
"""What is asked of the catalogue; every listing comes in pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, distinct, func, select

from mead.errors import ConfigError
from mead.store.catalogue import rows, tables
from mead.store.catalogue.columns import key_of
from mead.store.catalogue.overdue import overdue
from mead.store.catalogue.paging import Order, page

__all__ = ["Queries"]

T = TypeVar("T", bound=msgspec.Struct)

_CHUNK = 500
_PREFIX = re.compile(r"[0-9a-f]{4,64}")
_LOOKED = ("found", "clean", "done")


def _columns(table: Table, row_type: type[msgspec.Struct]) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in row_type.__struct_fields__]


class Queries:
    """Questions to an open connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def samples(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        detected: bool | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> rows.Page[rows.Sample]:
        """Samples, the last seen first; `since` and `until` bound when they were last seen."""
        query = _sample_query()
        seen = tables.samples.c.last_seen
        if since is not None:
            query = query.where(seen >= since)
        if until is not None:
            query = query.where(seen < until)
        if detected is not None:
            hit = _engines(("found",)) > 0
            query = query.where(hit if detected else ~hit)
        return self._page(query, [(seen, True), (tables.samples.c.sha256, False)], rows.Sample, limit, after)

    def sample(self, sha256: str) -> rows.Sample | None:
        """One sample."""
        found = (
            self._connection.execute(_sample_query().where(tables.samples.c.sha256 == sha256))
            .mappings()
            .first()
        )
        return None if found is None else rows.Sample(**found)

    def matching(self, prefix: str, *, limit: int = 10) -> list[str]:
        """Digests of bodies (samples and their artifacts) that begin with these hex digits.

        Raises:
            ConfigError: it is not 4 to 64 hex digits.
        """
        text = prefix.lower()
        if not _PREFIX.fullmatch(text):
            raise ConfigError(f"not a digest or the first 4 or more digits of one: {prefix[:70]!r}")
        low, high = text.ljust(64, "0"), text.ljust(64, "f")
        found: set[str] = set()
        for column in (tables.samples.c.sha256, tables.artifacts.c.sha256):
            query = select(column).where(column.between(low, high)).distinct().order_by(column).limit(limit)
            found.update(self._connection.execute(query).scalars())
        return sorted(found)[:limit]

    def sightings(
        self, sha256: str, *, limit: int = 100, after: str | None = None
    ) -> rows.Page[rows.Sighting]:
        """How a sample reached us, the first time first."""
        return self._of_body(
            tables.sightings, "sha256", sha256, _by_event(tables.sightings), rows.Sighting, limit, after
        )

    def children(self, sha256: str, *, limit: int = 100, after: str | None = None) -> rows.Page[rows.Edge]:
        """What came out of a body."""
        order = [(tables.artifacts.c.edge, False)]
        return self._of_body(tables.artifacts, "parent_sha256", sha256, order, rows.Edge, limit, after)

    def parents(self, sha256: str, *, limit: int = 100, after: str | None = None) -> rows.Page[rows.Edge]:
        """What a body came out of."""
        order = [(tables.artifacts.c.edge, False)]
        return self._of_body(tables.artifacts, "sha256", sha256, order, rows.Edge, limit, after)

    def findings(
        self, sha256: str, *, limit: int = 1000, after: str | None = None
    ) -> rows.Page[rows.Finding]:
        """What is claimed of a body."""
        order = [(tables.findings.c.finding, False)]
        return self._of_body(tables.findings, "sha256", sha256, order, rows.Finding, limit, after)

    def indicators(
        self, sha256: str, *, limit: int = 1000, after: str | None = None
    ) -> rows.Page[rows.Indicator]:
        """Indicators found inside a body."""
        order = [(tables.indicators.c.entry, False)]
        return self._of_body(tables.indicators, "sha256", sha256, order, rows.Indicator, limit, after)

    def bodies_with(
        self, indicator: str, *, limit: int = 100, after: str | None = None
    ) -> rows.Page[rows.Indicator]:
        """Bodies in which exactly this indicator was found."""
        order = [(tables.indicators.c.entry, False)]
        return self._of_body(
            tables.indicators, "indicator_key", key_of(indicator), order, rows.Indicator, limit, after
        )

    def scan_history(
        self, sha256: str, *, limit: int = 1000, after: str | None = None
    ) -> rows.Page[rows.Scan]:
        """Every scan of a body, the first first."""
        return self._of_body(tables.scans, "sha256", sha256, _by_event(tables.scans), rows.Scan, limit, after)

    def time_to_detection(self, sha256: str) -> list[rows.Detection]:
        """Per engine, how long it took to know a body; engines that only fail or skip are listed too."""
        first_seen = self._first_seen(sha256)
        if first_seen is None:
            return []
        scans = tables.scans
        query = (
            select(scans.c.engine, scans.c.time, scans.c.verdict, scans.c.database)
            .where(scans.c.sha256 == sha256)
            .where(scans.c.verdict.in_(("found", "clean", "skipped", "failed")))
            .order_by(scans.c.engine, scans.c.time)
        )
        history: dict[str, list[tuple[datetime, str, str | None]]] = {}
        for engine, *scan in self._connection.execute(query):
            history.setdefault(engine, []).append((scan[0], scan[1], scan[2]))
        return [_detection(engine, first_seen, scans) for engine, scans in history.items()]

    def _first_seen(self, sha256: str) -> datetime | None:
        """When a body first reached us, as itself or inside another one."""
        times = [
            self._connection.execute(
                select(func.min(table.c.first_seen)).where(table.c.sha256 == sha256)
            ).scalar()
            for table in (tables.samples, tables.artifacts)
        ]
        return min((time for time in times if time is not None), default=None)

    def overdue(
        self,
        engine: str,
        version: str | None,
        database: str | None,
        *,
        since: datetime,
        looked_before: datetime,
        limit: int = 100,
    ) -> list[str]:
        """Bodies that an engine has not judged with these signatures, the youngest first."""
        return overdue(
            self._connection, engine, version, database, since=since, looked_before=looked_before, limit=limit
        )

    def offers(
        self,
        *,
        state: str | None = None,
        session: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> rows.Page[rows.Offer]:
        """Offers, the last touched first."""
        query = select(*_columns(tables.offers, rows.Offer))
        if state is not None:
            query = query.where(tables.offers.c.state == state)
        if session is not None:
            query = query.where(tables.offers.c.session == session)
        order: list[Order] = [(tables.offers.c.last_seen, True), (tables.offers.c.offer, False)]
        return self._page(query, order, rows.Offer, limit, after)

    def offers_by_state(self) -> dict[str, int]:
        """How many offers are in each state."""
        state = tables.offers.c.state
        found = self._connection.execute(select(state, func.count()).group_by(state))
        return {name: count for name, count in found if name}

    def offers_by_policy(self) -> dict[str, int]:
        """How many offers were left, by the egress policy that left them."""
        policy = tables.offers.c.policy
        query = select(policy, func.count()).where(tables.offers.c.state == "refused").group_by(policy)
        return {name or "": count for name, count in self._connection.execute(query)}

    def urls_of(self, sha256: str, *, limit: int = 100, after: str | None = None) -> rows.Page[rows.UrlBody]:
        """URLs that gave this body."""
        return self._url_bodies(tables.url_bodies.c.sha256 == sha256, limit, after)

    def bodies_of(self, url: str, *, limit: int = 100, after: str | None = None) -> rows.Page[rows.UrlBody]:
        """Bodies that this URL gave."""
        return self._url_bodies(tables.url_bodies.c.url_key == key_of(url), limit, after)

    def known_samples(self, digests: Iterable[str]) -> set[str]:
        """Which of these are samples already."""
        return self._present(tables.samples.c.sha256, list(digests))

    def known_bodies(self, digests: Iterable[str]) -> set[str]:
        """Which of these are samples, came out of one, or had something come out of them."""
        keys, artifacts = list(digests), tables.artifacts.c
        columns: Sequence[ColumnElement[Any]] = (
            tables.samples.c.sha256,
            artifacts.sha256,
            artifacts.parent_sha256,
        )
        return {found for column in columns for found in self._present(column, keys)}

    def seen_origins(self, origins: Iterable[str]) -> set[str]:
        """Which of these foreign records were imported already."""
        by_key = {key_of(origin): origin for origin in origins}
        return {by_key[key] for key in self._present(tables.imports.c.origin, list(by_key))}

    def _present(self, column: ColumnElement[Any], keys: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for start in range(0, len(keys), _CHUNK):
            query = select(column).where(column.in_(keys[start : start + _CHUNK]))
            found.update(self._connection.execute(query).scalars())
        return found

    def positions(self) -> dict[str, int]:
        """Sequence of the last message applied, per stream."""
        return {row.stream: row.sequence for row in self._connection.execute(select(tables.applied))}

    def _url_bodies(
        self, where: ColumnElement[bool], limit: int, after: str | None
    ) -> rows.Page[rows.UrlBody]:
        bodies, urls = tables.url_bodies, tables.urls
        names = ("edge", "sha256", "address", "first_seen", "last_seen")
        joined = bodies.join(urls, bodies.c.url_key == urls.c.url_key)
        query = select(urls.c.url, *(bodies.c[name] for name in names)).select_from(joined).where(where)
        return self._page(query, [(bodies.c.edge, False)], rows.UrlBody, limit, after)

    def _of_body(
        self,
        table: Table,
        column: str,
        key: str,
        order: Sequence[Order],
        row_type: type[T],
        limit: int,
        after: str | None,
    ) -> rows.Page[T]:
        query = select(*_columns(table, row_type)).where(table.c[column] == key)
        return self._page(query, order, row_type, limit, after)

    def _page(
        self, query: Select[Any], order: Sequence[Order], row_type: type[T], limit: int, after: str | None
    ) -> rows.Page[T]:
        return page(self._connection, query, order, row_type, limit=limit, after=after)


def _by_event(table: Table) -> list[Order]:
    return [(table.c[name], False) for name in ("time", "stream", "sequence", "event_index")]


def _engines(verdicts: Sequence[str]) -> Any:
    """Engines with history (their signatures have a version) that gave one of these verdicts."""
    scans = tables.scans
    return (
        select(func.count(distinct(scans.c.engine)))
        .where(scans.c.sha256 == tables.samples.c.sha256)
        .where(scans.c.verdict.in_(verdicts))
        .where(scans.c.database.is_not(None))
        .correlate(tables.samples)
        .scalar_subquery()
    )


def _sample_query() -> Select[Any]:
    sources = (
        select(func.count())
        .select_from(tables.sample_sources)
        .where(tables.sample_sources.c.sha256 == tables.samples.c.sha256)
        .correlate(tables.samples)
        .scalar_subquery()
    )
    return select(
        tables.samples,
        sources.label("sources"),
        _engines(_LOOKED).label("engines"),
        _engines(("found",)).label("detections"),
    )


def _detection(
    engine: str, first_seen: datetime, scans: Sequence[tuple[datetime, str, str | None]]
) -> rows.Detection:
    looked = [(time, verdict, database) for time, verdict, database in scans if verdict in {"found", "clean"}]
    found = next(((time, database) for time, verdict, database in looked if verdict == "found"), None)
    until = found[0] if found else None
    clean = [time for time, verdict, _ in looked if verdict == "clean" and (until is None or time < until)]
    return rows.Detection(
        engine=engine,
        first_seen=first_seen,
        first_scan=looked[0][0] if looked else None,
        last_clean=clean[-1] if clean else None,
        first_found=until,
        database=found[1] if found else None,
        seconds=(until - first_seen).total_seconds() if until else None,
    )
