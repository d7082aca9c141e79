# SPDX-License-Identifier: Apache-2.0
"""Events as rows: the columns of a segment, and the way from Structs to Arrow and back.

Every scalar field of the catalogue is a typed column; the lists of an event travel as one JSON object in
the column `data`. A value that its column cannot hold (an integer beyond 64 bits) goes there too: one odd
event must not stop the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from operator import attrgetter
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from mead.errors import StoreError
from mead.model.catalogue import COLUMNS, KINDS, Column, columns_of
from mead.model.codec import AnyEvent
from mead.model.event import Event

__all__ = [
    "LAYOUT", "LISTS", "NAMES", "SCHEMA", "SQL_TYPES", "STORE_COLUMNS", "Batch", "by_day", "event_of",
    "row_of", "table_of",
]  # fmt: skip

Batch = tuple[str, int, Sequence[Event]]
"""Stream, message sequence, events: the identity that the bus gave and what it belongs to."""

STORE_COLUMNS: tuple[Column, ...] = (
    *COLUMNS,
    Column("stream", "text"),
    Column("seq", "int64"),
    Column("idx", "int32"),
    Column("data", "json"),
)
"""Columns of a segment: the catalogue's, the event's identity, and the JSON object of its lists."""

NAMES: tuple[str, ...] = tuple(column.name for column in STORE_COLUMNS)
LAYOUT = sha256(",".join(f"{column.name}:{column.type}" for column in STORE_COLUMNS).encode()).hexdigest()[
    :12
]
"""Digest of the columns that this MEAD writes."""

LISTS: frozenset[str] = frozenset(
    column.name for kind in KINDS.values() for column in columns_of(kind) if column.type == "json"
)
"""Fields that are found inside `data`."""

SQL_TYPES = {
    "text": "VARCHAR", "json": "VARCHAR", "int64": "BIGINT", "int32": "INTEGER", "bool": "BOOLEAN",
    "time": "TIMESTAMPTZ",
}  # fmt: skip

_ARROW_TYPES = {
    "text": pa.string(), "json": pa.string(), "int64": pa.int64(), "int32": pa.int32(), "bool": pa.bool_(),
    "time": pa.timestamp("us", tz="UTC"),
}  # fmt: skip

SCHEMA = pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in STORE_COLUMNS])

_DAY = 86_400_000_000
_EPOCH = date(1970, 1, 1).toordinal()
_decode_data = msgspec.json.Decoder(dict[str, Any])


class _Rows:
    """Events of one kind on their way to a table."""

    def __init__(self, kind: type[Event]) -> None:
        columns = columns_of(kind)
        self.kind = kind
        self.scalars = [column for column in columns if column.type != "json"]
        self.lists = [column.name for column in columns if column.type == "json"]
        self.events: list[Event] = []
        self.streams: list[str] = []
        self.sequences: list[int] = []
        self.indexes: list[int] = []

    def add(self, stream: str, sequence: int, index: int, event: Event) -> None:
        self.events.append(event)
        self.streams.append(stream)
        self.sequences.append(sequence)
        self.indexes.append(index)

    def table(self) -> pa.Table:
        count = len(self.events)
        odd: dict[int, dict[str, Any]] = {}
        values = zip(*map(attrgetter(*(column.name for column in self.scalars)), self.events), strict=True)
        arrays = {
            column.name: _array(column, list(column_values), odd)
            for column, column_values in zip(self.scalars, values, strict=True)
        }
        arrays["kind"] = pa.repeat(pa.scalar(str(self.kind.__struct_config__.tag)), count)
        arrays["stream"] = pa.array(self.streams, pa.string())
        arrays["seq"] = pa.array(self.sequences, pa.int64())
        arrays["idx"] = pa.array(self.indexes, pa.int32())
        arrays["data"] = self._data(odd)
        return pa.table(
            [arrays[field.name] if field.name in arrays else pa.nulls(count, field.type) for field in SCHEMA],
            schema=SCHEMA,
        )

    def _data(self, odd: dict[int, dict[str, Any]]) -> pa.Array:
        if not self.lists and not odd:
            return pa.nulls(len(self.events), pa.string())
        texts: list[str | None] = []
        for at, event in enumerate(self.events):
            fields = {name: value for name in self.lists if (value := getattr(event, name))}
            fields |= odd.get(at, {})
            texts.append(_json(fields) if fields else None)
        return pa.array(texts, pa.string())


def _json(fields: dict[str, Any]) -> str:
    try:
        return msgspec.json.encode(fields).decode()
    except (UnicodeError, msgspec.MsgspecError, OverflowError, TypeError):
        return json.dumps(fields, ensure_ascii=False, default=str).encode("utf-8", "replace").decode()


def _array(column: Column, values: list[Any], odd: dict[int, dict[str, Any]]) -> pa.Array:
    kind = _ARROW_TYPES[column.type]
    try:
        return pa.array(values, kind)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
        fitting = [_fitting(column, kind, value, at, odd) for at, value in enumerate(values)]
        return pa.array(fitting, kind)


def _fitting(column: Column, kind: pa.DataType, value: Any, at: int, odd: dict[int, dict[str, Any]]) -> Any:
    try:
        pa.scalar(value, kind)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError):
        if isinstance(value, str) and column.type == "text":
            return value.encode("utf-8", "backslashreplace").decode()
        odd.setdefault(at, {})[column.name] = value
        return datetime.fromtimestamp(0, UTC) if column.name == "time" else None
    return value


def table_of(batches: Iterable[Batch]) -> pa.Table:
    """One table of the events of several messages, grouped by kind. O(events × fields of their kinds).

    Raises:
        StoreError: an event is of a class that is not in the catalogue.
    """
    rows: dict[type[Event], _Rows] = {}
    for stream, sequence, events in batches:
        for index, event in enumerate(events):
            kind = type(event)
            if kind not in rows:
                if kind not in KINDS.values():
                    raise StoreError(f"{kind.__name__} is not in the catalogue of events: add it there")
                rows[kind] = _Rows(kind)
            rows[kind].add(stream, sequence, index, event)
    return pa.concat_tables([group.table() for group in rows.values()]) if rows else SCHEMA.empty_table()


def by_day(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The table split by the UTC day of its events' time, earliest day first."""
    since_year_1 = pc.add(table["time"].cast(pa.int64()), (_EPOCH - 1) * _DAY)
    days = pc.divide(since_year_1, _DAY)
    found = sorted(day for day in pc.unique(days).to_pylist() if day is not None)
    for day in found:
        part = table if len(found) == 1 else table.filter(pc.equal(days, day))
        yield date.fromordinal(day + 1).isoformat(), part


def row_of(names: Sequence[str], values: Sequence[Any]) -> dict[str, Any]:
    """A row as a dictionary: what the event does not have is left out, its lists are put back."""
    row = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    data = row.pop("data", None)
    if data is not None:
        row |= _decode_data.decode(data)
    for name, value in row.items():
        if isinstance(value, datetime):
            row[name] = value.astimezone(UTC)
    return row


def event_of(row: dict[str, Any]) -> Event | None:
    """The event that a row was made of; None if this MEAD does not know its kind or it is an odd one."""
    try:
        event: Event = msgspec.convert(row, AnyEvent)
    except msgspec.ValidationError:
        return None
    return event
