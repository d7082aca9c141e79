# SPDX-License-Identifier: Apache-2.0
"""Pulling messages: bounded, in order, and never silent about a consumer that is gone."""

from __future__ import annotations

import asyncio

import pytest

from mead.bus.client import Bus, BusAwayError
from mead.bus.pull import Consumer, Puller


async def fill(bus: Bus, count: int) -> list[int]:
    await bus.stream_for("s1")
    return [(await bus.publish("in.s1", bytes([n]))).sequence for n in range(count)]


async def test_a_cursor_gives_everything_from_its_start_in_order(bus: Bus) -> None:
    sequences = await fill(bus, 10)
    puller = Puller(bus, "EVENTS_s1", Consumer.cursor(sequences[3]), batch=2)
    got = []
    while message := await puller.next(0.2):
        got.append(message)
    await puller.close()
    assert [message.sequence for message in got] == sequences[3:]
    assert [message.data for message in got] == [bytes([n]) for n in range(3, 10)]
    assert [message.pending for message in got] == [6, 5, 4, 3, 2, 1, 0]
    assert {message.delivery for message in got} == {1}
    assert got[0].time_ns > 1_700_000_000 * 10**9


async def test_a_message_larger_than_the_bound_still_comes(bus: Bus) -> None:
    await bus.stream_for("s1")
    for size in (10, 5000, 10):
        await bus.publish("in.s1", bytes(size))
    puller = Puller(bus, "EVENTS_s1", Consumer.cursor(1), max_bytes=6000)
    sizes = [len(message.data) for _ in range(3) if (message := await puller.next(2))]
    await puller.close()
    assert sizes == [10, 5000, 10]


async def test_headers_only_leaves_the_bodies_where_they_are(bus: Bus) -> None:
    await bus.stream_for("s1")
    await bus.publish("in.s1", bytes(100), message_id="m")
    puller = Puller(bus, "EVENTS_s1", Consumer.cursor(1, headers_only=True))
    message = await puller.next(2)
    await puller.close()
    assert message
    assert message.data == b""
    assert message.headers["Nats-Msg-Size"] == "100"
    assert message.headers["Nats-Msg-Id"] == "m"


async def test_a_consumer_that_is_removed_is_noticed(bus: Bus) -> None:
    await fill(bus, 0)
    puller = Puller(bus, "EVENTS_s1", Consumer.cursor(1))
    assert await puller.next(0.05) is None
    waiting = asyncio.create_task(puller.next())
    await asyncio.sleep(0)
    await bus.api(f"CONSUMER.DELETE.EVENTS_s1.{puller._name}", {}, dict)
    async with asyncio.timeout(5):
        with pytest.raises(BusAwayError):
            await waiting
    await puller.close()


async def test_a_silent_server_is_noticed(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mead.bus.pull._SILENT_SECONDS", 0.2)
    await fill(bus, 0)
    puller = Puller(bus, "EVENTS_s1", Consumer.cursor(1))
    with pytest.raises(BusAwayError, match="says nothing more"):
        await puller.next()
    await puller.close()


async def test_a_stream_that_is_not_there_may_come(bus: Bus) -> None:
    puller = Puller(bus, "EVENTS_none", Consumer.cursor(1))
    with pytest.raises(BusAwayError, match="not there yet"):
        await puller.next(1)
    await puller.close()


async def test_a_cursor_is_forgotten_with_its_reader(bus: Bus) -> None:
    await fill(bus, 1)
    puller = Puller(bus, "EVENTS_s1", Consumer.cursor(1))
    assert await puller.next(1)
    await puller.close()
    names = await bus.api("CONSUMER.NAMES.EVENTS_s1", {}, dict)
    assert not names["consumers"]
