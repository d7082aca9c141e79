# SPDX-License-Identifier: Apache-2.0
"""Reading events: from where the store ends, each sequence once, damage counted."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest

from mead.bus.client import Bus
from mead.bus.events import COMPRESSED, ENCODING_HEADER, EventReader, unpack
from mead.bus.publisher import Publisher
from mead.bus.server import NatsServer
from mead.errors import BusError, InputError
from mead.model.codec import encode_batch
from mead.model.event import CommandInput, LossCounted

Make = Callable[..., CommandInput]


async def publish(bus: Bus, command: Make, *batches: list[int]) -> list[int]:
    await bus.stream_for("s1")
    return [
        (await bus.publish("in.s1", encode_batch([command(number) for number in batch]))).sequence
        for batch in batches
    ]


async def test_a_reader_resumes_after_what_the_store_has(bus: Bus, command: Make) -> None:
    sequences = await publish(bus, command, [1], [2, 3], [4])
    async with EventReader(bus, "EVENTS_s1", sequences[0] + 1) as reader:
        second, third = await reader.next(2), await reader.next(2)
        assert await reader.next(0.05) is None
    assert second
    assert third
    assert (second.stream, second.sequence) == ("EVENTS_s1", sequences[1])
    assert [event.session for event in second.events] == ["2", "3"]
    assert third.sequence == sequences[2]


async def test_a_reader_continues_where_a_killed_server_left_it(
    server: NatsServer, bus: Bus, command: Make, kill: Callable[[NatsServer], None]
) -> None:
    await publish(bus, command, [1], [2])
    async with EventReader(bus, "EVENTS_s1") as reader:
        first = await anext(reader)
        kill(server)
        second = await reader.next(10)
        waiting = asyncio.create_task(anext(reader))
        async with Publisher(bus, "s1") as publisher:
            await publisher.publish_durably([command(3)])
        third = await asyncio.wait_for(waiting, 10)
    assert second
    assert [batch.events[0].session for batch in (first, second, third)] == ["1", "2", "3"]


async def test_what_is_acknowledged_is_forgotten(
    bus: Bus, command: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = await publish(bus, command, [1], [2], [3])
    async with EventReader(bus, "EVENTS_s1") as reader:
        assert not await reader.ack(sequences[1]), "an unsure publisher looks first"
        monkeypatch.setattr("mead.bus.events._PURGE_AFTER_SECONDS", 0)
        assert await reader.ack(sequences[1])
    info = await bus.stream_info("EVENTS_s1")
    assert info
    assert (info.state.first_seq, info.state.messages) == (sequences[2], 1)


async def test_an_acknowledgement_while_the_bus_is_away_can_be_repeated(
    server: NatsServer,
    bus: Bus,
    command: Make,
    kill: Callable[[NatsServer], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mead.bus.events._PURGE_AFTER_SECONDS", 0)
    sequences = await publish(bus, command, [1])
    async with EventReader(bus, "EVENTS_s1") as reader:
        kill(server)
        async with asyncio.timeout(5):
            while await reader.ack(sequences[0]):
                await asyncio.sleep(0)


async def test_a_stream_that_ends_before_the_store_is_an_error(bus: Bus, command: Make) -> None:
    sequences = await publish(bus, command, [1])
    async with EventReader(bus, "EVENTS_s1", sequences[0] + 1000) as reader:
        with pytest.raises(BusError, match="older than the store"):
            await reader.next(1)


async def test_an_emptied_stream_is_none(bus: Bus, command: Make) -> None:
    sequences = await publish(bus, command, [1], [2])
    await bus.purge("EVENTS_s1", below=sequences[1] + 1)
    async with EventReader(bus, "EVENTS_s1", sequences[1] + 1) as reader:
        assert await reader.next(0.05) is None
        (later,) = await publish(bus, command, [3])
        batch = await reader.next(2)
    assert batch
    assert batch.sequence == later


async def test_a_reader_may_be_there_before_its_stream(bus: Bus, command: Make) -> None:
    async with EventReader(bus, "EVENTS_s1", 5) as reader:
        assert await reader.next(0.1) is None
    async with EventReader(bus, "EVENTS_s1") as reader:
        waiting = asyncio.create_task(anext(reader))
        await asyncio.sleep(0.05)
        await publish(bus, command, [1])
        assert (await asyncio.wait_for(waiting, 5)).events == [command(1)]


@pytest.mark.parametrize(
    ("data", "headers", "reason"),
    [
        (b"\xc1", {}, "not a batch"),
        (b"nonsense", {ENCODING_HEADER: COMPRESSED}, "damaged"),
    ],
)
async def test_a_damaged_batch_is_a_counted_loss(
    bus: Bus, command: Make, data: bytes, headers: dict[str, str], reason: str
) -> None:
    await publish(bus, command, [1])
    broken = await bus.publish("in.s1", data, headers=headers)
    await publish(bus, command, [2])
    async with EventReader(bus, "EVENTS_s1") as reader:
        batches = [batch for _ in range(3) if (batch := await reader.next(2))]
    assert [len(batch.events) for batch in batches] == [1, 1, 1]
    loss = batches[1].events[0]
    assert isinstance(loss, LossCounted)
    assert batches[1].sequence == broken.sequence
    assert (loss.sensor, loss.what) == ("s1", "batch")
    assert reason in loss.reason


async def test_an_event_of_an_unknown_kind_is_a_counted_loss_at_its_place(bus: Bus, command: Make) -> None:
    await bus.stream_for("s1")
    strange = {"kind": "moon.landed", "time": datetime.now(UTC), "sensor": "s1"}
    batch = [msgspec.to_builtins(command(1)), strange, msgspec.to_builtins(command(3))]
    await bus.publish("in.s1", msgspec.msgpack.encode([1, batch]))
    async with EventReader(bus, "EVENTS_s1") as reader:
        first, loss, third = (await anext(reader)).events
    assert (first, third) == (command(1), command(3))
    assert isinstance(loss, LossCounted)
    assert (loss.what, loss.count, loss.unit, loss.sensor) == ("event", 1, "events", "s1")
    assert "moon.landed" in loss.reason


@pytest.mark.parametrize(
    ("data", "headers"),
    [(msgspec.msgpack.encode([2, []]), {}), (b"nonsense", {ENCODING_HEADER: "br"})],
    ids=["schema", "compression"],
)
async def test_a_batch_of_a_later_mead_waits_for_the_upgrade(
    bus: Bus, command: Make, data: bytes, headers: dict[str, str]
) -> None:
    await publish(bus, command, [1])
    later = await bus.publish("in.s1", data, headers=headers)
    async with EventReader(bus, "EVENTS_s1") as reader:
        await anext(reader)
        for _ in range(2):
            with pytest.raises(BusError, match=f"{later.sequence} waits on the bus: .*upgrade"):
                await reader.next(2)


@pytest.mark.parametrize("known", [True, False], ids=["resumed", "from the start"])
async def test_messages_that_the_bus_lost_are_counted_under_their_sequence(
    bus: Bus, command: Make, known: bool
) -> None:
    sequences = await publish(bus, command, [1], [2], [3], [4], [5])
    for lost in sequences[1:3]:
        await bus.delete("EVENTS_s1", lost)
    async with EventReader(bus, "EVENTS_s1", sequences[0] if known else 0) as reader:
        one, gap, four, five = [await anext(reader) for _ in range(4)]
    assert [batch.sequence for batch in (one, gap, four, five)] == [sequences[at] for at in (0, 2, 3, 4)]
    assert [batch.first for batch in (one, gap, four, five)] == [0, sequences[1], 0, 0]
    (loss,) = gap.events
    assert isinstance(loss, LossCounted)
    assert (loss.what, loss.count, loss.unit) == ("batch", 2, "batches")


async def test_messages_lost_before_the_first_read_are_counted_too(bus: Bus, command: Make) -> None:
    sequences = await publish(bus, command, [1], [2], [3])
    await bus.purge("EVENTS_s1", below=sequences[2])
    async with EventReader(bus, "EVENTS_s1", sequences[1]) as reader:
        gap, third = [await anext(reader) for _ in range(2)]
    assert (gap.first, gap.sequence, third.sequence) == (sequences[1], sequences[1], sequences[2])


def test_a_batch_unpacks_to_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    assert unpack(b"plain", None) == b"plain"
    assert unpack(zlib.compress(b"x" * 1000), COMPRESSED) == b"x" * 1000
    monkeypatch.setattr("mead.bus.events.MAX_BATCH_BYTES", 999)
    with pytest.raises(InputError, match="larger than 999"):
        unpack(zlib.compress(b"x" * 1000), COMPRESSED)
    with pytest.raises(InputError, match="cut off"):
        unpack(zlib.compress(b"x" * 100)[:-4], COMPRESSED)


async def test_two_readers_read_the_same(bus: Bus, command: Make) -> None:
    async with Publisher(bus, "s1") as publisher:
        await publisher.publish_durably([command(1)])
    async with EventReader(bus, "EVENTS_s1") as one, EventReader(bus, "EVENTS_s1") as two:
        assert await one.next(2) == await two.next(2)
