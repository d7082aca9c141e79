# SPDX-License-Identifier: Apache-2.0
"""Publishing: nothing acknowledged is lost or doubled, nothing dropped is uncounted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager

import msgspec
import pytest

from mead.bus import streams
from mead.bus.client import Bus, BusAwayError, Stored
from mead.bus.events import Batch, EventReader
from mead.bus.publisher import Publisher, PublisherSettings
from mead.bus.server import NatsServer
from mead.model.event import CommandInput, Event, LossCounted

Make = Callable[..., CommandInput]
Kill = Callable[[NatsServer], None]
Freeze = Callable[[], AbstractContextManager[None]]


async def read(bus: Bus) -> list[Batch]:
    """Everything that is in the stream now."""
    while True:
        try:
            info = await bus.stream_info("EVENTS_s1")
            break
        except BusAwayError:
            await bus.pause()
    assert info
    async with EventReader(bus, "EVENTS_s1") as reader:
        batches = [await anext(reader) for _ in range(info.state.messages)]
    assert batches[-1].sequence == info.state.last_seq
    return batches


def numbers(batches: list[Batch]) -> list[int]:
    return [int(event.session or -1) for batch in batches for event in batch.events]


@asynccontextmanager
async def absent(server: NatsServer, bus: Bus) -> AsyncIterator[None]:
    """The bus is away for the length of the block."""
    start = server._start
    allowed = asyncio.Event()

    async def wait_and_start() -> None:
        await allowed.wait()
        await start()

    server._start = wait_and_start  # type: ignore[method-assign]
    assert server._process
    server._process.kill()
    async with asyncio.timeout(5):
        while bus.connected:
            await asyncio.sleep(0.01)
    yield
    allowed.set()
    await server.wait_ready()
    await bus.wait_connected()


async def test_what_is_flushed_can_be_read_in_order(bus: Bus, command: Make) -> None:
    events: list[Event] = [command(n) for n in range(2500)]
    async with Publisher(bus, "s1") as publisher:
        for event in events:
            publisher.publish(event)
        await publisher.flush()
        assert publisher.acknowledged == 2500
        assert publisher.held_events == 0
        batches = await read(bus)
    assert [event for batch in batches for event in batch.events] == events
    assert len(batches) == 3


async def test_events_leave_by_themselves_after_a_moment(bus: Bus, command: Make) -> None:
    async with Publisher(bus, "s1", PublisherSettings(batch_seconds=0.01)) as publisher:
        publisher.publish(command(1))
        publisher.publish(command(2))
        async with EventReader(bus, "EVENTS_s1") as reader:
            assert numbers([await anext(reader)]) == [1, 2]


@pytest.mark.parametrize("compression", ["none", "zlib"])
async def test_both_encodings_are_read(bus: Bus, command: Make, compression: str) -> None:
    settings = msgspec.convert({"compression": compression}, PublisherSettings)
    async with Publisher(bus, "s1", settings) as publisher:
        await publisher.publish_durably([command(1, padding=2000)])
        batch = (await read(bus))[0]
    assert batch.events == [command(1, padding=2000)]


async def test_the_end_of_the_block_flushes(bus: Bus, command: Make) -> None:
    async with Publisher(bus, "s1") as publisher:
        publisher.publish(command(1))
    assert numbers(await read(bus)) == [1]


async def test_flush_without_events_returns(bus: Bus) -> None:
    async with Publisher(bus, "s1") as publisher:
        await publisher.flush()


async def test_an_absence_loses_nothing_that_fits(server: NatsServer, bus: Bus, command: Make) -> None:
    async with Publisher(bus, "s1", PublisherSettings(batch_events=10)) as publisher:
        await publisher.publish_durably([command(0)])
        async with absent(server, bus):
            for n in range(1, 500):
                publisher.publish(command(n))
            assert publisher.held_events == 499
        async with asyncio.timeout(20):
            await publisher.flush()
        assert publisher.dropped == 0
    assert sorted(numbers(await read(bus))) == list(range(500))


@pytest.mark.parametrize("bound", [{"memory_events": 100}, {"memory_bytes": 20_000}])
async def test_what_does_not_fit_is_counted(
    server: NatsServer, bus: Bus, command: Make, bound: dict[str, int]
) -> None:
    settings = PublisherSettings(batch_events=10, **bound)  # type: ignore[arg-type]
    async with Publisher(bus, "s1", settings) as publisher:
        async with absent(server, bus):
            for n in range(1000):
                publisher.publish(command(n))
            assert publisher.held_events <= 100 + 100
            assert publisher._held_bytes <= settings.memory_bytes
            assert publisher.dropped == 1000 - publisher.held_events
        async with asyncio.timeout(20):
            await publisher.flush()
        events = [event for batch in await read(bus) for event in batch.events]
    kept = [event for event in events if isinstance(event, CommandInput)]
    losses = [event for event in events if isinstance(event, LossCounted)]
    assert len(kept) + sum(loss.count for loss in losses) == 1000
    assert {(loss.what, loss.unit, loss.sensor) for loss in losses} == {("command.input", "events", "s1")}
    assert "memory of the publisher" in losses[0].reason


async def test_an_event_that_is_too_large_is_counted(bus: Bus, command: Make) -> None:
    async with Publisher(bus, "s1", PublisherSettings(max_event_bytes=500)) as publisher:
        publisher.publish(command(1, padding=600))
        publisher.publish(command(2))
        with pytest.raises(ValueError, match="at most 500 travel"):
            await publisher.publish_durably([command(3, padding=600)])
        await publisher.flush()
        events = [event for batch in await read(bus) for event in batch.events]
    assert [event.kind for event in events] == ["command.input", "loss.counted"]


async def test_a_full_stream_holds_back_and_loses_nothing(
    server: NatsServer, bus: Bus, command: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.bus.publisher._FULL_PAUSE_SECONDS", 0.02)
    small = msgspec.structs.replace(bus.settings, events_bytes=8192)
    async with (
        Bus.connect(server.credentials, settings=small) as narrow,
        Publisher(narrow, "s1", PublisherSettings(batch_events=5, compression="none")) as publisher,
    ):
        for n in range(200):
            publisher.publish(command(n))
        flushed = asyncio.create_task(publisher.flush())
        await asyncio.sleep(0.2)
        assert not flushed.done()
        got: list[int] = []
        async with EventReader(bus, "EVENTS_s1") as reader:
            while len(got) < 200:
                batch = await reader.next(5)
                assert batch
                got += numbers([batch])
                await bus.purge("EVENTS_s1", below=batch.sequence + 1)
        await flushed
    assert sorted(got) == list(range(200))


async def test_a_stream_that_was_removed_is_made_again(bus: Bus, command: Make) -> None:
    async with Publisher(bus, "s1") as publisher:
        await publisher.publish_durably([command(1)])
        await bus.api("STREAM.DELETE.EVENTS_s1", {}, dict)
        async with asyncio.timeout(20):
            await publisher.publish_durably([command(2)])
    assert numbers(await read(bus)) == [2]


async def test_publishing_durably_waits_for_room(bus: Bus, command: Make) -> None:
    async with Publisher(bus, "s1", PublisherSettings(memory_events=10)) as publisher:
        await publisher.publish_durably(command(n) for n in range(100))
        assert publisher.dropped == 0
    assert numbers(await read(bus)) == list(range(100))


async def test_a_lost_answer_stores_nothing_twice(
    bus: Bus, command: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, answers = Bus.publish, iter([True, False])

    async def deaf(self: Bus, *args: object, **options: object) -> Stored:
        stored = await real(self, *args, **options)  # type: ignore[arg-type]
        if next(answers):
            raise BusAwayError("the answer was lost")
        return stored

    monkeypatch.setattr(Bus, "publish", deaf)
    async with Publisher(bus, "s1") as publisher:
        await publisher.publish_durably([command(1)])
    assert numbers(await read(bus)) == [1]


async def test_not_even_after_the_server_forgot_the_message_id(
    server: NatsServer, command: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stored, answer lost, and the bus comes back after the duplicate window."""
    real, answers = Bus.publish, iter([True, True, False])

    async def deaf(self: Bus, *args: object, **options: object) -> Stored:
        stored = await real(self, *args, **options)  # type: ignore[arg-type]
        if next(answers):
            await asyncio.sleep(0.4)
            raise BusAwayError("the answer was lost")
        return stored

    forgetful = streams.StreamSettings(events_bytes=8 << 20, duplicate_window_seconds=0.2)
    async with Bus.connect(server.credentials, settings=forgetful) as bus:
        async with Publisher(bus, "s1") as publisher:
            await publisher.publish_durably([command(0)])
            monkeypatch.setattr(Bus, "publish", deaf)
            await publisher.publish_durably([command(1)])
        assert numbers(await read(bus)) == [0, 1]


async def test_a_batch_that_is_truly_missing_is_sent_again(
    server: NatsServer, command: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = Bus.publish, iter([True, False])

    async def absent_once(self: Bus, *args: object, **options: object) -> Stored:
        if next(failures):
            await asyncio.sleep(0.3)
            raise BusAwayError("never arrived")
        return await real(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Bus, "publish", absent_once)
    forgetful = streams.StreamSettings(events_bytes=8 << 20, duplicate_window_seconds=0.2)
    async with Bus.connect(server.credentials, settings=forgetful) as bus, Publisher(bus, "s1") as publisher:
        await publisher.publish_durably([command(1)])
        assert numbers(await read(bus)) == [1]


async def test_what_is_left_at_the_end_is_said(
    bus: Bus,
    command: Make,
    freeze: Freeze,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with freeze():
        async with Publisher(bus, "s1", PublisherSettings(close_seconds=0.05)) as publisher:
            publisher.publish(command(1))
            publisher.publish(command(2))
    assert "2 events are lost" in caplog.text


@pytest.mark.parametrize("round_number", range(3))
async def test_kill_9_under_load_loses_and_doubles_nothing(
    server: NatsServer, bus: Bus, command: Make, kill: Kill, round_number: int
) -> None:
    """A reader follows while the server is killed three times; every event arrives under one identity."""
    total, got = 6000, list[int]()
    seen: set[int] = set()
    stream = await bus.stream_for("s1")

    async def follow() -> None:
        async with EventReader(bus, stream) as reader:
            async for batch in reader:
                assert batch.sequence not in seen
                seen.add(batch.sequence)
                got.extend(numbers([batch]))
                if len(got) >= total:
                    return

    async with Publisher(bus, "s1", PublisherSettings(batch_events=20, in_flight=8)) as publisher:
        follower = asyncio.create_task(follow())
        for n in range(total):
            publisher.publish(command(n, padding=200))
            if n % 20 == 0:
                await asyncio.sleep(0.001)
            if n % 1700 == 1000 + 37 * round_number and server.pid:
                kill(server)
        async with asyncio.timeout(90):
            await publisher.flush()
            await follower
        assert publisher.dropped == 0
    stored = await read(bus)
    assert sorted(numbers(stored)) == list(range(total)), "in the stream: each once"
    assert sorted(got) == list(range(total)), "at the reader: each once"
    assert server.restarts >= 2


@pytest.mark.soak
@pytest.mark.timeout(600)
async def test_kill_9_at_fifty_random_moments(
    server: NatsServer, bus: Bus, command: Make, kill: Kill
) -> None:
    import random

    moments = random.Random(2)
    number, stop = 0, asyncio.Event()

    async with Publisher(bus, "s1", PublisherSettings(batch_events=20)) as publisher:

        async def load() -> None:
            nonlocal number
            while not stop.is_set():
                for _ in range(20):
                    publisher.publish(command(number, padding=50))
                    number += 1
                await asyncio.sleep(0.002)

        loading = asyncio.create_task(load())
        for _ in range(50):
            await asyncio.sleep(moments.uniform(0.0, 0.3))
            if server.pid:
                kill(server)
        stop.set()
        await loading
        async with asyncio.timeout(60):
            await publisher.flush()
        assert publisher.dropped == 0
    assert sorted(numbers(await read(bus))) == list(range(number))
    assert server.restarts > 25


@pytest.mark.soak
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", [10, 60])
@pytest.mark.parametrize("way", ["silent", "gone"])
async def test_an_absence_under_load_loses_what_does_not_fit_and_counts_it_exactly(
    server: NatsServer, bus: Bus, command: Make, freeze: Freeze, seconds: float, way: str
) -> None:
    clock = asyncio.get_running_loop().time
    number, stop = 0, asyncio.Event()
    settings = PublisherSettings(memory_events=5000)

    async def load(publisher: Publisher) -> None:
        nonlocal number
        while not stop.is_set():
            for _ in range(20):
                publisher.publish(command(number, padding=50))
                number += 1
            await asyncio.sleep(0.01)

    async with Publisher(bus, "s1", settings) as publisher:
        loading = asyncio.create_task(load(publisher))
        await asyncio.sleep(1)
        if way == "silent":
            with freeze():
                await asyncio.sleep(seconds)
        else:
            async with absent(server, bus):
                await asyncio.sleep(seconds)
        await asyncio.sleep(2)
        stop.set()
        await loading
        back = clock()
        async with asyncio.timeout(30):
            await publisher.flush()
        assert clock() - back < 10
        dropped = publisher.dropped
    events = [event for batch in await read(bus) for event in batch.events]
    kept = [int(event.session or -1) for event in events if isinstance(event, CommandInput)]
    lost = sum(event.count for event in events if isinstance(event, LossCounted))
    assert len(kept) == len(set(kept)), "each once"
    assert lost == dropped == number - len(kept)
    assert lost > 0
    assert kept[:5000] == list(range(5000)), "what fits is kept, and in its order"
