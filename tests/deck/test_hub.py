"""What sensors put on the bus ends in body store, event store and catalogue, each once."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mead.bus.bodies import BodySender
from mead.bus.client import Bus
from mead.bus.publisher import Publisher
from mead.bus.queue import WorkQueue
from mead.bus.server import NatsServer
from mead.deck.embedded import way_in
from mead.deck.hub import ANALYSIS_QUEUE, Hub
from mead.deck.layout import Layout
from mead.deck.settings import HubSettings, Settings
from mead.model.event import Event, LoginAttempt, SampleCaptured
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue
from mead.store.reader import StoredEvents

BODY = b"benign marker body\n" * 1000
DIGEST = hashlib.sha256(BODY).hexdigest()


def _settings(path: Path) -> Settings:
    return Settings(data_dir=path / "var", hub=HubSettings(commit_seconds=0.05))


def _login(number: int) -> Event:
    return LoginAttempt(
        time=datetime.now(UTC), sensor="s1", session=f"x{number}", username="root", password=str(number),
        method="password", success=False,
    )  # fmt: skip


def _captured() -> Event:
    return SampleCaptured(
        time=datetime.now(UTC),
        sensor="s1",
        session="x",
        src="192.0.2.1",
        sha256=DIGEST,
        size=len(BODY),
        how="echo",
    )


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
