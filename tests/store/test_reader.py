from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mead.errors import ConfigError, StoreError
from mead.model.event import Event, RequestReceived, SessionOpen
from mead.store import events as writing
from mead.store import segments
from mead.store.events import EventStore
from mead.store.reader import StoredEvents
from mead.store.rows import NAMES, table_of

Attacks = Callable[..., list[list[Event]]]
Open = Callable[..., EventStore]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def filled(open_store: Open, attacks: Attacks) -> tuple[EventStore, list[tuple[int, int, Event]]]:
    store = open_store()
    stored = []
    for number, events in enumerate(attacks(20), 1):
        store.append("s", number, events)
        stored += [(number, index, event) for index, event in enumerate(events)]
        if number % 5 == 0:
            store.commit()
        if number == 15:
            store.compact()
    return store, stored


def test_rows_come_in_the_order_of_time(filled: tuple[EventStore, list[tuple[int, int, Event]]]) -> None:
    store, stored = filled
    expected = [(n, i) for n, i, _ in sorted(stored, key=lambda entry: (entry[2].time, entry[0], entry[1]))]
    assert [(row["seq"], row["idx"]) for row in store.select()] == expected
    assert [(row["seq"], row["idx"]) for row in store.select(newest_first=True)] == expected[::-1]
    assert [(row["seq"], row["idx"]) for row in store.select(limit=7)] == expected[:7]
    assert [(row["seq"], row["idx"]) for row in store.select(limit=7, newest_first=True)] == expected[:-8:-1]
    assert list(store.select(limit=0)) == []


def test_a_limit_reaches_over_days_and_chunks(
    filled: tuple[EventStore, list[tuple[int, int, Event]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, stored = filled
    monkeypatch.setattr("mead.store.reader._CHUNK_ROWS", 1)
    monkeypatch.setattr("mead.store.reader._FETCH_ROWS", 3)
    times = sorted(event.time for _, _, event in stored)
    assert [row["time"] for row in store.select()] == times
    limit = len(times) - 2
    assert [row["time"] for row in store.select(limit=limit, newest_first=True)] == times[::-1][:limit]


def test_events_come_back_with_their_identity(
    filled: tuple[EventStore, list[tuple[int, int, Event]]],
) -> None:
    store, stored = filled
    assert list(store.snapshot().events()) == [("s", number, index, event) for number, index, event in stored]


def test_period_kinds_and_condition_narrow_together(
    filled: tuple[EventStore, list[tuple[int, int, Event]]],
) -> None:
    store, stored = filled
    since, until, kinds = NOON, NOON + timedelta(days=1), ["session.open", "offer.seen"]
    expected = [
        event for _, _, event in stored
        if since <= event.time < until and event.kind in kinds and event.src == "192.0.2.3"
    ]  # fmt: skip
    rows = list(store.select("src = '192.0.2.3'", since=since, until=until, kinds=kinds))
    assert len(rows) == len(expected) > 0
    naive = since.replace(tzinfo=None)
    assert len(list(store.select(since=naive, until=until.replace(tzinfo=None)))) == len(
        list(store.select(since=since, until=until))
    )


def test_lists_are_lists_again_and_absent_fields_are_left_out(open_store: Open) -> None:
    store = open_store()
    headers = [("Host", "h"), ("Host", "i")]
    store.append("s", 1, [RequestReceived(time=NOON, sensor="a", method="GET", target="/", headers=headers)])
    store.commit()
    assert list(store.select("headers like '%Host%'")) == [
        {
            "time": NOON, "sensor": "a", "kind": "request.received", "method": "GET", "target": "/",
            "size": 0, "stream": "s", "seq": 1, "idx": 0, "headers": [["Host", "h"], ["Host", "i"]],
        }
    ]  # fmt: skip
    assert list(store.select(columns=["kind", "src"])) == [{"kind": "request.received"}]
    with pytest.raises(ConfigError, match="no column is called nothing"):
        list(store.select(columns=["nothing"]))


def test_a_follower_sees_each_event_once_whatever_is_compacted(open_store: Open, attacks: Attacks) -> None:
    store = open_store(merge_width=2)
    reader = StoredEvents(store.directory)
    position = reader.snapshot().position
    seen: list[tuple[str, int, int]] = []
    order = [1, 2, 5, 3, 4, 6, 9, 8, 7]
    for number, events in zip(order, attacks(9), strict=True):
        store.append("it's", number, events)
        store.commit()
        if number % 2:
            store.compact()
        snapshot = reader.snapshot()
        new = [(row["stream"], row["seq"], row["idx"]) for row in snapshot.select(after=position)]
        assert {sequence for _, sequence, _ in new} == {number}
        seen += new
        position = snapshot.position
    assert sorted(seen) == [
        (stream, sequence, index) for stream, sequence, index, _ in store.snapshot().events()
    ]
    assert list(reader.snapshot().select(after=position)) == []


def test_a_follower_opens_only_files_that_may_hold_something_new(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    for number, events in enumerate(attacks(6, days=1), 1):
        store.append("s", number, events)
        store.commit()
    snapshot = store.snapshot()
    assert len(snapshot.segments()) == 6
    assert [segment.sequences for segment in snapshot.segments(after={"s": ((1, 5),)})] == [{"s": (6, 6)}]


def test_a_snapshot_does_not_change(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    one, two = attacks(2)
    store.append("s", 1, one)
    store.commit()
    snapshot = store.snapshot()
    store.append("s", 2, two)
    store.commit()
    assert len(list(snapshot.select())) == len(one)
    snapshot.close()
    assert len(list(snapshot.select())) == len(one)


def test_files_beside_the_manifest_are_never_read(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    events = attacks(1)[0]
    store.append("s", 1, events)
    store.commit()
    path = store.directory / store.snapshot().manifest.segments[0].path
    path.with_name("copy.parquet").write_bytes(path.read_bytes())
    assert len(list(store.select())) == len(events)


def test_an_older_segment_lacks_a_column_and_is_read_all_the_same(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    old_names = tuple(name for name in NAMES if name not in {"user_agent", "cve"})
    store = open_store()
    real = pq.write_table
    with monkeypatch.context() as patch:
        patch.setattr(segments, "LAYOUT", "old")
        patch.setattr(writing, "LAYOUT", "old")
        patch.setattr(writing, "NAMES", old_names)
        patch.setattr(
            pq, "write_table",
            lambda table, path, **options: real(table.select(old_names), path, compression="zstd"),
        )  # fmt: skip
        store.append("s", 1, [SessionOpen(time=NOON, sensor="a", src="192.0.2.1")])
        store.commit()
    request = RequestReceived(time=NOON, sensor="a", method="GET", target="/", user_agent="curl")
    store.append("s", 2, [request])
    store.commit()
    assert set(store.snapshot().manifest.layouts) > {"old"}
    assert [row.get("user_agent") for row in store.select()] == [None, "curl"]
    assert [row["seq"] for row in store.select("user_agent is null")] == [1]
    store.compact()
    assert [row.get("user_agent") for row in store.select()] == [None, "curl"]
    assert "old" not in store.snapshot().manifest.layouts


def test_a_column_that_this_mead_does_not_know_any_more_is_ignored(
    open_store: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    real = pq.write_table
    with monkeypatch.context() as patch:
        patch.setattr(segments, "LAYOUT", "newer")
        patch.setattr(writing, "LAYOUT", "newer")
        patch.setattr(writing, "NAMES", (*NAMES, "extra"))
        patch.setattr(
            pq, "write_table",
            lambda table, path, **options: real(table.append_column("extra", table["src"]), path),
        )  # fmt: skip
        store.append("s", 1, [SessionOpen(time=NOON, sensor="a")])
        store.commit()
    assert [row["seq"] for row in store.select()] == [1]


@pytest.mark.parametrize(
    "where", ["regexp_matches(src, '(')", "src_port * 9223372036854775807 > 1", "src::bigint > 1"]
)
def test_a_condition_that_fails_on_the_data_is_the_users_error(
    filled: tuple[EventStore, list[tuple[int, int, Event]]], where: str
) -> None:
    store, _ = filled
    store.append("s", 99, [SessionOpen(time=NOON, sensor="a", src="x", src_port=9)])
    store.commit()
    with pytest.raises(ConfigError, match="--where: "):
        list(store.select(where))


def test_a_refused_condition_is_refused_before_anything_is_read(
    filled: tuple[EventStore, list[tuple[int, int, Event]]],
) -> None:
    with pytest.raises(ConfigError, match="did you mean service"):
        filled[0].select("servic = 'x'")


def test_no_store_is_a_clear_error_and_an_empty_one_is_empty(tmp_path: Path, open_store: Open) -> None:
    with pytest.raises(StoreError, match="no event store at"):
        StoredEvents(tmp_path / "nowhere").select()
    store = open_store()
    assert list(store.select()) == []
    assert list(store.snapshot().events()) == []
    assert store.problems() == []
    connection = store.connect()
    for view in ("events", "hourly", "source_day", "attacks"):
        assert connection.execute(f"SELECT count(*) FROM {view}").fetchall() == [(0,)]
    connection.close()


def test_a_missing_file_is_named(filled: tuple[EventStore, list[tuple[int, int, Event]]]) -> None:
    store, _ = filled
    path = store.directory / store.snapshot().manifest.segments[0].path
    path.unlink()
    with pytest.raises(StoreError, match=path.name):
        list(store.select())
    assert store.problems()[0].startswith(f"{path} is missing")


def test_the_view_is_bounded_in_time(filled: tuple[EventStore, list[tuple[int, int, Event]]]) -> None:
    store, stored = filled
    until = NOON + timedelta(days=1)
    connection = store.snapshot().connect(NOON, until)
    expected = sum(NOON <= event.time < until for _, _, event in stored)
    assert connection.execute("SELECT count(*) FROM events").fetchall() == [(expected,)]
    connection.close()


def test_a_row_of_a_batch_is_stored_in_the_columns_of_the_catalogue() -> None:
    assert tuple(table_of([]).column_names) == NAMES
