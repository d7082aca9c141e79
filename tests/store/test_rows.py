from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from mead.errors import StoreError
from mead.model import event as model
from mead.model.catalogue import KINDS
from mead.model.event import Event
from mead.store.rows import NAMES, SCHEMA, by_day, event_of, row_of, table_of

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)

_VALUES: dict[Any, Any] = {str: "text", int: 7, bool: True, float: 1.5}


def _example(kind: type[Event]) -> Event:
    fields = {
        field.name: msgspec.convert(_value(field.type), field.type) for field in msgspec.structs.fields(kind)
    }
    return kind(**fields)


def _value(hint: Any) -> Any:
    text = str(hint)
    if "tuple" in text:
        return [["a", "b"]]
    if "list[int]" in text:
        return [1, 2]
    if "list" in text:
        return ["a", "b"]
    if "datetime" in text:
        return NOON
    return next(
        value for base, value in _VALUES.items() if hint is base or base in getattr(hint, "__args__", ())
    )


def _back(events: list[Event]) -> list[Event | None]:
    table = table_of([("s", 1, events)])
    rows = sorted(table.to_pylist(), key=lambda row: row["idx"])
    return [event_of(row_of(NAMES, [row[name] for name in NAMES])) for row in rows]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_comes_back_as_it_went_in(kind: type[Event]) -> None:
    event = _example(kind)
    assert _back([event]) == [event]


def test_an_event_with_nothing_optional_comes_back_too() -> None:
    event = model.SessionOpen(time=NOON, sensor="a")
    assert (
        _back([event, model.RequestReceived(time=NOON, sensor="a", method="GET", target="/"), event])[::2]
        == [event] * 2
    )


def test_an_integer_that_no_column_holds_does_not_stop_its_neighbours() -> None:
    huge = model.LimitReached(time=NOON, sensor="a", limit="x", limit_value=1 << 70, unit="bytes")
    fine = model.LimitReached(time=NOON, sensor="a", limit="x", limit_value=5, unit="bytes")
    assert _back([huge, fine])[1] == fine
    table = table_of([("s", 1, [huge, fine])])
    assert table["limit_value"].to_pylist() == [None, 5]
    assert str(1 << 70) in table["data"].to_pylist()[0]


def test_text_that_is_no_unicode_is_kept_escaped() -> None:
    event = model.CommandInput(time=NOON, sensor="a", command="x\udc80y")
    odd = model.RequestReceived(time=NOON, sensor="a", method="G", target="/", headers=[("h", "\udc80")])
    assert table_of([("s", 1, [event])])["command"].to_pylist() == ["x\\udc80y"]
    assert _back([odd]) == [msgspec.structs.replace(odd, headers=[("h", "?")])]


def test_the_day_is_that_of_the_event_in_utc() -> None:
    east = timezone(timedelta(hours=9))
    times = [
        datetime(2026, 3, 2, 8, 59, 59, 999999, tzinfo=east), datetime(2026, 3, 2, 9, 0, tzinfo=east),
        datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    ]  # fmt: skip
    table = table_of([("s", 1, [model.SessionOpen(time=time, sensor="a") for time in times])])
    days = {day: part["idx"].to_pylist() for day, part in by_day(table)}
    assert days == {
        "0001-01-01": [4], "1969-12-31": [2], "1970-01-01": [3], "2026-03-01": [0], "2026-03-02": [1],
        "9999-12-31": [5],
    }  # fmt: skip
    assert list(days) == sorted(days)


def test_no_events_are_an_empty_table_and_no_day() -> None:
    table = table_of([("s", 1, [])])
    assert table.schema == SCHEMA
    assert list(by_day(table)) == []


def test_an_event_outside_the_catalogue_is_refused() -> None:
    class Stranger(Event, frozen=True, kw_only=True, tag="stranger.seen"):
        pass

    with pytest.raises(StoreError, match="Stranger is not in the catalogue"):
        table_of([("s", 1, [Stranger(time=NOON, sensor="a")])])


def test_a_row_of_an_unknown_kind_is_no_event() -> None:
    assert event_of({"kind": "gone.kind", "time": NOON, "sensor": "a"}) is None
