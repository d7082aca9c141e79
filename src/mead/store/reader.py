# SPDX-License-Identifier: Apache-2.0
"""Reading events: a snapshot is one manifest and sees exactly what that one lists.

Any number of processes read while one writes. A snapshot stays whole for the store's grace after it was
taken; a follower takes a new one each time and asks for what came after its last position.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from mead.errors import ConfigError, MeadError, StoreError
from mead.model.event import Event
from mead.store.connection import connect, events_sql
from mead.store.manifest import Manifest, Segment, load
from mead.store.rollups import ROLLUPS, view_sql
from mead.store.rows import NAMES, event_of, row_of
from mead.store.sequences import Position, Range, difference
from mead.store.settings import StoreSettings
from mead.store.where import Condition, parse_where

__all__ = ["Snapshot", "StoredEvents", "is_spill_of_the_living"]

_SPILL = "spill-"
_spills = itertools.count()
_CHUNK_ROWS = 1_000_000
"""Days are read together up to about so many events, so that sorting them stays cheap."""
_FETCH_ROWS = 2_000


class Snapshot:
    """The store at one moment. Not for several threads at once."""

    def __init__(self, directory: Path, manifest: Manifest, settings: StoreSettings) -> None:
        self.manifest = manifest
        self._directory = directory
        self._settings = settings
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def position(self) -> Position:
        """What of each stream this snapshot holds; hand it to a later one as `after`."""
        return self.manifest.streams

    def connect(
        self, since: datetime | None = None, until: datetime | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A locked-down connection with the views `events`, `hourly`, `source_day` and `attacks`.

        `since` and `until` restrict the view `events`; the rollups are always of the whole store.
        """
        connection = self._open()
        since, until = _utc(since), _utc(until)
        try:
            events = f"SELECT * FROM ({self._relation(self.segments(since, until))})"  # noqa: S608  # ours
            bounds = [f"time >= {_moment(since)}"] if since else []
            bounds += [f"time < {_moment(until)}"] if until else []
            events += f" WHERE {' AND '.join(bounds)}" if bounds else ""
            connection.execute(f"CREATE VIEW events AS {events}")
            for name in ROLLUPS:
                connection.execute(f"CREATE VIEW {name} AS {view_sql(name, self._directory, self.manifest)}")
        except duckdb.Error as error:
            connection.close()
            raise self._unreadable(error) from error
        return connection

    def segments(
        self, since: datetime | None = None, until: datetime | None = None, after: Position | None = None
    ) -> list[Segment]:
        """The segments that may hold events of this time or after this position."""
        missing = None if after is None else difference(self.position, after)
        return [
            segment
            for segment in self.manifest.segments
            if (since is None or segment.last_time >= since)
            and (until is None or segment.first_time < until)
            and (missing is None or _overlaps(segment, missing))
        ]

    def select(
        self,
        where: str | Condition | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        kinds: Sequence[str] = (),
        after: Position | None = None,
        newest_first: bool = False,
        columns: Sequence[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        """Events as dictionaries, in the order of their time; absent fields are left out, lists are lists.

        `since` is included, `until` is not. Memory does not grow with the number of events, and a reader
        that stops early costs only the days that it saw.

        Raises:
            ConfigError: `where` is refused, or fails on the data (a regular expression, an overflow).
            StoreError: a file of the snapshot cannot be read.
        """
        condition = parse_where(where) if isinstance(where, str) else where
        since, until = _utc(since), _utc(until)
        tests, parameters = _tests(since, until, kinds)
        if condition:
            tests.append(f"({condition.sql})")
            parameters += condition.parameters
        if after is not None:
            tests.append(_after(difference(self.position, after)))
        segments = self.segments(since, until, after)
        return self._rows(segments, " AND ".join(tests) or "true", parameters, limit, newest_first, columns)

    def events(
        self, *, after: Position | None = None, kinds: Sequence[str] = ()
    ) -> Iterator[tuple[str, int, int, Event]]:
        """Events with their identity (stream, sequence, index), in the order of that identity.

        Rows that this MEAD cannot turn into an event of its catalogue any more are left out, so take the
        index from here and do not count.
        """
        tests, parameters = _tests(None, None, kinds)
        if after is not None:
            tests.append(_after(difference(self.position, after)))
        segments = self.segments(after=after)
        query = (
            f"SELECT {', '.join(_quoted(NAMES))} FROM ({self._relation(segments)}) AS events "  # noqa: S608  # ours
            f'WHERE {" AND ".join(tests) or "true"} ORDER BY "stream", "seq", "idx"'
        )
        for row in self._run(query, parameters) if segments else ():
            event = event_of(row)
            if event is not None:
                yield row["stream"], row["seq"], row["idx"], event

    def analysed(self) -> set[str]:
        """Digests of all bodies that were looked at."""
        query = (
            f"SELECT DISTINCT sha256 FROM ({self._relation(self.segments())}) AS events "  # noqa: S608  # ours
            "WHERE kind = 'analysis.done'"
        )
        return {row["sha256"] for row in self._run(query, ())}

    def explained(self, error: duckdb.Error) -> MeadError:
        """What to raise when a query fails: a file cannot be read, or the condition fails on the data."""
        if isinstance(error, duckdb.OperationalError) or str(self._directory) in str(error):
            return self._unreadable(error)
        return ConfigError(f"--where: {str(error).splitlines()[0]}")

    def close(self) -> None:
        """Free the connection; iterators that are still running end with an error."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(
        self,
        segments: Sequence[Segment],
        test: str,
        parameters: Sequence[Any],
        limit: int | None,
        newest_first: bool,
        columns: Sequence[str] | None,
    ) -> Iterator[dict[str, Any]]:
        left = limit
        way = "DESC" if newest_first else "ASC"
        names = ", ".join(_quoted(columns or NAMES))
        for chunk in _chunks(segments, newest_first):
            if left is not None and left <= 0:
                return
            query = (
                f"SELECT {names} FROM ({self._relation(chunk)}) AS events WHERE {test} "  # noqa: S608  # guarded
                f'ORDER BY "time" {way}, "stream" {way}, "seq" {way}, "idx" {way}'
            )
            if left is not None:
                query += f" LIMIT {int(left)}"
            for row in self._run(query, parameters):
                yield row
                left = None if left is None else left - 1

    def _run(self, query: str, parameters: Sequence[Any]) -> Iterator[dict[str, Any]]:
        if self._connection is None:
            self._connection = self._open()
        cursor = self._connection.cursor()
        try:
            cursor.execute(query, parameters)
            names = [column[0] for column in cursor.description or ()]
            while values := cursor.fetchmany(_FETCH_ROWS):
                for value in values:
                    yield row_of(names, value)
        except duckdb.Error as error:
            raise self.explained(error) from error
        finally:
            cursor.close()

    def _relation(self, segments: Sequence[Segment]) -> str:
        return events_sql(self._directory, self.manifest, segments)

    def _open(self) -> duckdb.DuckDBPyConnection:
        return connect(
            self._settings,
            files=(self._directory / path for path in self.manifest.live()),
            spill=self._directory / "tmp" / f"{_SPILL}{os.getpid()}-{next(_spills)}",
        )

    def _unreadable(self, error: Exception) -> StoreError:
        for path in self.manifest.live():
            if not (self._directory / path).exists():
                return StoreError(
                    f"{self._directory / path} is gone: if the query took longer than "
                    f"store.grace_seconds ({self._settings.grace_seconds}) ask again; else put it back from "
                    "a copy"
                )
        return StoreError(f"cannot read the event store {self._directory}: {str(error).splitlines()[0]}")


class StoredEvents:
    """The event store for those who only read it."""

    def __init__(self, directory: Path, settings: StoreSettings | None = None) -> None:
        self.directory = directory.resolve()
        self.settings = settings or StoreSettings()

    def snapshot(self) -> Snapshot:
        """The store as it is now.

        Raises:
            StoreError: there is no store, or its manifest cannot be read.
        """
        return Snapshot(self.directory, load(self.directory), self.settings)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """As `Snapshot.connect`, of the store as it is now."""
        return self.snapshot().connect()

    def select(self, where: str | Condition | None = None, **options: Any) -> Iterator[dict[str, Any]]:
        """As `Snapshot.select`, of the store as it is now."""
        return self.snapshot().select(where, **options)

    def problems(self) -> list[str]:
        """Files that the manifest lists and that are missing or of another length, in words."""
        found = []
        for segment in self.snapshot().manifest.segments:
            path = self.directory / segment.path
            size = path.stat().st_size if path.exists() else None
            if size is None:
                found.append(f"{path} is missing: {segment.rows} events of {segment.day} cannot be read")
            elif size != segment.size_bytes:
                found.append(
                    f"{path} has {size} bytes instead of {segment.size_bytes}: put it back from a copy"
                )
        return found


def is_spill_of_the_living(name: str) -> bool:
    """Whether a running query of some process may have its spilled data below this name in `tmp`."""
    owner = name.removeprefix(_SPILL).partition("-")[0]
    return name.startswith(_SPILL) and owner.isdecimal() and Path(f"/proc/{owner}").exists()


def _utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=UTC)


def _quoted(names: Sequence[str]) -> list[str]:
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        raise ConfigError(f"no column is called {', '.join(unknown)}; `mead explain events` lists them")
    return [f'"{name}"' for name in names]


def _moment(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.astimezone(UTC).isoformat()}'"


def _tests(
    since: datetime | None, until: datetime | None, kinds: Sequence[str]
) -> tuple[list[str], list[Any]]:
    tests: list[str] = []
    parameters: list[Any] = []
    for test, moment in (('"time" >= ?', since), ('"time" < ?', until)):
        if moment is not None:
            tests.append(test)
            parameters.append(moment)
    if kinds:
        tests.append(f'"kind" IN ({", ".join("?" * len(kinds))})')
        parameters += kinds
    return tests, parameters


def _after(missing: dict[str, list[Range]]) -> str:
    parts = [
        f"(stream = '{stream.replace(chr(39), chr(39) * 2)}' AND seq BETWEEN {int(first)} AND {int(last)})"
        for stream, ranges in missing.items()
        for first, last in ranges
    ]
    return f"({' OR '.join(parts)})" if parts else "false"


def _overlaps(segment: Segment, missing: dict[str, list[Range]]) -> bool:
    return any(
        first <= ranges[1] and last >= ranges[0]
        for stream, ranges in segment.sequences.items()
        for first, last in missing.get(stream, ())
    )


def _chunks(segments: Sequence[Segment], newest_first: bool) -> Iterator[list[Segment]]:
    days: dict[str, list[Segment]] = {}
    for segment in segments:
        days.setdefault(segment.day, []).append(segment)
    chunk: list[Segment] = []
    for day in sorted(days, reverse=newest_first):
        if chunk and sum(segment.rows for segment in (*chunk, *days[day])) > _CHUNK_ROWS:
            yield chunk
            chunk = []
        chunk += days[day]
    if chunk:
        yield chunk
