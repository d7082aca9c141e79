from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from mead.clock import FakeClock
from mead.errors import StoreError
from mead.model.event import Event
from mead.store.compact import plan
from mead.store.events import EventStore
from mead.store.manifest import SORTED, Manifest, Segment
from mead.store.reader import Snapshot
from mead.store.settings import StoreSettings

Attacks = Callable[..., list[list[Event]]]
Open = Callable[..., EventStore]


def _segments(day: str, count: int, level: int = 0) -> tuple[Segment, ...]:
    moment = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return tuple(
        Segment(
            path=f"{day}-{level}-{at}", day=day, level=level, rows=1, size_bytes=1, first_time=moment,
            last_time=moment, layout="x", sequences={},
        )
        for at in range(count)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (_segments("2026-03-04", 15), []),
        (_segments("2026-03-04", 16), [("2026-03-04", 16, False)]),
        (
            _segments("2026-03-04", 17) + _segments("2026-03-04", 16, 1),
            [("2026-03-04", 17, False), ("2026-03-04", 16, False)],
        ),
        (_segments("2026-03-03", 1), [("2026-03-03", 1, True)]),
        (
            _segments("2026-03-03", 2) + _segments("2026-03-01", 1, SORTED),
            [("2026-03-01", 1, True), ("2026-03-03", 2, True)],
        ),
        (_segments("2026-03-05", 20), [("2026-03-05", 20, False)]),
    ],
)
def test_what_is_worth_doing(segments: tuple[Segment, ...], expected: list[tuple[str, int, bool]]) -> None:
    now = datetime(2026, 3, 4, 1, 0, tzinfo=UTC)
    work = plan(Manifest(segments=segments), now, StoreSettings())
    assert [(piece.day, len(piece.segments), piece.closes) for piece in work] == expected


def test_a_day_is_not_over_at_midnight_at_once() -> None:
    manifest = Manifest(segments=_segments("2026-03-03", 1))
    midnight = datetime(2026, 3, 4, tzinfo=UTC)
    assert plan(manifest, midnight + timedelta(minutes=29), StoreSettings()) == []
    assert plan(manifest, midnight + timedelta(minutes=30), StoreSettings())[0].closes


def _fill(store: EventStore, messages: list[list[Event]]) -> None:
    for number, events in enumerate(messages, 1):
        store.append("s", number, events)
        store.commit()


def _rows(store: EventStore) -> list[dict[str, object]]:
    return sorted(store.select(), key=lambda row: (row["stream"], row["seq"], row["idx"]))


def test_compaction_changes_no_event(open_store: Open, attacks: Attacks) -> None:
    store = open_store(merge_width=4)
    _fill(store, attacks(20, days=3.4))
    before = _rows(store)
    done = store.compact()
    assert (done.segments_after, len(done.days_closed)) == (4, 3)
    assert _rows(store) == before
    assert store.compact().days_closed == ()
    assert _rows(store) == before


def test_a_closed_day_is_one_file_sorted_by_source(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    _fill(store, attacks(8))
    store.compact()
    for segment in store.snapshot().manifest.segments:
        assert segment.level == SORTED
        table = pq.ParquetFile(store.directory / segment.path).read(["src", "time", "seq"])
        keys = list(zip(table["src"].to_pylist(), table["time"].to_pylist(), strict=True))
        assert keys == sorted(keys)
        assert segment.sequences["s"][0] == min(table["seq"].to_pylist())
        assert segment.first_time == min(table["time"].to_pylist())
        assert segment.rows == len(keys)


def test_an_open_day_is_merged_level_by_level(open_store: Open, attacks: Attacks, clock: FakeClock) -> None:
    store = open_store(merge_width=4)
    clock.set(datetime(2026, 3, 1, 0, 10, tzinfo=UTC))
    for events in attacks(64, days=0.2, sessions=2):
        store.append("s", store.last_sequence("s") + 1, events)
        store.commit()
        store.compact()
    store.compact()
    store.compact()
    levels = sorted(segment.level for segment in store.snapshot().manifest.segments)
    assert levels == [3]
    assert store.snapshot().manifest.rollups == ()


def test_old_files_stay_for_the_grace_and_no_longer(
    open_store: Open, attacks: Attacks, clock: FakeClock
) -> None:
    store = open_store(grace_seconds=600)
    _fill(store, attacks(5))
    reader = store.snapshot()
    old = [store.directory / segment.path for segment in reader.manifest.segments]
    store.compact()
    clock.advance(599)
    assert store.compact().files_deleted == 0
    assert all(path.exists() for path in old)
    assert len(list(reader.select())) == sum(segment.rows for segment in reader.manifest.segments)
    clock.advance(1)
    assert store.compact().files_deleted == len(old)
    assert not any(path.exists() for path in old)
    assert store.snapshot().manifest.removed == ()
    with pytest.raises(StoreError, match=r"took longer than store\.grace_seconds"):
        list(Snapshot(store.directory, reader.manifest, store.settings).select())


def test_events_late_for_a_closed_day_go_to_that_day(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    messages = attacks(10)
    _fill(store, messages[:9])
    store.compact()
    store.append("s", 10, messages[9])
    store.commit()
    assert store.compact().days_closed
    assert len(store.snapshot().manifest.segments) == 3
    assert len(_rows(store)) == sum(map(len, messages))
    for segment in store.snapshot().manifest.segments:
        assert (
            segment.first_time.date()
            == segment.last_time.date()
            == datetime.fromisoformat(segment.day).date()
        )


def test_events_that_arrive_while_a_day_is_being_compacted_are_kept(
    open_store: Open, attacks: Attacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mead.store import compact

    store = open_store()
    messages = attacks(11)
    _fill(store, messages[:10])
    real = compact.execute

    def slow(*arguments: object) -> object:
        done = real(*arguments)
        if store.last_sequence("s") == 10:
            store.append("s", 11, messages[10])
            store.commit()
        return done

    monkeypatch.setattr(compact, "execute", slow)
    store.compact()
    assert len(_rows(store)) == sum(map(len, messages))
    manifest = store.snapshot().manifest
    late_days = {segment.day for segment in manifest.segments if segment.level == 0}
    assert late_days
    assert {rollup.day for rollup in manifest.rollups}.isdisjoint(late_days)
    store.compact()
    assert len(_rows(store)) == sum(map(len, messages))


def test_a_damaged_segment_stops_the_compaction_and_nothing_else(open_store: Open, attacks: Attacks) -> None:
    store = open_store()
    _fill(store, attacks(3, days=1))
    before = store.snapshot().manifest
    victim = store.directory / before.segments[1].path
    content = victim.read_bytes()
    victim.write_bytes(content[: len(content) // 2])
    with pytest.raises(StoreError, match=r"2026-03-01|cannot"):
        store.compact()
    assert store.snapshot().manifest == before
    assert store.problems() == [
        f"{victim} has {len(content) // 2} bytes instead of {len(content)}: put it back from a copy"
    ]
    victim.write_bytes(content)
    assert store.compact().days_closed == ("2026-03-01",)
    assert store.problems() == []


def test_a_segment_that_lost_rows_is_never_replaced(
    open_store: Open, attacks: Attacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    _fill(store, attacks(3, days=1))
    segments = store._manifest.segments
    grown = (msgspec.structs.replace(segments[0], rows=segments[0].rows + 1), *segments[1:])
    store._manifest = msgspec.structs.replace(store._manifest, segments=grown)
    with pytest.raises(StoreError, match="the old segments were kept"):
        store.compact()
    assert _files(store.directory) == {segment.path for segment in segments}


def _files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*.parquet")}
