# SPDX-License-Identifier: Apache-2.0
"""Events to tables. Applying an event twice changes nothing: each stream's position is stored with it.

Streams are read in the order of their sequence; an event at or before its stream's position is skipped.
Events of different streams come in any order, so every fold is by what the events say and never by arrival:
the same events give the same rows whenever and however often the catalogue is made from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection, Table, select, update

from mead.model import event as kinds
from mead.model.artifact import is_sha256
from mead.model.event import Event
from mead.store.catalogue import tables
from mead.store.catalogue.columns import key_of, shortened
from mead.store.catalogue.folding import Fold, insert_new

__all__ = ["Projected", "Projection", "Sequenced"]

Sequenced = tuple[str, int, int, Event]
"""Stream, sequence of the message in it, index in the message, event."""

Row = dict[str, Any]
_LARGEST = (1 << 63) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST = {"sample_sources": "first_seen", "imports": "time"}
"""Tables whose rows only say since when: the column that says it."""
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
            if self._take(stream, sequence, index, event):
                done += 1
            else:
                unreadable += 1
        for name, rows in self._new.items():
            insert_new(connection, tables.metadata.tables[name], rows, _EARLIEST.get(name))
        for fold in self._folds.values():
            fold.write(connection)
        _store_positions(connection, {stream for stream, *_ in events}, positions)
        return Projected(applied=done, repeated=repeated, unreadable=unreadable)

    def _take(self, stream: str, sequence: int, index: int, event: Event) -> bool:
        """Whether the database can hold what the event says; most say nothing that the catalogue keeps."""
        handler = self._HANDLERS.get(type(event))
        if handler is None and event.origin is None:
            return True
        if not _is_sound(event):
            return False
        if event.origin is not None:
            self._insert(tables.imports, {"origin": key_of(event.origin), "time": event.time})
        if handler is not None:
            handler(self, {"stream": stream, "sequence": sequence, "event_index": index}, event)
        return True

    def _insert(self, table: Table, row: Row) -> None:
        self._new.setdefault(table.name, []).append(row)

    def _change(self, table: Table, key: str, change: Callable[[Row | None], Row]) -> None:
        self._folds.setdefault(table.name, Fold(table)).change(shortened(key), change)

    def _seen(self, table: Table, key: str, time: datetime, row: Row) -> None:
        """A row described as when it was first true, which remembers when it was last."""
        self._change(table, key, lambda old: _earlier(old, row, time))

    def _sample(self, identity: Row, event: kinds.SampleCaptured) -> None:
        def count(old: Row | None) -> Row:
            row = _earlier(old, {"size": event.size}, event.time)
            return {**row, "sightings": (old["sightings"] if old else 0) + 1}

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
        said = _description(event) | {"tool": _storable(event.tool)}
        self._change(tables.offers, event.offer, lambda old: _widened(_described(old, said), event.time))
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
        outcome = {name: _storable(value) for name, value in outcome.items()} | {"outcome_time": event.time}

        def settle(old: Row | None) -> Row:
            row = _described(old, _description(event) | {"tool": None})
            settled = outcome if _weight(outcome) > _weight(row) else {}
            attempts = {"attempts": max(row["attempts"], attempt)}
            return _widened(row | settled, event.time) | attempts

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


def _earlier(old: Row | None, row: Row, time: datetime) -> Row:
    """The row as the earliest event described it; of two at the same time, the lesser one."""
    if old is None:
        return _widened(row, time)
    known = {name: old[name] for name in row}
    wins = (time, _rank(row)) < (old["first_seen"], _rank(known))
    return _widened(old | row if wins else old, time)


def _rank(row: Row) -> list[str]:
    """An order of descriptions that does not depend on when they came."""
    return [repr(row[name]) for name in sorted(row)]


_NOTHING_YET: Row = {
    "state": "offered", "reason": None, "policy": None, "attempts": 0, "final": False, "sha256": None,
    "outcome_time": None,
}  # fmt: skip
_Offering = kinds.OfferSeen | kinds.FetchDone | kinds.FetchFailed | kinds.FetchRefused


def _description(event: _Offering) -> Row:
    names = {"sensor": event.sensor, "session": event.session, "src": event.src, "service": event.service}
    described = {name: text and shortened(text) for name, text in names.items()}
    return described | {"url": _storable(event.url), "url_key": key_of(event.url)}


def _described(old: Row | None, said: Row) -> Row:
    """The offer with its description: that of `offer.seen`, which alone names a tool, before any other."""
    if old is None:
        return _NOTHING_YET | said
    known = {name: old[name] for name in said}
    wins = (said["tool"] is None, _rank(said)) < (known["tool"] is None, _rank(known))
    return old | said if wins else old


def _weight(outcome: Row) -> tuple[bool, bool, int, list[str]]:
    """The first body settles an offer for good; the last word beats an attempt; else the later one counts."""
    time = outcome["outcome_time"]
    if time is None:
        settled = outcome["state"] != "offered" or outcome["reason"] is not None
        if not settled:
            return False, False, -_LARGEST, []
        time = outcome["last_seen"]  # by a MEAD that did not note it
    moment = (time - _EPOCH) // timedelta(microseconds=1)
    fetched = outcome["state"] == "fetched"
    names = ("state", "reason", "policy", "sha256")
    return fetched, outcome["final"], -moment if fetched else moment, [repr(outcome[name]) for name in names]


def _host(url: str) -> str | None:
    """The host that a URL names, cut to what a name can have: an index takes no text without end."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return host[:_MAX_HOST] if host else None
