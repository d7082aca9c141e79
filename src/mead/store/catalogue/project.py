# SPDX-License-Identifier: Apache-2.0
"""Events to tables. Applying an event twice changes nothing: each stream's position is stored with it.

Streams are read in the order of their sequence; an event at or before its stream's position is skipped.
Events of different streams come in any order, so every fold is by time and not by arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection, Table, select, update

from mead.model import event as kinds
from mead.model.artifact import is_sha256
from mead.model.event import Event
from mead.store.catalogue import tables
from mead.store.catalogue.columns import key_of
from mead.store.catalogue.folding import Fold, insert_new

__all__ = ["Projected", "Projection", "Sequenced"]

Sequenced = tuple[str, int, int, Event]
"""Stream, sequence of the message in it, index in the message, event."""

Row = dict[str, Any]
_LARGEST = (1 << 63) - 1
_MAX_HOST = 255


class Projected(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the events that were handed over."""

    applied: int
    repeated: int
    """Skipped because they had been applied before."""
    unreadable: int
    """Skipped because a digest in them is none, or a number too large; they stay in the event store."""


class Projection:
    """Collects the changes of a batch of events and writes them in one transaction."""

    def __init__(self) -> None:
        self._folds: dict[str, Fold] = {}
        self._new: dict[str, list[Row]] = {}

    def apply(self, connection: Connection, events: Sequence[Sequenced]) -> Projected:
        """Write what the events change, and how far each stream has come."""
        lock_out_other_writers(connection)
        positions = _positions(connection)
        done = repeated = unreadable = 0
        for stream, sequence, index, event in events:
            if (sequence, index) <= positions.get(stream, (-1, -1)):
                repeated += 1
                continue
            positions[stream] = (sequence, index)
            if _is_sound(event):
                self._take(stream, sequence, index, event)
                done += 1
            else:
                unreadable += 1
        for name, rows in self._new.items():
            insert_new(connection, tables.metadata.tables[name], rows)
        for fold in self._folds.values():
            fold.write(connection)
        _store_positions(connection, {stream for stream, *_ in events}, positions)
        return Projected(applied=done, repeated=repeated, unreadable=unreadable)

    def _take(self, stream: str, sequence: int, index: int, event: Event) -> None:
        identity = {"stream": stream, "sequence": sequence, "event_index": index}
        if event.origin is not None:
            self._insert(tables.imports, {"origin": key_of(event.origin), "time": event.time})
        handler = self._HANDLERS.get(type(event))
        if handler is not None:
            handler(self, identity, event)

    def _insert(self, table: Table, row: Row) -> None:
        self._new.setdefault(table.name, []).append(row)

    def _change(self, table: Table, key: str, change: Callable[[Row | None], Row]) -> None:
        self._folds.setdefault(table.name, Fold(table)).change(_storable(key), change)

    def _seen(self, table: Table, key: str, time: datetime, row: Row) -> None:
        """A row that only remembers when it was first and last true."""
        self._change(table, key, lambda old: _widened(old or row, time))

    def _sample(self, identity: Row, event: kinds.SampleCaptured) -> None:
        fresh = {"size": event.size, "sightings": 0}

        def count(old: Row | None) -> Row:
            row = _widened(old or fresh, event.time)
            return {**row, "sightings": row["sightings"] + 1}

        self._change(tables.samples, event.sha256, count)
        names = (
            "sha256",
            "time",
            "sensor",
            "session",
            "src",
            "dst",
            "dst_port",
            "service",
            "how",
            "name",
            "url",
        )
        self._insert(tables.sightings, identity | _fields(event, (*names, "offer")))
        if event.src is not None:
            source = {"sha256": event.sha256, "src": event.src, "first_seen": event.time}
            self._insert(tables.sample_sources, source)

    def _artifact(self, _: Row, event: kinds.ArtifactFound) -> None:
        row = _fields(event, ("parent_sha256", "sha256", "relation", "size", "name", "detail"))
        key = key_of(event.parent_sha256, event.sha256, event.relation, event.name, event.detail)
        self._seen(tables.artifacts, key, event.time, row)

    def _finding(self, _: Row, event: kinds.FindingMade) -> None:
        same = ("sha256", "analyser", "claim", "value", "rule", "engine_version", "database")
        row = _fields(event, (*same, "confidence", "jail_level"))
        row["evidence"] = msgspec.json.encode(event.evidence).decode()
        self._seen(tables.findings, key_of(*(row[name] for name in same)), event.time, row)

    def _scan(self, identity: Row, event: kinds.AnalysisDone) -> None:
        names = (
            "sha256",
            "engine_version",
            "database",
            "verdict",
            "reason",
            "jail_level",
            "duration_ms",
            "time",
        )
        self._insert(tables.scans, identity | _fields(event, names) | {"engine": event.analyser})

    def _indicator(self, _: Row, event: kinds.IndicatorSeen) -> None:
        row = _fields(event, ("sha256", "indicator_kind", "indicator", "analyser", "offset"))
        row["indicator_key"] = key_of(event.indicator)
        key = key_of(event.sha256, event.indicator_kind, event.indicator)
        self._seen(tables.indicators, key, event.time, row)

    def _offer(self, _: Row, event: kinds.OfferSeen) -> None:
        known = _fields(event, ("tool", "sensor", "session", "src", "service"))
        self._change(
            tables.offers, event.offer, lambda old: _widened(old or _new_offer(event), event.time) | known
        )
        self._url(event.url, event.time, offers=1)

    def _fetched(self, _: Row, event: kinds.FetchDone) -> None:
        outcome = {"state": "fetched", "reason": None, "sha256": event.sha256, "final": True, "policy": None}
        self._outcome(event, outcome, event.attempt)
        row = {"url_key": key_of(event.url), "sha256": event.sha256, "address": event.address}
        key = key_of(event.url, event.sha256, event.address)
        self._seen(tables.url_bodies, key, event.time, row)

    def _failed(self, _: Row, event: kinds.FetchFailed) -> None:
        state = "failed" if event.final else "offered"
        outcome = {
            "state": state,
            "reason": event.reason,
            "sha256": None,
            "final": event.final,
            "policy": None,
        }
        self._outcome(event, outcome, event.attempt)

    def _refused(self, _: Row, event: kinds.FetchRefused) -> None:
        outcome = {"state": "refused", "reason": event.reason, "sha256": None, "final": True}
        self._outcome(event, outcome | {"policy": event.policy}, 0)

    def _outcome(
        self, event: kinds.FetchDone | kinds.FetchFailed | kinds.FetchRefused, outcome: Row, attempt: int
    ) -> None:
        def settle(old: Row | None) -> Row:
            row = old or _new_offer(event)
            wins = _outweighs(row, outcome, event.time)
            attempts = {"attempts": max(row["attempts"], attempt)}
            return _widened(row, event.time) | attempts | (outcome if wins else {})

        self._change(tables.offers, event.offer, settle)
        self._url(event.url, event.time, offers=0)

    def _url(self, url: str, time: datetime, *, offers: int) -> None:
        fresh = {"url": _storable(url), "host": _host(_storable(url)), "offers": 0}

        def count(old: Row | None) -> Row:
            row = _widened(old or fresh, time)
            return {**row, "offers": row["offers"] + offers}

        self._change(tables.urls, key_of(url), count)

    _HANDLERS: ClassVar[dict[type[Event], Callable[[Projection, Row, Any], None]]] = {
        kinds.SampleCaptured: _sample,
        kinds.ArtifactFound: _artifact,
        kinds.FindingMade: _finding,
        kinds.AnalysisDone: _scan,
        kinds.IndicatorSeen: _indicator,
        kinds.OfferSeen: _offer,
        kinds.FetchDone: _fetched,
        kinds.FetchFailed: _failed,
        kinds.FetchRefused: _refused,
    }


def lock_out_other_writers(connection: Connection) -> None:
    """Hold the row that every writer must hold; SQLite's transaction is exclusive already."""
    connection.execute(update(tables.meta).where(tables.meta.c.key == "writer").values(value="one at a time"))


def _positions(connection: Connection) -> dict[str, tuple[int, int]]:
    return {row.stream: (row.sequence, row.event_index) for row in connection.execute(select(tables.applied))}


def _store_positions(
    connection: Connection, streams: set[str], positions: dict[str, tuple[int, int]]
) -> None:
    fold = Fold(tables.applied)
    for stream in streams:
        sequence, index = positions[stream]
        row = {"sequence": sequence, "event_index": index}
        fold.change(stream, lambda _, row=row: row)  # type: ignore[misc]  # the default binds the loop's row
    fold.write(connection)


def _is_sound(event: Event) -> bool:
    """Whether the database can hold it: digests are digests, numbers fit."""
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in {"sha256", "parent_sha256"} and value is not None and not is_sha256(value):
            return False
        if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
            return False
    return True


def _fields(event: Event, names: Sequence[str]) -> Row:
    return {name: _storable(getattr(event, name)) for name in names}


def _storable(value: Any) -> Any:
    """PostgreSQL's text holds no NUL."""
    return value.replace("\0", "\\x00") if isinstance(value, str) else value


def _widened(row: Row, time: datetime) -> Row:
    return {
        **row,
        "first_seen": min(row.get("first_seen", time), time),
        "last_seen": max(row.get("last_seen", time), time),
    }


def _new_offer(event: kinds.OfferSeen | kinds.FetchDone | kinds.FetchFailed | kinds.FetchRefused) -> Row:
    described = _fields(event, ("url", "sensor", "session", "src", "service"))
    nothing_yet = {"state": "offered", "reason": None, "policy": None, "attempts": 0, "final": False}
    return described | nothing_yet | {"url_key": key_of(event.url), "sha256": None, "tool": None}


def _outweighs(row: Row, outcome: Row, time: datetime) -> bool:
    """A body settles an offer for good; an outcome beats an attempt; else the later one counts."""
    if row["state"] == "fetched" or outcome["state"] == "fetched":
        return bool(row["state"] != "fetched")
    if row["final"] != outcome["final"]:
        return bool(outcome["final"])
    return bool(time >= row.get("last_seen", time))


def _host(url: str) -> str | None:
    """The host that a URL names, cut to what a name can have: an index takes no text without end."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return host[:_MAX_HOST] if host else None
