"""A store of synthetic attacks for the tests of the event store."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mead.clock import FakeClock
from mead.model import event as model
from mead.model.event import Event
from mead.store.events import EventStore
from mead.store.settings import StoreSettings

START = datetime(2026, 3, 1, tzinfo=UTC)


def _attack(dice: random.Random, days: float, session: str) -> list[Event]:
    """One session of few sources on few ports, often near midnight, so that attacks group and cross it."""
    day = dice.randrange(max(1, int(days)))
    near_midnight = timedelta(days=day + 1, seconds=dice.uniform(-700, 700))
    time = START + (near_midnight if dice.random() < 0.3 else timedelta(days=dice.random() * days))
    time = min(time, START + timedelta(days=days, seconds=-5))
    peer = {
        "sensor": dice.choice(["alpha", "beta"]), "src": f"192.0.2.{dice.randrange(8)}", "session": session,
        "dst_port": dice.choice([22, 23, None]), "transport": "tcp",
        "service": dice.choice(["ssh", "telnet"]),
    }  # fmt: skip
    events: list[Event] = [model.SessionOpen(time=time, **peer)]
    if dice.random() < 0.5:
        events.append(
            model.LoginAttempt(
                time=time + timedelta(seconds=1), username="root", password="x", method="password",
                success=dice.random() < 0.5, **peer,
            )
        )  # fmt: skip
    if dice.random() < 0.3:
        events.append(
            model.OfferSeen(
                time=time + timedelta(seconds=2), offer=f"o-{session}", url="http://h/x", tool="wget", **peer
            )
        )
    if dice.random() < 0.3:
        headers = [("Host", "h"), ("X", session)]
        events.append(
            model.RequestReceived(
                time=time + timedelta(seconds=3), method="GET", target="/", headers=headers, **peer
            )
        )
    return events


@pytest.fixture
def attacks() -> Callable[..., list[list[Event]]]:
    """Makes the events of `count` messages over `days` days, the same for the same seed."""

    def make(count: int, *, days: float = 3, sessions: int = 10, seed: int = 1) -> list[list[Event]]:
        dice = random.Random(seed)
        return [
            [event for at in range(sessions) for event in _attack(dice, days, f"{seed}-{number}-{at}")]
            for number in range(count)
        ]

    return make


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START + timedelta(days=3, hours=12))


@pytest.fixture
def open_store(tmp_path: Path, clock: FakeClock) -> Iterator[Callable[..., EventStore]]:
    """Opens the test's one store; all that were opened are closed at the end."""
    opened: list[EventStore] = []

    def make(**settings: int) -> EventStore:
        opened.append(EventStore.open(tmp_path / "events", StoreSettings(**settings), clock=clock))
        return opened[-1]

    yield make
    for store in opened:
        store.close()
