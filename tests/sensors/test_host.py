"""The driver: limits, time-outs, and many connections."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket
import struct
from typing import Any

import pytest

from mead.sensors import host as host_module
from mead.sensors.connection import Connection
from mead.sensors.host import Host, Limits
from mead.sensors.session import Endpoint
from mead.wire.core import Close, Send


class Echo:
    """A dialogue for these tests: says what it heard; some words have effects."""

    def __init__(self, context: Any) -> Any:
        self.context = context
        self.is_lost = False

    def open(self) -> Any:
        return [Send(b"hello\n")]

    def receive(self, data: Any) -> Any:
        if data.startswith(b"bye"):
            return [Send(b"bye\n"), Close("said bye"), Send(b"never")]
        return [Send(data)]

    def lost(self) -> Any:
        self.is_lost = True


async def talk(port: Any, data: Any, host: Any = "127.0.0.1") -> Any:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(data)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


async def test_a_session_is_opened_counted_and_closed(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}) as running:
        assert await talk(running.ports["echo"], b"bye") == b"hello\nbye\n"
        (closed,) = await running.events.until("session.close")
        assert (closed.reason, closed.bytes_in, closed.bytes_out) == ("said bye", 3, 10)
        assert running.events.of("session.open")[0].service == "echo"
        status = running.events.of("sensor.status")[0]
        assert status.listeners == [f"echo 127.0.0.1:{running.ports['echo']}"]


async def test_connections_of_one_source_are_limited_and_the_rest_counted(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}, limits=Limits(max_connections_per_source=2)) as running:
        kept = [await asyncio.open_connection("127.0.0.1", running.ports["echo"]) for _ in range(2)]
        for reader, _ in kept:
            assert await reader.readline() == b"hello\n"
        for _ in range(3):
            with contextlib.suppress(ConnectionError):
                assert await talk(running.ports["echo"], b"") == b""
        (limit,) = running.events.of("limit.reached")
        assert (limit.limit, limit.src) == ("max_connections_per_source", "127.0.0.1")
        for _, writer in kept:
            writer.close()
        await running.events.until("session.close", 2)
        assert await talk(running.ports["echo"], b"bye") == b"hello\nbye\n"
    (loss,) = running.events.of("loss.counted")
    assert (loss.count, loss.unit) == (3, "connections")


async def test_a_subscriber_of_ipv6_is_one_source_whatever_address_it_takes(bench: Any) -> None:
    b = bench("telnet")
    host = Host(
        sensor="s", sink=b.events, desk=b.desk, persona=b.persona, credentials=b.credentials, clock=b.clock,
        limits=Limits(max_connections_per_source=2),
    )  # fmt: skip
    addresses = ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:2:1::", "2001:db8:1:3::1")
    one, two, three, other = (
        host._welcome("echo", Echo, Endpoint(address, 40000, "2001:db8::1", 23)) for address in addresses
    )
    assert one
    assert two
    assert three is None
    assert other
    assert [event.src for event in b.events.of("limit.reached")] == ["2001:db8:1:2:1::"]
    assert host.leave(one)
    assert not host.leave(one)
    assert host.admit("2001:db8:1:2:1::")


async def test_over_the_bound_of_memory_those_who_brought_most_go(sensor: Any, monkeypatch: Any) -> None:
    held = 0
    monkeypatch.setattr(host_module, "resident_bytes", lambda: held)
    async with sensor(extra={"echo": Echo}, limits=Limits(max_memory_bytes=1 << 20)) as running:
        small, big = [await asyncio.open_connection("127.0.0.1", running.ports["echo"]) for _ in range(2)]
        for (reader, writer), size in ((small, 10), (big, 300_000)):
            writer.write(b"x" * size)
            await reader.readexactly(size + len(b"hello\n"))
        running.host._sweep()
        assert len(running.host.connections) == 2
        held = (1 << 20) + 200_000
        running.host._sweep()
        (closed,) = await running.events.until("session.close")
        assert (closed.reason, closed.bytes_in) == ("too much memory", 300_000)
        assert running.events.of("limit.reached")[0].limit == "max_memory_bytes"
        with contextlib.suppress(ConnectionError):
            assert await talk(running.ports["echo"], b"bye") == b""
        held = 0
        running.host._sweep()
        assert await talk(running.ports["echo"], b"bye") == b"hello\nbye\n"
        for _, writer in (small, big):
            writer.close()
    assert [event.reason for event in running.events.of("loss.counted")] == ["max_memory_bytes"]


async def test_silence_ends_a_connection(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}, limits=Limits(idle_seconds=0.0)) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["echo"])
        await reader.readline()
        await asyncio.sleep(0.01)
        running.host._sweep()
        (closed,) = await running.events.until("session.close")
        assert closed.reason == "idle"
        writer.close()


async def test_too_many_bytes_are_a_recorded_limit(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}, limits=Limits(max_bytes_per_connection=1000)) as running:
        with contextlib.suppress(ConnectionError):
            await talk(running.ports["echo"], b"x" * 5000)
        (closed,) = await running.events.until("session.close")
        assert closed.reason == "too many bytes"
        assert running.events.of("limit.reached")[0].limit == "max_bytes_per_connection"


async def test_a_client_that_does_not_read_stops_being_read(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}, limits=Limits(write_buffer_bytes=4096)) as running:
        _, writer = await asyncio.open_connection("127.0.0.1", running.ports["echo"], limit=1024)
        writer.transport.pause_reading()
        for _ in range(200):
            writer.write(b"x" * 65536)
        await asyncio.sleep(0.2)
        (connection,) = running.host.connections
        assert connection._transport.get_write_buffer_size() < 1 << 20
        writer.transport.abort()
        await running.events.until("session.close")


async def test_both_kinds_of_addresses_are_served_and_the_true_one_recorded(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}, addresses=("127.0.0.1", "127.0.0.2", "::1")) as running:
        doors = [acceptor.door for acceptor in running.host._acceptors]
        for door in doors:
            await talk(door.port, b"bye", door.address)
        opened = await running.events.until("session.open", len(doors))
        assert {event.dst for event in opened} >= {"127.0.0.1", "127.0.0.2"}


async def test_who_is_gone_before_anybody_looked_is_recorded_all_the_same(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}) as running:
        ports = []
        for reset in (True, False):
            with socket.socket() as peer:
                if reset:
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                peer.connect(("127.0.0.1", running.ports["echo"]))
                ports.append(peer.getsockname()[1])
        closed = await running.events.until("session.close", 2)
        assert sorted(event.src_port for event in running.events.of("session.open")) == sorted(ports)
        assert {event.src for event in closed} == {"127.0.0.1"}
        assert not running.host.connections


async def test_what_the_kernel_turned_away_is_counted(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}, limits=Limits(backlog=1)) as running:
        peers = [socket.socket() for _ in range(6)]
        for peer in peers:
            peer.setblocking(False)
            peer.connect_ex(("127.0.0.1", running.ports["echo"]))
    losses = [(loss.what, loss.unit) for loss in running.events.of("loss.counted")]
    assert losses == [("connection", "attempts")]
    assert running.events.of("loss.counted")[0].count >= 4
    for peer in peers:
        peer.close()


async def test_stopping_ends_what_was_accepted_a_moment_ago(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}) as running:
        with socket.create_connection(("127.0.0.1", running.ports["echo"])) as peer:
            running.host._acceptors[0]._accept()
            await running.host.stop()
            (closed,) = await running.events.until("session.close")
            assert closed.reason == "sensor stopped"
            peer.settimeout(5)
            assert peer.recv(100) == b""


async def test_a_hundred_megabytes_without_a_newline_are_a_recorded_limit(sensor: Any) -> Any:
    async with sensor("telnet") as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["telnet"])
        writer.write(b"root\r\nvizxv\r\n")
        drain = asyncio.create_task(_discard(reader))
        chunk = b"A" * (1 << 20)
        for _ in range(100):
            writer.write(chunk)
            await writer.drain()
        writer.write(b"\r\nexit\r\n")
        await drain
        writer.close()
        (closed,) = await running.events.until("session.close")
        assert closed.bytes_in > 100 << 20
        assert "line" in {event.limit for event in running.events.of("limit.reached")}


async def _discard(reader: Any) -> Any:
    async with asyncio.timeout(60):
        try:
            while await reader.read(1 << 20):
                pass
        except ConnectionError:
            pass


async def test_stopping_closes_what_is_open(sensor: Any) -> Any:
    async with sensor(extra={"echo": Echo}) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["echo"])
        await reader.readline()
    assert running.events.of("session.close")[0].reason == "sensor stopped"
    assert running.events.of("sensor.status")[-1].state == "down"
    writer.close()


@pytest.mark.parametrize(
    ("service", "said"), [("telnet", b"root\r\nvizxv\r\nid\r\nexit\r\n"), ("http", b"GET / HTTP/1.0\r\n\r\n")]
)
async def test_a_connection_that_is_over_leaves_nothing_for_the_garbage_collector(
    sensor: Any, service: str, said: bytes
) -> Any:
    async with sensor(service) as running:
        gc.collect()
        gc.disable()
        try:
            await talk(running.ports[service], said)
            await running.events.until("session.close")
            await running.host.desk.drain(5)
            await asyncio.sleep(0.01)  # the loop's own last words to its transport
            assert not [one for one in gc.get_objects() if isinstance(one, Connection)]
        finally:
            gc.enable()
