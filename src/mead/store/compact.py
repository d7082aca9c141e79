# SPDX-License-Identifier: Apache-2.0
"""Compaction: many small segments become few, and closed days become sorted files with their rollups.

Two kinds of work, both from immutable files to immutable files, so that a crash at any moment costs only
time: days still open have equal-sized segments merged (each event is rewritten log(segments) times); a
closed day becomes one segment sorted by source, and its rollups are computed from that segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from mead.errors import StoreError
from mead.store.connection import connect, events_sql, files_sql, quoted
from mead.store.durable import publish
from mead.store.manifest import SORTED, Manifest, Rollup, Segment
from mead.store.rollups import ROLLUP_VERSION, ROLLUPS, rolled_days
from mead.store.rows import LAYOUT
from mead.store.segments import COMPRESSION_LEVEL, file_name
from mead.store.sequences import Range
from mead.store.settings import StoreSettings

__all__ = ["Compacted", "Work", "execute", "plan"]


@dataclass(frozen=True, slots=True)
class Work:
    """Segments of one day that are to become one."""

    day: str
    segments: tuple[Segment, ...]
    closes: bool
    """Whether the day is over: the result is sorted and rolled up."""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What a piece of work made; on disk, but not in the manifest yet."""

    segment: Segment
    rollups: tuple[Rollup, ...]


def plan(manifest: Manifest, now: datetime, settings: StoreSettings) -> list[Work]:
    """What is worth doing at `now`, earliest day first."""
    today = (now.astimezone(UTC) - timedelta(minutes=settings.close_after_minutes)).date().isoformat()
    rolled = rolled_days(manifest)
    days: dict[str, list[Segment]] = {}
    for segment in manifest.segments:
        days.setdefault(segment.day, []).append(segment)
    work: list[Work] = []
    for day in sorted(days):
        if day < today:
            if day not in rolled or len(days[day]) > 1:
                work.append(Work(day, tuple(days[day]), closes=True))
        else:
            work += _merges(day, days[day], settings.merge_width)
    return work


def _merges(day: str, segments: Sequence[Segment], width: int) -> list[Work]:
    levels: dict[int, list[Segment]] = {}
    for segment in segments:
        levels.setdefault(segment.level, []).append(segment)
    return [
        Work(day, tuple(alike), closes=False)
        for level, alike in sorted(levels.items())
        if len(alike) >= width and level != SORTED
    ]


def execute(directory: Path, manifest: Manifest, work: Work, settings: StoreSettings) -> Compacted:
    """Write the covering segment, and the rollups of a closed day, durably.

    Raises:
        StoreError: a file cannot be read, or what was written does not hold every row that was read.
        duckdb.IOException: the disk is full or broken; nothing new is left on it.
    """
    inputs = [directory / segment.path for segment in work.segments]
    temporary = directory / "tmp"
    connection = connect(settings, files=inputs, spill=temporary / "spill", writable=temporary)
    made: list[Path] = []
    try:
        connection.execute(f"CREATE VIEW events AS {events_sql(directory, manifest, work.segments)}")
        segment = _segment(connection, directory, manifest, work, settings, made)
        rollups = _rollups(connection, directory, manifest, work, made) if work.closes else ()
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise
    finally:
        connection.close()
    return Compacted(segment, rollups)


def _segment(
    connection: duckdb.DuckDBPyConnection,
    directory: Path,
    manifest: Manifest,
    work: Work,
    settings: StoreSettings,
    made: list[Path],
) -> Segment:
    order = "src, time, stream, seq, idx" if work.closes else "time, stream, seq, idx"
    tier = "sorted" if work.closes else "merged"
    query = f"SELECT * FROM events ORDER BY {order}"  # noqa: S608  # our own names
    name = file_name(tier, manifest.generation)
    path, rows = _copy(connection, directory, work.day, name, query, made, settings.row_group_rows)
    expected = sum(segment.rows for segment in work.segments)
    if rows != expected:
        message = (
            f"compaction of {work.day} read {rows} events, the manifest says {expected}: the old segments "
            "were kept; look at the disk, then run `mead check`"
        )
        raise StoreError(message)
    return Segment(
        path=str(path.relative_to(directory)),
        day=work.day,
        level=SORTED if work.closes else work.segments[0].level + 1,
        rows=rows,
        size_bytes=path.stat().st_size,
        first_time=min(segment.first_time for segment in work.segments),
        last_time=max(segment.last_time for segment in work.segments),
        layout=LAYOUT,
        sequences=_covering(work.segments),
    )


def _rollups(
    connection: duckdb.DuckDBPyConnection, directory: Path, manifest: Manifest, work: Work, made: list[Path]
) -> tuple[Rollup, ...]:
    rollups = []
    for name, query in ROLLUPS.items():
        file = file_name(name, manifest.generation)
        path, rows = _copy(
            connection, directory, work.day, file, query.format(events="events"), made, 122_880
        )
        relative = str(path.relative_to(directory))
        rollups.append(Rollup(path=relative, day=work.day, name=name, version=ROLLUP_VERSION, rows=rows))
    return tuple(rollups)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    directory: Path,
    day: str,
    name: str,
    query: str,
    made: list[Path],
    row_group_rows: int,
) -> tuple[Path, int]:
    temporary, final = directory / "tmp" / name, directory / f"day={day}" / name
    made += [temporary, final]
    connection.execute(
        f"COPY ({query}) TO {quoted(str(temporary))} (FORMAT parquet, COMPRESSION zstd, PARQUET_VERSION v2, "
        f"COMPRESSION_LEVEL {COMPRESSION_LEVEL}, ROW_GROUP_SIZE {row_group_rows}, USE_TMP_FILE false)"
    )
    counted = connection.execute(f"SELECT count(*) FROM {files_sql([temporary])}").fetchone()  # noqa: S608  # our own path
    publish(temporary, final)
    return final, int(counted[0]) if counted else 0


def _covering(segments: Sequence[Segment]) -> dict[str, Range]:
    covering: dict[str, Range] = {}
    for segment in segments:
        for stream, (first, last) in segment.sequences.items():
            known = covering.get(stream, (first, last))
            covering[stream] = (min(first, known[0]), max(last, known[1]))
    return covering
