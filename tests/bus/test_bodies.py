# SPDX-License-Identifier: Apache-2.0
"""Bodies: whole or not at all, resumed chunk by chunk, never sent twice for nothing."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from datetime import timedelta

import pytest

from mead.bus import streams
from mead.bus.bodies import CHUNK_BYTES, BodyReceiver, BodySender, BodySettings
from mead.bus.client import Bus, BusFullError, Stored
from mead.bus.server import NatsServer
from mead.clock import FakeClock

Kill = Callable[[NatsServer], None]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def chunks_on_bus(bus: Bus) -> int:
    info = await bus.stream_info(streams.BODIES)
    return info.state.messages if info else 0


async def next_body(receiver: BodyReceiver) -> str:
    return await asyncio.wait_for(anext(receiver), 10)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1, 5 * CHUNK_BYTES - 1])
async def test_a_body_arrives_whole_and_is_then_forgotten(bus: Bus, size: int) -> None:
    data = os.urandom(size)
    sha256 = await BodySender(bus).put(data)
    assert sha256 == digest(data)
    assert await chunks_on_bus(bus) == max(1, -(-size // CHUNK_BYTES))
    async with BodyReceiver(bus) as receiver:
        assert await next_body(receiver) == sha256
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
    async with BodyReceiver(bus) as receiver:
        assert await next_body(receiver) == digest(data)
        assert await receiver.take(digest(data)) == data


async def test_a_body_that_is_there_is_not_sent_again(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    sender = BodySender(bus)
    await sender.put(b"body")

    async def never(*_: object, **__: object) -> Stored:
        raise AssertionError("sent again")

    monkeypatch.setattr(Bus, "publish", never)
    await sender.put(b"body")
    await BodySender(bus).put(b"body")


async def test_a_body_is_forgotten_by_the_sender_after_a_while(bus: Bus) -> None:
    sender = BodySender(bus, BodySettings(remembered=1, remembered_seconds=1000))
    await sender.put(b"one")
    await sender.put(b"two")
    async with BodyReceiver(bus) as receiver:
        await receiver.done(digest(b"one"))
        await receiver.done(digest(b"two"))
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
        async with BodyReceiver(bus) as receiver:
            async for sha256 in receiver:
                data = await receiver.take(sha256)
                assert data is not None
                got[sha256] = data
                await receiver.done(sha256)
                if len(got) == len(bodies):
                    return

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


async def test_a_restarted_receiver_sees_what_was_not_done(bus: Bus) -> None:
    await BodySender(bus).put(b"body")
    for _ in range(2):
        async with BodyReceiver(bus) as receiver:
            assert await next_body(receiver) == digest(b"body")


async def test_a_damaged_body_is_removed_and_counted(bus: Bus) -> None:
    await bus.ensure(streams.bodies_stream(bus.settings))
    await bus.publish(streams.body_subject(digest(b"good"), 0), b"evil", headers={"Mead-Chunks": "1"})
    async with BodyReceiver(bus) as receiver:
        assert await next_body(receiver) == digest(b"good")
        assert await receiver.take(digest(b"good")) is None
        assert receiver.damaged == 1
    assert await chunks_on_bus(bus) == 0


@pytest.mark.parametrize(
    ("subject", "chunks"),
    [
        ("body.xyz.0", "1"),
        (f"body.{'0' * 64}.7", "7"),
        (f"body.{'0' * 64}.0", "99999"),
        (f"body.{'0' * 64}.0", ""),
    ],
)
async def test_what_is_no_chunk_is_removed(bus: Bus, subject: str, chunks: str) -> None:
    await bus.ensure(streams.bodies_stream(bus.settings))
    await bus.publish(subject, b"?", headers={"Mead-Chunks": chunks} if chunks else None)
    await BodySender(bus).put(b"body")
    async with BodyReceiver(bus) as receiver:
        assert await next_body(receiver) == digest(b"body")
    assert await chunks_on_bus(bus) == 1


async def test_bodies_that_stay_incomplete_are_swept(bus: Bus) -> None:
    await bus.ensure(streams.bodies_stream(bus.settings))
    await bus.publish(streams.body_subject("0" * 64, 0), b"part", headers={"Mead-Chunks": "2"})
    await BodySender(bus).put(b"body")
    clock = FakeClock(bus.clock.now())
    bus.clock = clock
    async with BodyReceiver(bus) as receiver:
        assert await next_body(receiver) == digest(b"body")
        assert await receiver.sweep(3600) == []
        clock.advance(timedelta(hours=2).total_seconds())
        assert await receiver.sweep(3600) == ["0" * 64]
    assert await chunks_on_bus(bus) == 1


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
        async with BodyReceiver(narrow) as receiver:
            await receiver.done(digest(first))
            assert await asyncio.wait_for(waiting, 5) == digest(second)


async def test_a_sender_can_give_up(server: NatsServer, bus: Bus, kill: Kill) -> None:
    sender = BodySender(bus)
    kill(server)
    waiting = asyncio.create_task(sender.put(b"body"))
    await asyncio.sleep(0)
    await sender.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
