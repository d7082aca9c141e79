# SPDX-License-Identifier: Apache-2.0
"""What the store holds in figures: counts, top sources, and how far attacks came.

The capture funnel has the classic four steps: a session (possible), an exploit or a login that we let in
(malicious), an offer of a body (offered), a body (captured). A session counts for every step up to the
highest that it, or a session it caused, reached. Offers that gave no body are counted by the reason.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import duckdb
import msgspec

from mead.errors import StoreError
from mead.store.reader import Snapshot

__all__ = ["Count", "Funnel", "Source", "Stats", "stats"]


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How many events (or offers) there are of something."""

    name: str
    count: int


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What one source did."""

    src: str
    events: int
    sessions: int
    days: int
    """Days on which it was seen."""
    samples: int


class Funnel(msgspec.Struct, frozen=True, kw_only=True):
    """Sessions by the step that they reached at least, and what became of the offers."""

    sessions: int
    malicious: int
    offered: int
    captured: int
    offers: int
    """Offers, each once however often it was tried."""
    fetched: int
    """Offers that gave a whole body."""
    left: tuple[Count, ...]
    """Offers that gave none, by the reason of the last attempt; `not tried yet` where there was none."""


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a period; `first` and `last` are the earliest and latest event in it."""

    since: datetime | None
    until: datetime | None
    first: datetime | None
    last: datetime | None
    events: int
    sources: int
    kinds: tuple[Count, ...]
    services: tuple[Count, ...]
    days: tuple[Count, ...]
    top_sources: tuple[Source, ...]
    funnel: Funnel


_FUNNEL = """
WITH steps AS (
  SELECT coalesce(parent, session) AS session, max(CASE
    WHEN kind IN ('sample.captured', 'file.uploaded', 'fetch.done') THEN 3
    WHEN kind = 'offer.seen' THEN 2
    WHEN kind IN ('exploit.seen', 'program.executed') OR (kind = 'login.attempt' AND success) THEN 1
    ELSE 0 END) AS step
  FROM period WHERE session IS NOT NULL GROUP BY 1
)
SELECT count(*), count(*) FILTER (step >= 1), count(*) FILTER (step >= 2), count(*) FILTER (step >= 3)
FROM steps
"""

_OFFERS = """
SELECT outcome, count(*) FROM (
  SELECT offer, CASE
    WHEN count(*) FILTER (kind = 'fetch.done') > 0 THEN NULL
    ELSE coalesce(arg_max(reason, time) FILTER (kind IN ('fetch.failed', 'fetch.refused')), 'not tried yet')
    END AS outcome
  FROM period WHERE offer IS NOT NULL
    AND kind IN ('offer.seen', 'fetch.done', 'fetch.failed', 'fetch.refused')
  GROUP BY offer HAVING count(*) FILTER (kind = 'offer.seen') > 0
) GROUP BY outcome ORDER BY 2 DESC, 1
"""

_SOURCES = """
SELECT src, CAST(sum(events) AS BIGINT), CAST(sum(sessions) AS BIGINT), count(DISTINCT day),
  CAST(sum(samples) AS BIGINT)
FROM sources GROUP BY src ORDER BY 2 DESC, 1 LIMIT ?
"""

_RAW_SOURCES = """
CREATE VIEW sources AS SELECT CAST(time AS DATE) AS day, src, count(*) AS events,
  count(*) FILTER (kind = 'session.open') AS sessions, count(*) FILTER (kind = 'sample.captured') AS samples
FROM period WHERE src IS NOT NULL GROUP BY ALL
"""

_RAW_COUNTS = """
CREATE VIEW counts AS SELECT CAST(time AS DATE) AS day, kind, service, count(*) AS events
FROM period GROUP BY ALL
"""


def stats(
    snapshot: Snapshot, *, since: datetime | None = None, until: datetime | None = None, top: int = 10
) -> Stats:
    """The figures of a period (`since` included, `until` not; the whole store without them).

    Raises:
        StoreError: a file of the snapshot cannot be read.
    """
    connection = snapshot.connect(since, until)
    try:
        _prepare(connection, whole=since is None and until is None)
        return _computed(connection, since, until, top)
    except duckdb.Error as error:
        raise StoreError(f"cannot compute the figures: {str(error).splitlines()[0]}") from error
    finally:
        connection.close()


def _prepare(connection: duckdb.DuckDBPyConnection, *, whole: bool) -> None:
    """The views that the queries share; the rollups serve when the period is the whole store."""
    connection.execute("CREATE VIEW period AS SELECT * FROM events")
    if whole:
        connection.execute("CREATE VIEW sources AS SELECT * FROM source_day")
        connection.execute(
            "CREATE VIEW counts AS SELECT CAST(hour AS DATE) AS day, kind, service, events FROM hourly"
        )
    else:
        connection.execute(_RAW_SOURCES)
        connection.execute(_RAW_COUNTS)


def _computed(
    connection: duckdb.DuckDBPyConnection, since: datetime | None, until: datetime | None, top: int
) -> Stats:
    def rows(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        return connection.execute(query, list(parameters)).fetchall()

    def counts(column: str, order: str) -> tuple[Count, ...]:
        query = (
            f"SELECT {column}, CAST(sum(events) AS BIGINT) FROM counts "  # noqa: S608  # our own names
            f"WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY {order}"
        )
        return tuple(Count(name=_name(name), count=count) for name, count in rows(query))

    kinds = counts("kind", "2 DESC, 1")
    first, last = rows("SELECT min(time), max(time) FROM period")[0]
    return Stats(
        since=since,
        until=until,
        first=first,
        last=last,
        events=sum(count.count for count in kinds),
        sources=rows("SELECT count(DISTINCT src) FROM sources")[0][0],
        kinds=kinds,
        services=counts("service", "2 DESC, 1"),
        days=counts("day", "1"),
        top_sources=tuple(
            Source(src=src, events=events, sessions=sessions, days=days, samples=samples)
            for src, events, sessions, days, samples in rows(_SOURCES, top)
        ),
        funnel=_funnel(rows(_FUNNEL)[0], rows(_OFFERS)),
    )


def _funnel(steps: tuple[Any, ...], offers: list[tuple[Any, ...]]) -> Funnel:
    sessions, malicious, offered, captured = steps
    left = tuple(Count(name=reason, count=count) for reason, count in offers if reason is not None)
    return Funnel(
        sessions=sessions,
        malicious=malicious,
        offered=offered,
        captured=captured,
        offers=sum(count for _, count in offers),
        fetched=sum(count for reason, count in offers if reason is None),
        left=left,
    )


def _name(value: object) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)
