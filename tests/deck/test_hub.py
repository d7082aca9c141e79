"""What sensors put on the bus ends in body store, event store and catalogue, each once."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mead.bus.bodies import BodySender
from mead.bus.client import Bus
from mead.bus.events import Batch
from mead.bus.publisher import Publisher, PublisherSettings
from mead.bus.queue import WorkQueue
from mead.bus.server import NatsServer
from mead.bus.streams import event_subject
from mead.clock import FakeClock
from mead.deck.embedded import way_in
from mead.deck.hub import ANALYSIS_QUEUE, Hub, _Intake, _whole_messages, name_of
from mead.deck.layout import Layout
from mead.deck.settings import HubSettings, Settings
from mead.errors import StoreError
from mead.model.event import AnalysisDone, Event, LoginAttempt, SampleCaptured
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.reader import StoredEvents
from mead.store.settings import StoreSettings

RunHub = Callable[[], AbstractAsyncContextManager[Hub]]
BODY = b"benign marker body\n" * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()


def _settings(path: Path) -> Settings:
    return Settings(data_dir=path / "var", hub=HubSettings(commit_seconds=0.05))


def _login(number: int) -> Event:
    return LoginAttempt(
        time=datetime.now(UTC), sensor="s1", session=f"x{number}", username="root", password=str(number),
        method="password", success=False,
    )  # fmt: skip


def _captured(sha256: str = DIGEST) -> Event:
    return SampleCaptured(
        time=datetime.now(UTC),
        sensor="s1",
        session="x",
        src="192.0.2.1",
        sha256=sha256,
        size=len(BODY),
        how="echo",
    )


@pytest.mark.parametrize(
    ("name", "url", "expected"),
    [
        ("invoice.zip", None, "invoice.zip"), ("a", "http://192.0.2.1/b", "a"), (None, None, None),
        (None, "http://192.0.2.1/x/bins.sh?a=/b#c", "bins.sh"), (None, "http://192.0.2.1", None),
        (None, "tftp://192.0.2.1/", None),
    ],
)  # fmt: skip
def test_a_body_is_called_what_its_sender_called_it(
    name: str | None, url: str | None, expected: str | None
) -> None:
    captured = SampleCaptured(
        time=datetime.now(UTC), sensor="s1", sha256=DIGEST, size=1, how="fetch", name=name, url=url
    )
    assert name_of(captured) == expected


async def test_bodies_events_and_samples_are_stored_and_work_is_handed_out(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with way_in(settings) as way:
        assert way.own
        assert await way.bodies().put(BODY) == DIGEST
        async with Publisher(way.bus, "s1") as publisher:
            await publisher.publish_durably([_login(1), _captured(), _login(2)])
        await way.settled("s1")
        async for lease in WorkQueue(way.bus, ANALYSIS_QUEUE).consume():
            assert lease.job.sha256 == DIGEST
            assert (lease.job.sensor, lease.job.session) == ("s1", "x")
            await lease.done()
            break
    layout = Layout(settings.data_dir)
    assert BodyStore(layout.bodies).read(DIGEST) == BODY
    kinds = [row["kind"] for row in StoredEvents(layout.events).select("sensor = 's1'")]
    assert sorted(kinds) == ["login.attempt", "login.attempt", "sample.captured"]
    with Catalogue.open(layout.catalogue) as catalogue, catalogue.ask() as queries:
        sample = queries.sample(DIGEST)
    assert sample is not None
    assert (sample.sightings, sample.sources) == (1, 1)


async def test_a_second_command_uses_the_running_deck(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with way_in(settings) as first, way_in(settings) as second:
        assert first.own
        assert not second.own
        async with Publisher(second.bus, "s2") as publisher:
            await publisher.publish_durably([_login(1)])
        await second.settled("s2")


async def test_what_was_stored_and_not_projected_is_projected_at_the_next_start(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    layout = Layout(settings.data_dir)
    async with way_in(settings) as way:
        await way.bodies().put(BODY)
        async with Publisher(way.bus, "s1") as publisher:
            await publisher.publish_durably([_captured()])
        await way.settled("s1")
    for path in layout.root.glob("catalogue.sqlite*"):
        path.unlink()
    async with way_in(settings):
        pass
    with Catalogue.open(layout.catalogue) as catalogue, catalogue.ask() as queries:
        assert queries.sample(DIGEST) is not None


async def test_a_body_that_never_arrives_is_counted(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    async with way_in(settings) as way:
        async with Publisher(way.bus, "s1") as publisher:
            await publisher.publish_durably([_captured()])
        await way.settled("s1")
        for _ in range(200):
            found = list(StoredEvents(way.layout.events).select("kind = 'loss.counted'"))
            if found:
                break
            await asyncio.sleep(0.05)
    assert DIGEST in found[0]["what"]


async def until_stored(hub: Hub, wanted: int, where: str | None = None) -> list[dict[str, Any]]:
    """The events that are stored, once there are as many."""
    async with asyncio.timeout(60):
        while len(rows := list(hub.events.snapshot().select(where))) < wanted:
            await asyncio.sleep(0.02)
    return rows


async def test_messages_that_the_bus_lost_are_counted_and_hold_nothing_up(
    bus: Bus, run_hub: RunHub, layout: Layout
) -> None:
    async with Publisher(bus, "s1", PublisherSettings(batch_events=1)) as publisher:
        await publisher.publish_durably([_login(number) for number in range(5)])
    info = await bus.stream_info("EVENTS_s1")
    assert info
    for lost in (info.state.first_seq + 1, info.state.first_seq + 2):
        await bus.delete("EVENTS_s1", lost)
    async with run_hub() as hub:
        rows = await until_stored(hub, 4)
        assert hub.events.last_sequence("EVENTS_s1") == info.state.last_seq
    assert sum(row["count"] for row in rows if row["kind"] == "loss.counted") == 2
    async with run_hub() as hub:
        assert len(await until_stored(hub, 4)) == 4, "and once"


async def test_messages_that_were_gone_before_the_hub_came_are_counted(bus: Bus, run_hub: RunHub) -> None:
    async with Publisher(bus, "s1", PublisherSettings(batch_events=1)) as publisher:
        await publisher.publish_durably([_login(1)])
        async with run_hub() as hub:
            await until_stored(hub, 1)
        await publisher.publish_durably([_login(number) for number in range(2, 6)])
        info = await bus.stream_info("EVENTS_s1")
        assert info
        await bus.purge("EVENTS_s1", below=info.state.last_seq)
    async with run_hub() as hub:
        rows = await until_stored(hub, 3)
    assert [row["count"] for row in rows if row["kind"] == "loss.counted"] == [3]


async def test_a_stream_made_anew_is_no_loss(bus: Bus, run_hub: RunHub) -> None:
    bus.clock = FakeClock(datetime(2026, 3, 1, tzinfo=UTC))
    async with Publisher(bus, "s1") as publisher:
        await publisher.publish_durably([_login(1)])
        async with run_hub() as hub:
            await until_stored(hub, 1)
        await bus.api("STREAM.DELETE.EVENTS_s1", {}, dict)
        bus.clock = FakeClock(datetime(2026, 3, 2, tzinfo=UTC))
        bus._known.clear()
        await publisher.publish_durably([_login(2)])
        async with run_hub() as hub:
            rows = await until_stored(hub, 2)
            await until_projected(hub, "EVENTS_s1")
    assert [row["kind"] for row in rows] == ["login.attempt"] * 2


async def until_projected(hub: Hub, stream: str) -> None:
    async with asyncio.timeout(60):
        while True:
            with hub.catalogue.ask() as queries:
                if queries.positions().get(stream, 0) >= hub.events.last_sequence(stream):
                    return
            await asyncio.sleep(0.02)


async def test_a_stream_that_cannot_be_read_holds_up_no_other(
    bus: Bus, run_hub: RunHub, caplog: pytest.LogCaptureFixture
) -> None:
    await bus.stream_for("later")
    await bus.publish(event_subject("later"), msgspec.msgpack.encode([99, []]))
    async with run_hub() as hub, Publisher(bus, "s1") as publisher:
        await publisher.publish_durably([_login(1)])
        await until_stored(hub, 1)
        async with asyncio.timeout(30):
            while "schema 99" not in caplog.text:
                await asyncio.sleep(0.02)
        await publisher.publish_durably([_login(2)])
        await until_stored(hub, 2)
    info = await bus.stream_info("EVENTS_later")
    assert info
    assert info.state.messages == 1, "it waits for the upgrade"


async def test_a_catalogue_made_anew_is_the_same_and_hands_out_only_what_nobody_looked_at(
    bus: Bus, run_hub: RunHub, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.deck.hub._CATCH_UP_EVENTS", 3)
    queue, sender = WorkQueue(bus, ANALYSIS_QUEUE), BodySender(bus)
    other = await sender.put(b"nobody looked at it")
    await sender.put(BODY)
    seen = AnalysisDone(
        time=datetime.now(UTC), sensor="worker-1", sha256=DIGEST, analyser="hashes", verdict="done"
    )
    async with run_hub() as hub, Publisher(bus, "s1") as publisher:
        await publisher.publish_durably([_login(1), _captured(), _login(2), seen])
        await publisher.publish_durably([_captured(), _captured(other), _login(3)])
        await until_stored(hub, 7)
        await until_projected(hub, "EVENTS_s1")
    before = _dump(layout.catalogue)
    async for lease in queue.consume():
        await lease.done()
        if await queue.length() == 0:
            break
    for path in layout.root.glob("catalogue.sqlite*"):
        path.unlink()
    await bus.api(f"STREAM.PURGE.{queue.stream}", {}, dict)
    await bus.api(f"STREAM.DELETE.{queue.stream}", {}, dict)  # and with it the ids of earlier jobs
    bus._known.clear()
    async with run_hub():
        assert _dump(layout.catalogue) == before
        assert await queue.length() == 1
        lease = await anext(queue.consume())
        assert lease.job.sha256 == other


async def test_a_store_whose_disk_failed_is_opened_anew_by_the_next_hub(
    bus: Bus, run_hub: RunHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async def run_on_a_failing_disk(publisher: Publisher) -> None:
        with monkeypatch.context() as patch:
            async with run_hub() as hub, asyncio.timeout(60):
                patch.setattr("mead.store.events.fsync_directory", fails)
                await publisher.publish_durably([_login(2)])
                while not hub.events.broken:
                    await asyncio.sleep(0.01)
                await asyncio.sleep(0.1)

    async with Publisher(bus, "s1") as publisher:
        await publisher.publish_durably([_login(1)])
        with pytest.raises(ExceptionGroup) as raised:
            await run_on_a_failing_disk(publisher)
        assert raised.group_contains(StoreError, match="Input/output error")
        async with run_hub() as hub:
            rows = await until_stored(hub, 2)
    assert sorted(row["password"] for row in rows) == ["1", "2"]


async def test_the_catalogue_may_be_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite"
    store = StoreSettings(catalogue=f"sqlite:///{elsewhere}")
    settings = msgspec.structs.replace(_settings(tmp_path), store=store)
    async with way_in(settings) as way:
        await way.bodies().put(BODY)
        async with Publisher(way.bus, "s1") as publisher:
            await publisher.publish_durably([_captured()])
        await way.settled("s1")
    assert not Layout(settings.data_dir).catalogue.exists()
    with Catalogue.open(elsewhere) as catalogue, catalogue.ask() as queries:
        assert queries.sample(DIGEST) is not None


def _dump(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: sorted(database.execute(f"SELECT * FROM {name}")) for name in names}  # ours


async def test_readers_wait_when_the_intake_is_full_and_it_rests_no_longer_then() -> None:
    intake, batch = _Intake(2), Batch("s", 1, [])
    await intake.add(batch)
    resting = asyncio.create_task(intake.rest(3600))
    await asyncio.sleep(0)
    assert not resting.done()
    await intake.add(batch)
    async with asyncio.timeout(10):
        await resting
    third = asyncio.create_task(intake.add(batch))
    await asyncio.sleep(0)
    assert not third.done()
    assert len(await intake.take()) == 2
    async with asyncio.timeout(10):
        await third
    await intake.rest(0.001)
    assert len(await intake.take()) == 1


def test_a_message_is_never_divided() -> None:
    rows = [("s", sequence, index, _login(0)) for sequence in range(1, 5) for index in range(sequence)]
    chunks = list(_whole_messages(iter(rows), 2))
    assert [row for chunk in chunks for row in chunk] == rows
    assert [[row[1] for row in chunk] for chunk in chunks] == [[1, 2, 2], [3, 3, 3], [4, 4, 4, 4]]


async def test_a_restarted_hub_goes_on_where_the_last_one_ended(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    layout = Layout(settings.data_dir)
    layout.make()
    async with NatsServer(layout.bus) as server, Bus.connect(server.credentials) as bus:
        async with Publisher(bus, "s1") as publisher:
            for round_number in range(3):
                await publisher.publish_durably([_login(round_number * 10 + n) for n in range(10)])
                async with Hub(bus, layout, settings) as hub:
                    task = asyncio.create_task(hub.run())
                    while len(list(StoredEvents(layout.events).select())) < (round_number + 1) * 10:
                        await asyncio.sleep(0.02)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
        await BodySender(bus).put(b"left over")
    passwords = [row["password"] for row in StoredEvents(layout.events).select()]
    assert sorted(map(int, passwords)) == list(range(30))
