# SPDX-License-Identifier: Apache-2.0
"""Rollups: small tables that answer the usual questions without reading every event.

    hourly      hour, sensor, kind, service, transport, dst_port → events
    source_day  day, src, sensor, service → events, sessions, logins, exploits, offers, samples,
                first_time, last_time
    attacks     src, sensor, transport, dst_port → first_time, last_time, flows: one row per attack

An attack is every flow (session or scan) of one source to one sensor, transport and port with gaps of less
than 300 seconds. What is stored of a day are its *fragments*, computed from that day alone; those that
touch midnight are joined when read. So no day depends on another, and late events change only their day.

Of closed days the views read the rollups, of all other days the events: the answer is the same. The queries
keep to the SQL that sqlglot carries over to Spark, ClickHouse and Trino: times are compared with a time plus
an interval, and never subtracted or counted in microseconds.
Source: `R2` of the standard report; the result is checked against the raw events in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mead.store.connection import events_sql, files_sql
from mead.store.manifest import Manifest

__all__ = ["ATTACK_GAP_SECONDS", "ROLLUPS", "ROLLUP_VERSION", "rolled_days", "view_sql"]

ROLLUP_VERSION = 1
"""Raised when a rollup's definition changes; days rolled up by an older one are read raw and redone."""

ATTACK_GAP_SECONDS = 300
_GAP = f"INTERVAL '{ATTACK_GAP_SECONDS} seconds'"
_KEY = "src, sensor, transport, dst_port"
_BEFORE = "ROWS UNBOUNDED PRECEDING"

_HOURLY = """
SELECT date_trunc('hour', time) AS hour, sensor, kind, service, transport, dst_port, count(*) AS events
FROM {events} GROUP BY ALL ORDER BY ALL
"""

_SOURCE_DAY = """
SELECT CAST(time AS DATE) AS day, src, sensor, service, count(*) AS events,
  count(*) FILTER (kind = 'session.open') AS sessions,
  count(*) FILTER (kind = 'login.attempt') AS logins,
  count(*) FILTER (kind = 'exploit.seen') AS exploits,
  count(*) FILTER (kind = 'offer.seen') AS offers,
  count(*) FILTER (kind = 'sample.captured') AS samples,
  min(time) AS first_time, max(time) AS last_time
FROM {events} WHERE src IS NOT NULL GROUP BY ALL ORDER BY src, sensor, service
"""

_FRAGMENTS = f"""
WITH flows AS (
  SELECT CAST(time AS DATE) AS day, {_KEY}, time FROM {{events}}
  WHERE kind IN ('session.open', 'scan.seen') AND src IS NOT NULL
), followed AS (
  SELECT *, lag(time) OVER (PARTITION BY day, {_KEY} ORDER BY time) AS before FROM flows
), numbered AS (
  SELECT *, sum(CASE WHEN time < before + {_GAP} THEN 0 ELSE 1 END)
    OVER (PARTITION BY day, {_KEY} ORDER BY time {_BEFORE}) AS number
  FROM followed
)
SELECT day, {_KEY}, min(time) AS first_time, max(time) AS last_time, count(*) AS flows
FROM numbered GROUP BY day, {_KEY}, number ORDER BY src, first_time
"""  # noqa: S608  # our own names

_ATTACKS = f"""
WITH fragments AS ({{fragments}}), placed AS (
  SELECT *, first_time < CAST(day AS TIMESTAMPTZ) + {_GAP}
    OR last_time + {_GAP} > CAST(day AS TIMESTAMPTZ) + INTERVAL '1 day' AS at_midnight
  FROM fragments
), followed AS (
  SELECT *, lag(last_time) OVER (PARTITION BY {_KEY} ORDER BY first_time) AS before
  FROM placed WHERE at_midnight
), numbered AS (
  SELECT *, sum(CASE WHEN first_time < before + {_GAP} THEN 0 ELSE 1 END)
    OVER (PARTITION BY {_KEY} ORDER BY first_time {_BEFORE}) AS number
  FROM followed
)
SELECT {_KEY}, first_time, last_time, flows FROM placed WHERE NOT at_midnight
UNION ALL
SELECT {_KEY}, min(first_time), max(last_time), CAST(sum(flows) AS BIGINT)
FROM numbered GROUP BY {_KEY}, number
"""  # noqa: S608  # our own names

ROLLUPS: Mapping[str, str] = {"hourly": _HOURLY, "source_day": _SOURCE_DAY, "attacks": _FRAGMENTS}
"""Name of each stored rollup to the query that makes it, with `{events}` for the events' relation."""


def rolled_days(manifest: Manifest) -> set[str]:
    """The days whose rollups are complete and of this version."""
    found: dict[str, set[str]] = {}
    for rollup in manifest.rollups:
        if rollup.version == ROLLUP_VERSION:
            found.setdefault(rollup.day, set()).add(rollup.name)
    return {day for day, names in found.items() if names == set(ROLLUPS)}


def view_sql(name: str, directory: Path, manifest: Manifest) -> str:
    """The query behind the view `name`: rollups of the rolled days and the events of all others."""
    rolled = rolled_days(manifest)
    files = [
        directory / entry.path for entry in manifest.rollups if entry.name == name and entry.day in rolled
    ]
    open_segments = [segment for segment in manifest.segments if segment.day not in rolled]
    parts = [f"SELECT * FROM {files_sql(files)}"] if files else []  # noqa: S608  # our own paths
    if open_segments or not files:
        raw = ROLLUPS[name].format(events=f"({events_sql(directory, manifest, open_segments)})")
        parts.append(f"SELECT * FROM ({raw})")  # noqa: S608  # our own names
    stored = " UNION ALL BY NAME ".join(parts)
    return _ATTACKS.format(fragments=stored) if name == "attacks" else stored
