# SPDX-License-Identifier: Apache-2.0
"""Bodies: whole or not at all, resumed chunk by chunk, never sent twice for nothing."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from mead.bus import streams
from mead.bus.bodies import CHUNK_BYTES, BodyReceiver, BodySender, BodySettings, Leftover
from mead.bus.client import Bus, BusFullError, Stored, StreamInfo
from mead.bus.pull import Message
from mead.bus.server import NatsServer
from mead.clock import FakeClock

Kill = Callable[[NatsServer], None]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def chunks_on_bus(bus: Bus) -> int:
    info = await bus.stream_info(streams.BODIES)
    return info.state.messages if info else 0


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES - 1])
async def test_a_body_arrives_whole_and_is_then_forgotten(bus: Bus, size: int) -> None:
    data = os.urandom(size)
    sha256 = await BodySender(bus).put(data)
    assert sha256 == digest(data)
    assert await chunks_on_bus(bus) == max(1, -(-size // CHUNK_BYTES))
    receiver = BodyReceiver(bus)
    assert await receiver.take(sha256) == data
    assert await receiver.take(sha256) == data, "taking is not forgetting"
    await receiver.done(sha256)
    assert await receiver.take(sha256) is None
    assert await chunks_on_bus(bus) == 0


async def test_only_missing_chunks_are_sent(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    data = os.urandom(4 * CHUNK_BYTES)
    await bus.ensure(streams.bodies_stream(bus.settings))
    for chunk in (0, 2):
        part = data[chunk * CHUNK_BYTES : (chunk + 1) * CHUNK_BYTES]
        await bus.publish(streams.body_subject(digest(data), chunk), part, headers={"Mead-Chunks": "4"})
    sent: list[str] = []
    real = Bus.publish

    async def watch(self: Bus, subject: str, *args: object, **options: object) -> Stored:
        sent.append(subject)
        return await real(self, subject, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Bus, "publish", watch)
    await BodySender(bus).put(data)
    assert sorted(sent) == [streams.body_subject(digest(data), chunk) for chunk in (1, 3)]
    assert await BodyReceiver(bus).take(digest(data)) == data


async def test_a_body_that_is_there_is_not_sent_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    sender, data = BodySender(bus), os.urandom(5000)
    await sender.put(data)

    async def never(*_: object, **__: object) -> Stored:
        raise AssertionError("sent again")

    monkeypatch.setattr(Bus, "publish", never)
    await sender.put(data)
    await BodySender(bus).put(data)


async def test_a_short_body_is_sent_without_asking_and_lies_there_once(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    await BodySender(bus).put(b"first")
    asked: list[str] = []
    real = Bus.stream_info

    async def watch(self: Bus, stream: str, subjects: str = "", offset: int = 0) -> StreamInfo | None:
        asked.append(subjects)
        return await real(self, stream, subjects, offset)

    monkeypatch.setattr(Bus, "stream_info", watch)
    await BodySender(bus).put(b"short")
    assert not asked
    await BodySender(bus).put(b"short")
    assert await BodyReceiver(bus).take(digest(b"short")) == b"short"
    assert await chunks_on_bus(bus) == 2


async def test_a_body_is_forgotten_by_the_sender_after_a_while(bus: Bus) -> None:
    sender = BodySender(bus, BodySettings(remembered=1, remembered_seconds=1000))
    await sender.put(b"one")
    await sender.put(b"two")
    await BodyReceiver(bus).done(digest(b"one"))
    await BodyReceiver(bus).done(digest(b"two"))
    await sender.put(b"two")
    assert await chunks_on_bus(bus) == 0, "remembered"
    await sender.put(b"one")
    assert await chunks_on_bus(bus) == 1, "crowded out"


async def test_many_senders_of_one_body_do_not_disturb_each_other(bus: Bus) -> None:
    data = os.urandom(3 * CHUNK_BYTES)
    senders = [BodySender(bus) for _ in range(4)]
    got = await asyncio.gather(*(sender.put(data) for sender in senders for _ in range(2)))
    assert set(got) == {digest(data)}
    assert await chunks_on_bus(bus) == 3


async def test_kill_9_in_the_middle_is_resumed_on_both_sides(
    server: NatsServer, bus: Bus, kill: Kill
) -> None:
    bodies = {digest(data): data for data in (os.urandom(6 * CHUNK_BYTES + n) for n in range(4))}
    sender, got = BodySender(bus), dict[str, bytes]()

    async def receive() -> None:
        receiver = BodyReceiver(bus)
        while len(got) < len(bodies):
            for sha256 in bodies.keys() - got.keys():
                if (data := await receiver.take(sha256)) is not None:
                    got[sha256] = data
                    await receiver.done(sha256)
            await asyncio.sleep(0.01)

    receiving = asyncio.create_task(receive())
    sending = [asyncio.create_task(sender.put(data)) for data in bodies.values()]
    for _ in range(2):
        async with asyncio.timeout(10):
            await server.wait_ready()
            await bus.wait_connected()
        await asyncio.sleep(0.01)
        if server.pid:
            kill(server)
        await asyncio.sleep(0.05)
    async with asyncio.timeout(20):
        await asyncio.gather(*sending)
        await receiving
    assert got == bodies


async def test_a_damaged_body_is_removed_and_counted(bus: Bus) -> None:
    await bus.ensure(streams.bodies_stream(bus.settings))
    await bus.publish(streams.body_subject(digest(b"good"), 0), b"evil", headers={"Mead-Chunks": "1"})
    receiver = BodyReceiver(bus)
    assert await receiver.take(digest(b"good")) is None
    assert receiver.damaged == 1
    assert await chunks_on_bus(bus) == 0


@pytest.fixture
def later(bus: Bus) -> FakeClock:
    """The bus's clock, two hours after what is put on it now."""
    clock = FakeClock(bus.clock.now())
    clock.advance(timedelta(hours=2).total_seconds())
    return clock


@pytest.mark.parametrize(
    ("subject", "chunks"),
    [
        ("body.xyz.0", "1"),
        (f"body.{'0' * 64}.7", "7"),
        (f"body.{'0' * 64}.0", "99999"),
        (f"body.{'0' * 64}.0", ""),
    ],
)
async def test_what_is_no_chunk_is_removed(bus: Bus, later: FakeClock, subject: str, chunks: str) -> None:
    await bus.ensure(streams.bodies_stream(bus.settings))
    await bus.publish(subject, b"?", headers={"Mead-Chunks": chunks} if chunks else None)
    await BodySender(bus).put(b"body")
    bus.clock = later
    found = await BodyReceiver(bus).leftovers(3600)
    assert found == [Leftover(sha256=digest(b"body"), sequence=2, whole=True)]
    assert await chunks_on_bus(bus) == 1


async def test_what_has_lain_there_for_long_is_told_and_what_is_new_is_not(
    bus: Bus, later: FakeClock
) -> None:
    receiver = BodyReceiver(bus)
    assert await receiver.leftovers(3600) == [], "an empty bus has none"
    await BodySender(bus).put(b"body")
    await bus.publish(streams.body_subject("0" * 64, 0), b"part", headers={"Mead-Chunks": "2"})
    assert await receiver.leftovers(3600) == [], "both are new"
    bus.clock = later
    found = await receiver.leftovers(3600)
    assert found == [
        Leftover(sha256=digest(b"body"), sequence=1, whole=True),
        Leftover(sha256="0" * 64, sequence=2, whole=False),
    ]


async def test_what_still_grows_is_not_left_over(
    bus: Bus, later: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(2 * CHUNK_BYTES)
    await bus.ensure(streams.bodies_stream(bus.settings))
    first = streams.body_subject(digest(data), 0)
    await bus.publish(first, data[:CHUNK_BYTES], headers={"Mead-Chunks": "2"})
    bus.clock = later
    receiver = BodyReceiver(bus)
    assert await receiver.leftovers(3600) == [Leftover(sha256=digest(data), sequence=1, whole=False)]
    real = receiver._messages_before

    async def old(limit_ns: int) -> AsyncIterator[Message]:
        async for message in real(limit_ns):
            if message.subject == first:
                yield message

    monkeypatch.setattr(receiver, "_messages_before", old)
    await BodySender(bus).put(data)
    assert await receiver.leftovers(3600) == []


async def test_many_leftovers_are_told_in_turns(
    bus: Bus, later: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.bus.bodies._MAX_LEFTOVERS", 2)
    bodies = [b"one", b"two", b"three"]
    for body in bodies:
        await BodySender(bus).put(body)
    bus.clock = later
    receiver, told = BodyReceiver(bus), list[str]()
    while found := await receiver.leftovers(3600):
        assert len(found) <= 2
        for leftover in found:
            told.append(leftover.sha256)
            await receiver.done(leftover.sha256)
    assert told == [digest(body) for body in bodies]


async def test_a_resumed_body_that_was_swept_meanwhile_is_sent_whole(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = os.urandom(2 * CHUNK_BYTES)
    await bus.ensure(streams.bodies_stream(bus.settings))
    first = streams.body_subject(digest(data), 0)
    await bus.publish(first, data[:CHUNK_BYTES], headers={"Mead-Chunks": "2"})
    real = Bus.publish

    async def swept_before(self: Bus, *args: object, **options: object) -> Stored:
        monkeypatch.setattr(Bus, "publish", real)
        await BodyReceiver(bus).done(digest(data))
        return await real(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Bus, "publish", swept_before)
    await BodySender(bus).put(data)
    assert await BodyReceiver(bus).take(digest(data)) == data


async def test_waiting_bodies_are_bounded(server: NatsServer, bus: Bus, kill: Kill) -> None:
    sender = BodySender(bus, BodySettings(memory_bytes=100))
    kill(server)
    first = asyncio.create_task(sender.put(bytes(80)))
    await asyncio.sleep(0)
    with pytest.raises(BusFullError, match="no room"):
        await sender.put(b"x" * 80)
    assert await asyncio.wait_for(first, 10) == digest(bytes(80))
    assert await sender.put(b"x" * 80) == digest(b"x" * 80), "there is room again"


async def test_a_body_beyond_the_limit_does_not_travel(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mead.bus.bodies.MAX_BODY_BYTES", 10)
    with pytest.raises(ValueError, match="at most 10 do"):
        await BodySender(bus).put(bytes(11))


async def test_a_full_bus_holds_bodies_back(
    server: NatsServer, bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.bus.bodies._FULL_PAUSE_SECONDS", 0.02)
    small = streams.StreamSettings(bodies_bytes=2 * CHUNK_BYTES)
    async with Bus.connect(server.credentials, settings=small) as narrow:
        sender = BodySender(narrow)
        first, second = os.urandom(CHUNK_BYTES), os.urandom(CHUNK_BYTES)
        await sender.put(first)
        waiting = asyncio.create_task(sender.put(second))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await BodyReceiver(narrow).done(digest(first))
        assert await asyncio.wait_for(waiting, 5) == digest(second)


async def test_a_sender_can_give_up(server: NatsServer, bus: Bus, kill: Kill) -> None:
    sender = BodySender(bus)
    kill(server)
    waiting = asyncio.create_task(sender.put(b"body"))
    await asyncio.sleep(0)
    await sender.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
