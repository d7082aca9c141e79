# SPDX-License-Identifier: Apache-2.0
"""The connection: refused without the key, back after a loss, errors told apart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError

from mead.bus import streams
from mead.bus.address import BusAddress, make_key
from mead.bus.client import Bus, BusAwayError, BusFullError, BusRefusedError
from mead.bus.server import NatsServer
from mead.clock import FakeClock
from mead.errors import BusError

Kill = Callable[[NatsServer], None]
Freeze = Callable[[], AbstractContextManager[None]]


async def test_a_message_is_stored_once_however_often_it_is_sent(bus: Bus) -> None:
    stream = await bus.stream_for("s1")
    first = await bus.publish("in.s1", b"x", message_id="a")
    again = await bus.publish("in.s1", b"x", message_id="a")
    assert (first.stream, first.duplicate) == (stream, False)
    assert (again.sequence, again.duplicate) == (first.sequence, True)


async def test_without_a_key_nobody_enters(server: NatsServer) -> None:
    async def ignore(_: Exception) -> None:
        return

    client = Client()
    with pytest.raises(NatsError, match="Authorization"):
        await client.connect(server.url, allow_reconnect=False, error_cb=ignore)
    await client.close()


async def test_with_another_key_nobody_enters(server: NatsServer, tmp_path: Path) -> None:
    make_key(tmp_path / "other.nk")
    address = BusAddress(url=server.url, nkey_seed_path=str(tmp_path / "other.nk"))
    with pytest.raises(BusError, match=r"refuses the key .*other\.nk"):
        async with Bus.connect(address):
            pass


async def test_a_key_file_that_holds_no_key_is_a_clear_error(server: NatsServer, tmp_path: Path) -> None:
    (tmp_path / "other.nk").write_text("nonsense")
    address = BusAddress(url=server.url, nkey_seed_path=str(tmp_path / "other.nk"))
    with pytest.raises(BusError, match="is not the key of a bus"):
        async with Bus.connect(address, timeout_seconds=0.1):
            pass


async def test_a_bus_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    make_key(tmp_path / "bus.nk")
    address = BusAddress(url="nats://127.0.0.1:1", nkey_seed_path=str(tmp_path / "bus.nk"))
    with pytest.raises(BusAwayError, match=r"cannot be reached .*is `mead run` running"):
        async with Bus.connect(address, timeout_seconds=0.1):
            pass


async def test_it_waits_for_a_server_that_is_just_starting(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        address = server.credentials

    async def connect() -> bool:
        async with Bus.connect(address) as bus:
            return bus.connected

    early = asyncio.create_task(connect())
    await asyncio.sleep(0)
    async with NatsServer(tmp_path):
        assert await early


async def test_a_lost_connection_fails_waiting_calls_and_then_comes_back(
    server: NatsServer, bus: Bus, kill: Kill
) -> None:
    await bus.stream_for("s1")
    inbox = await bus.inbox()
    waiting = asyncio.create_task(inbox.next(30))
    asked = asyncio.create_task(bus.request(inbox.subject, timeout_seconds=30))
    await waiting  # the request arrived, and nobody answers it
    waiting = asyncio.create_task(inbox.next(30))
    kill(server)
    async with asyncio.timeout(5):
        with pytest.raises(BusAwayError, match="lost"):
            await waiting
        with pytest.raises(BusAwayError, match="lost"):
            await asked
        with pytest.raises(BusAwayError):
            await inbox.next(30)
        await inbox.close()
    async with asyncio.timeout(10):
        await bus.pause()
        await bus.wait_connected()
    assert (await bus.publish("in.s1", b"x")).stream == "EVENTS_s1"


async def test_a_loss_that_nobody_tells_of_is_noticed(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    assert bus._connection
    bus._connection.client._status = Client.CLOSED
    with pytest.raises(BusAwayError):
        await bus.request("$JS.API.INFO")
    monkeypatch.setattr("mead.bus.client._LOOK_SECONDS", 0.01)
    async with asyncio.timeout(5):
        while bus._connection is None or not bus._connection.alive:
            await asyncio.sleep(0.01)
    assert (await bus.request("$JS.API.INFO")).data


async def test_a_silent_server_is_an_absent_one(bus: Bus, freeze: Freeze) -> None:
    with freeze(), pytest.raises(BusAwayError, match=r"no answer within 0\.1 s"):
        await bus.request("$JS.API.INFO", timeout_seconds=0.1)
    assert (await bus.request("$JS.API.INFO")).data


async def test_a_full_stream_is_back_pressure(bus: Bus) -> None:
    small = msgspec.structs.replace(bus.settings, events_bytes=4096)
    await bus.ensure(streams.event_stream("s1", small, 1))
    for _ in range(3):
        await bus.publish("in.s1", b"x" * 1000)
    with pytest.raises(BusFullError):
        await bus.publish("in.s1", b"x" * 1000)
    info = await bus.stream_info("EVENTS_s1")
    assert info
    assert info.state.first_seq == 1, "nothing old was thrown away"


async def test_a_disk_that_is_too_small_is_back_pressure(server: NatsServer, bus: Bus) -> None:
    huge = msgspec.structs.replace(bus.settings, events_bytes=server.settings.max_store_bytes * 2)
    with pytest.raises(BusFullError, match="insufficient storage"):
        await bus.ensure(streams.event_stream("s1", huge, 1))


async def test_a_message_that_is_too_large_is_not_sent(server: NatsServer, bus: Bus) -> None:
    await bus.stream_for("s1")
    with pytest.raises(BusRefusedError, match=r"at most 8387584 do"):
        await bus.publish("in.s1", bytes(server.settings.max_payload_bytes + 1))
    assert bus.connected


async def test_a_subject_without_a_stream_is_an_absent_bus(bus: Bus) -> None:
    with pytest.raises(BusAwayError, match="stream is missing"):
        await bus.publish("in.nobody", b"x")
    with pytest.raises(BusAwayError, match="not there yet"):
        await bus.last("REASONS", "why.x.1")


async def test_a_refusal_keeps_the_servers_words(bus: Bus) -> None:
    with pytest.raises(BusRefusedError, match="stream not found") as refused:
        await bus.purge("EVENTS_none", below=3)
    assert refused.value.code == 10059
    assert await bus.stream_info("EVENTS_none") is None


async def test_a_stream_gets_new_limits(server: NatsServer, bus: Bus) -> None:
    await bus.stream_for("s1")
    larger = msgspec.structs.replace(bus.settings, events_bytes=bus.settings.events_bytes * 2)
    async with Bus.connect(server.credentials, settings=larger) as later:
        await later.stream_for("s1")
        info = await later.stream_info("EVENTS_s1")
    assert info
    assert info.config["max_bytes"] == larger.events_bytes


async def test_many_may_make_the_same_stream_at_once(server: NatsServer) -> None:
    async def make(second: int) -> str:
        clock = FakeClock(datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC))
        async with Bus.connect(server.credentials, clock=clock) as bus:
            return await bus.stream_for("s1")

    assert set(await asyncio.gather(*(make(n) for n in range(6)))) == {"EVENTS_s1"}


async def test_a_stream_that_is_made_again_never_repeats_a_sequence(bus: Bus) -> None:
    await bus.stream_for("s1")
    before = await bus.publish("in.s1", b"x")
    await bus.api("STREAM.DELETE.EVENTS_s1", {}, dict)
    later = FakeClock(bus.clock.now())
    later.advance(1)
    bus.clock = later
    bus._known.clear()
    await bus.stream_for("s1")
    assert (await bus.publish("in.s1", b"x")).sequence > before.sequence


async def test_streams_of_sensors_are_found(bus: Bus) -> None:
    await bus.stream_for("b")
    await bus.stream_for("a")
    await bus.ensure(streams.queue_stream("q", bus.settings))
    assert await bus.event_streams() == ["EVENTS_a", "EVENTS_b"]


async def test_a_message_can_be_looked_at_and_removed(bus: Bus) -> None:
    await bus.stream_for("s1")
    sequences = [(await bus.publish("in.s1", data)).sequence for data in (b"one", b"two")]
    held = await bus.get("EVENTS_s1", sequences[0])
    assert held
    assert (held.subject, held.data, held.sequence) == ("in.s1", b"one", sequences[0])
    await bus.delete("EVENTS_s1", sequences[0])
    await bus.delete("EVENTS_s1", sequences[0])
    assert await bus.get("EVENTS_s1", sequences[0]) is None
    following = await bus.get("EVENTS_s1", 1, following=">")
    assert following
    assert following.sequence == sequences[1]


async def test_leaving_at_the_moment_when_the_connection_is_lost_ends(server: NatsServer) -> None:
    clock = asyncio.get_running_loop().time
    async with Bus.connect(server.credentials) as bus:
        await asyncio.sleep(0.01)  # its keeper waits for the loss
        assert bus._connection
        bus._connection.give_up()
        leaving = clock()
        # Were the keeper's end overheard, leaving would wait for ever; cut that short.
        task = asyncio.current_task()
        assert task
        cut = asyncio.get_running_loop().call_later(30, task.cancel)
    cut.cancel()
    assert clock() - leaving < 20


async def test_leaving_while_it_tries_to_come_back_ends(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    trying = asyncio.Event()

    async def overhears(self: Bus) -> None:
        trying.set()
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            raise BusAwayError("as when a connection is refused at the moment of the cancellation") from None

    async with asyncio.timeout(20):
        async with Bus.connect(server.credentials) as bus:
            assert bus._connection
            monkeypatch.setattr(Bus, "_try", overhears)
            bus._connection.give_up()
            await trying.wait()
