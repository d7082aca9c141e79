# SPDX-License-Identifier: Apache-2.0
"""Foreign records are added once, whatever stands between them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mead.bus.publisher import Publisher
from mead.deck import foreign
from mead.deck.embedded import way_in
from mead.deck.foreign import Taken, take_in
from mead.deck.settings import Settings
from mead.model.event import Event, LoginAttempt
from mead.sensors.logs import BrokenLine
from mead.store.reader import StoredEvents


def _login(number: int, origin: str | None = "") -> Event:
    return LoginAttempt(
        time=datetime(2026, 1, 1, tzinfo=UTC), sensor="farm", username="root", password=str(number),
        method="password", success=False, origin=f"origin-{number}" if origin == "" else origin,
    )  # fmt: skip


async def test_duplicates_are_left_out_within_a_run_and_between_runs(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "_BATCH_EVENTS", 3)
    steps: list[int] = []
    records = [
        _login(1),
        _login(2),
        BrokenLine(3, "not JSON", "{"),
        _login(1),
        _login(4, None),
        _login(4, None),
    ]
    async with way_in(settings) as way:
        first = await take_in(way, "farm", records, steps.append)
        second = await take_in(way, "farm", records[:4], steps.append)
        stored = list(StoredEvents(way.layout.events).select("sensor = 'farm'"))
    assert (first.events, first.duplicates, dict(first.broken)) == (4, 1, {"not JSON": 1})
    assert dict(first.kinds) == {"login.attempt": 4}
    assert (second.events, second.duplicates) == (0, 3)
    assert steps == [3, 3, 3, 1]
    assert sorted(row["password"] for row in stored) == ["1", "2", "4", "4"]


async def test_what_a_killed_run_left_on_the_bus_is_not_added_again(settings: Settings) -> None:
    async with way_in(settings) as way:
        async with Publisher(way.bus, "farm") as publisher:
            await publisher.publish_durably([_login(1), _login(2)])  # and killed before the hub has it
        again = await take_in(way, "farm", [_login(1), _login(2), _login(3)], lambda _: None)
        stored = list(StoredEvents(way.layout.events).select("sensor = 'farm'"))
    assert (again.events, again.duplicates) == (1, 2)
    assert sorted(row["password"] for row in stored) == ["1", "2", "3"]


async def test_records_are_read_beside_the_loop(settings: Settings) -> None:
    readers = set()

    def records() -> Iterator[Event]:
        readers.add(threading.current_thread())
        yield _login(1)

    async with way_in(settings) as way:
        await take_in(way, "farm", records(), lambda _: None)
    assert threading.main_thread() not in readers


def test_a_file_of_another_kind_is_told_from_an_empty_one() -> None:
    assert not Taken().nothing_known
    wrong = Taken()
    wrong.broken["not JSON"] += 1
    assert wrong.nothing_known
    wrong.duplicates = 1
    assert not wrong.nothing_known
