"""The views say the same whether they read rollups, raw events, or both."""

from __future__ import annotations

import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from mead.clock import FakeClock
from mead.model import event as model
from mead.model.event import Event
from mead.store import rollups, stats
from mead.store.connection import connect
from mead.store.events import EventStore
from mead.store.rollups import ATTACK_GAP_SECONDS, ROLLUPS, rolled_days
from mead.store.rows import table_of
from mead.store.settings import StoreSettings

Attack = tuple[object, ...]


def _attacks_in_python(events: Iterable[Event]) -> Counter[Attack]:
    """The definition, written down once more: gaps under 300 s by source, sensor, transport and port."""
    flows: dict[tuple[object, ...], list[datetime]] = defaultdict(list)
    for event in events:
        if event.kind in {"session.open", "scan.seen"} and event.src is not None:
            flows[event.src, event.sensor, event.transport, event.dst_port].append(event.time)
    found: Counter[Attack] = Counter()
    for key, times in flows.items():
        group: list[datetime] = []
        for time in sorted(times):
            if group and time - group[-1] >= timedelta(seconds=ATTACK_GAP_SECONDS):
                found[(*key, group[0], group[-1], len(group))] += 1
                group = []
            group.append(time)
        found[(*key, group[0], group[-1], len(group))] += 1
    return found


def _views(store: EventStore) -> dict[str, Counter[Attack]]:
    connection = store.connect()
    try:
        return {name: Counter(connection.execute(f"SELECT * FROM {name}").fetchall()) for name in ROLLUPS}
    finally:
        connection.close()


def _fill(store: EventStore, messages: list[list[Event]], stream: str = "s") -> list[Event]:
    start = store.last_sequence(stream)
    for number, events in enumerate(messages, 1):
        store.append(stream, start + number, events)
        if number % 4 == 0:
            store.commit()
    store.commit()
    return [event for events in messages for event in events]


def test_rollups_are_the_raw_events_summed_up(
    open_store: Callable[..., EventStore], attacks: Callable[..., list[list[Event]]]
) -> None:
    store = open_store()
    events = _fill(store, attacks(40, days=3.4, sessions=20))
    raw = _views(store)
    assert raw["attacks"] == _attacks_in_python(events)
    assert sum(row[-1] for row in raw["hourly"]) == len(events)
    done = store.compact()
    assert done.days_closed == ("2026-03-01", "2026-03-02", "2026-03-03")
    assert rolled_days(store.snapshot().manifest) == set(done.days_closed)
    assert _views(store) == raw

    late = _fill(store, attacks(6, days=3.4, sessions=5, seed=2))
    mixed = _views(store)
    assert mixed["attacks"] == _attacks_in_python(events + late)
    assert rolled_days(store.snapshot().manifest) < set(done.days_closed)
    store.compact()
    assert _views(store) == mixed


def test_the_counts_per_source_are_right(
    open_store: Callable[..., EventStore], attacks: Callable[..., list[list[Event]]]
) -> None:
    store = open_store()
    events = _fill(store, attacks(20))
    store.compact()
    connection = store.connect()
    found = connection.execute(
        "SELECT src, sum(events), sum(sessions), sum(logins), sum(offers), min(first_time), max(last_time) "
        "FROM source_day GROUP BY src ORDER BY src"
    ).fetchall()
    connection.close()
    for src, count, sessions, logins, offers, first, last in found:
        mine = [event for event in events if event.src == src]
        kinds = Counter(event.kind for event in mine)
        assert (count, sessions, logins, offers) == (
            len(mine), kinds["session.open"], kinds["login.attempt"], kinds["offer.seen"],
        )  # fmt: skip
        assert (first, last) == (min(e.time for e in mine), max(e.time for e in mine))
    assert {row[0] for row in found} == {event.src for event in events}


def test_an_attack_goes_on_over_midnights_and_whole_days(open_store: Callable[..., EventStore]) -> None:
    store = open_store()
    first = datetime(2026, 3, 1, 23, 50, tzinfo=UTC)
    times = [first + timedelta(seconds=299 * step) for step in range(400)]  # until the 3rd of March
    events: list[Event] = [
        model.SessionOpen(time=time, sensor="a", src="192.0.2.1", dst_port=23) for time in times
    ]
    events += [
        model.SessionOpen(time=times[-1] + timedelta(seconds=300), sensor="a", src="192.0.2.1", dst_port=23)
    ]
    _fill(store, [events])
    expected = _attacks_in_python(events)
    assert sorted(row[-1] for row in expected) == [1, 400]
    assert _views(store)["attacks"] == expected
    store.compact()
    assert _views(store)["attacks"] == expected


MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
offsets = st.integers(-2_000, 2_000).map(lambda tenths: timedelta(seconds=tenths / 2))


@given(
    st.lists(
        st.tuples(offsets, st.sampled_from(["192.0.2.1", "192.0.2.2"]), st.sampled_from([22, None])),
        max_size=30,
    )
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fragments_joined_at_midnight_are_the_attacks_of_all_days_at_once(
    flows: list[tuple[timedelta, str, int | None]],
) -> None:
    from mead.store.rollups import _ATTACKS

    events: list[Event] = [
        model.SessionOpen(time=MIDNIGHT + offset, sensor="a", src=src, dst_port=port)
        for offset, src, port in flows
    ]
    connection = connect(StoreSettings(query_threads=1), files=[], spill=None)
    try:
        connection.from_arrow(table_of([("s", 1, events)])).create("raw")
        sql = _ATTACKS.format(fragments=ROLLUPS["attacks"].format(events="raw"))
        assert Counter(connection.execute(sql).fetchall()) == _attacks_in_python(events)
    finally:
        connection.close()


def test_rollups_of_an_older_definition_are_not_believed(
    open_store: Callable[..., EventStore],
    attacks: Callable[..., list[list[Event]]],
    monkeypatch: pytest.MonkeyPatch,
    clock: FakeClock,
) -> None:
    store = open_store()
    _fill(store, attacks(5))
    store.compact()
    before = _views(store)
    for module in ("mead.store.rollups", "mead.store.compact"):
        monkeypatch.setattr(f"{module}.ROLLUP_VERSION", 2)
    assert rolled_days(store.snapshot().manifest) == set()
    assert _views(store) == before
    assert len(store.compact().days_closed) == 3
    assert len(rolled_days(store.snapshot().manifest)) == 3
    assert _views(store) == before


QUERIES = {name: query.format(events="events") for name, query in ROLLUPS.items()} | {
    "attacks, joined": rollups._ATTACKS.format(fragments=ROLLUPS["attacks"].format(events="events")),
    "funnel": stats._FUNNEL,
    "offers": stats._OFFERS,
    "sources": stats._SOURCES.replace("?", "10"),
    "raw sources": stats._RAW_SOURCES,
    "raw counts": stats._RAW_COUNTS,
}


@pytest.mark.parametrize("engine", ["spark", "clickhouse", "trino"])
@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_queries_can_be_carried_over_to_other_engines(query: str, engine: str) -> None:
    """sqlglot lets a function that it does not know through unchanged; so there must be none."""
    ours = sqlglot.parse_one(query, dialect="duckdb")
    assert [node.name for node in ours.find_all(exp.Anonymous)] == []
    assert ours.find(exp.LogicalOr, exp.LogicalAnd) is None, "ClickHouse gets a name that it does not know"
    (theirs,) = sqlglot.transpile(
        query, read="duckdb", write=engine, unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    assert sqlglot.parse_one(theirs, dialect=engine).find(exp.Anonymous) is None
    casts = {node.to.this for node in ours.find_all(exp.Cast)}
    assert casts <= {exp.DataType.Type.BIGINT, exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMPTZ}


def test_segments_hold_only_types_that_all_engines_read(
    open_store: Callable[..., EventStore], attacks: Callable[..., list[list[Event]]]
) -> None:
    """Neither nanoseconds nor UUID, hugeint or unsigned numbers, in segments, sorted ones and rollups."""
    store = open_store()
    _fill(store, attacks(4))
    files = store.snapshot().manifest.live()
    store.compact()
    found: dict[str, set[str]] = defaultdict(set)
    for path in {*files, *store.snapshot().manifest.live()}:
        for field in pq.read_schema(store.directory / path):
            found[str(field.type)].add(field.name)
    assert set(found) <= {"string", "int64", "int32", "bool", "date32[day]", "timestamp[us, tz=UTC]"}, found


_PEERS = st.builds(
    dict, sensor=st.just("a"), src=st.sampled_from(["192.0.2.1", "192.0.2.2", None]),
    transport=st.just("tcp"), dst_port=st.sampled_from([22, None]), service=st.sampled_from(["ssh", None]),
)  # fmt: skip
_NEAR = st.one_of(offsets, st.integers(-86_400, 2 * 86_400).map(lambda seconds: timedelta(seconds=seconds)))
_EVENTS = st.builds(
    lambda kind, offset, peer: kind(time=MIDNIGHT + offset, **peer),
    st.sampled_from([model.SessionOpen, lambda **said: model.ScanSeen(packets=1, **said)]),
    _NEAR,
    _PEERS,
)
_STEPS = st.one_of(
    st.tuples(st.sampled_from(["one", "two"]), st.lists(_EVENTS, max_size=8)),
    st.sampled_from(["commit", "compact", "a day later"]),
)


@given(st.lists(_STEPS, max_size=12))
@settings(max_examples=20, deadline=None)
def test_whatever_was_appended_and_compacted_in_whatever_order_the_views_are_the_raw_events(
    steps: list[tuple[str, list[Event]] | str],
) -> None:
    """Several streams, late events for closed days, attacks over midnight, merges and closed days."""
    events: list[Event] = []
    clock = FakeClock(MIDNIGHT)
    with tempfile.TemporaryDirectory() as folder:
        options = StoreSettings(merge_width=2, grace_seconds=0, query_threads=1)
        with EventStore.open(Path(folder), options, clock=clock) as store:
            for step in [*steps, "commit"]:
                if isinstance(step, tuple):
                    store.append(step[0], store.last_sequence(step[0]) + 1, step[1])
                    store.commit()
                    events += step[1]
                elif step == "compact":
                    store.compact()
                elif step == "a day later":
                    clock.advance(86_400)
            views = _views(store)
    assert views["attacks"] == _attacks_in_python(events)
    assert views["hourly"] == Counter(_hourly(events))
    assert Counter({row[:5]: row[4] for row in views["source_day"]}) == Counter(_source_days(events))


def _hourly(events: Iterable[Event]) -> list[Attack]:
    found = Counter(
        (
            event.time.replace(minute=0, second=0, microsecond=0), event.sensor, event.kind, event.service,
            event.transport, event.dst_port,
        )
        for event in events
    )  # fmt: skip
    return [(*key, count) for key, count in found.items()]


def _source_days(events: Iterable[Event]) -> dict[Attack, int]:
    found = Counter(
        (event.time.date(), event.src, event.sensor, event.service)
        for event in events
        if event.src is not None
    )
    return {(*key, count): count for key, count in found.items()}
