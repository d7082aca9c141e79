"""Taking connections: ones that are over already, a machine without room, refused ones."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop

from mead.sensors.acceptor import Acceptor
from mead.sensors.listeners import bind
from mead.sensors.session import Endpoint


class Peer(asyncio.Protocol):
    """What became of a connection."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes) -> None:
        self.data += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


class Door:
    """An acceptor, and what it said."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.came: list[Endpoint] = []
        self.peers: list[Peer] = []
        self.short: list[str] = []
        self.full = False
        self.door = bind([address], {"echo": [0]})[0][0]
        self.acceptor = Acceptor(self.door, self._welcome, self.short.append)
        self.acceptor.start(100)

    def _welcome(self, endpoint: Endpoint) -> Peer | None:
        self.came.append(endpoint)
        if self.full:
            return None
        self.peers.append(Peer())
        return self.peers[-1]

    async def peer(self, number: int = 0) -> Peer:
        async with asyncio.timeout(5):
            while len(self.peers) <= number:
                await asyncio.sleep(0)
        return self.peers[number]


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    made = Door()
    yield made
    made.acceptor.close()


async def test_a_connection_that_was_reset_at_once_is_still_taken_with_its_peer(door: Door) -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.connect((door.door.address, door.door.port))
        own = sock.getsockname()
    peer = await door.peer()
    async with asyncio.timeout(5):
        await peer.lost
    (came,) = door.came
    assert (came.src, came.src_port) == own
    assert (came.dst, came.dst_port) == (door.door.address, door.door.port)


async def test_what_was_said_before_the_end_is_heard(door: Door) -> None:
    with socket.create_connection((door.door.address, door.door.port)) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    peer = await door.peer()
    async with asyncio.timeout(5):
        await peer.lost
    assert peer.data == b"GET / HTTP/1.0\r\n\r\n"


async def test_who_is_not_welcome_is_hung_up_on(door: Door) -> None:
    door.full = True
    reader, writer = await asyncio.open_connection(door.door.address, door.door.port)
    assert await reader.read() == b""
    writer.close()
    assert not door.peers
    assert len(door.came) == 1


async def test_no_more_than_some_are_taken_at_a_time(door: Door) -> None:
    socks = [socket.create_connection((door.door.address, door.door.port)) for _ in range(70)]
    door.acceptor._accept()
    assert len(door.came) == 64
    await door.peer(69)
    for sock in socks:
        sock.close()


async def test_what_the_kernel_dropped_is_counted_once(door: Door) -> None:
    door.acceptor.start(1)
    assert door.acceptor.dropped() == 0
    socks = []
    for _ in range(6):
        socks.append(socket.socket())
        socks[-1].setblocking(False)
        socks[-1].connect_ex((door.door.address, door.door.port))
    assert door.acceptor.dropped() >= 4
    assert door.acceptor.dropped() == 0
    for sock in socks:
        sock.close()


class Full:
    """A socket of a process that has no descriptor left."""

    def __init__(self, sock: socket.socket) -> None:
        self.asked = 0
        self._sock = sock

    def accept(self) -> Any:
        self.asked += 1
        raise OSError(errno.EMFILE if self.asked == 2 else errno.ECONNABORTED, "no")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


async def test_a_machine_without_room_is_told_and_asked_again_later(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("mead.sensors.acceptor._PAUSE_SECONDS", 0.01)
    taken, door.door = door.door, door.acceptor.door
    full = Full(taken.socket)
    object.__setattr__(door.acceptor.door, "socket", full)
    door.acceptor._accept()
    object.__setattr__(door.acceptor.door, "socket", full._sock)
    assert door.short == ["EMFILE"]
    assert full.asked == 2  # the first failure concerned one connection only
    _, writer = await asyncio.open_connection(door.door.address, door.door.port)
    await door.peer()
    writer.close()


async def test_a_connection_that_cannot_be_opened_is_lost_not_forgotten(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: Any) -> None:
        raise OSError(errno.ENOMEM, "no memory")

    monkeypatch.setattr(door.acceptor, "_loop", Broken(door.acceptor._loop, fails))
    with socket.create_connection((door.door.address, door.door.port)) as sock:
        door.acceptor._accept()
        async with asyncio.timeout(5):
            error = await (await door.peer()).lost
        assert isinstance(error, OSError)
        sock.settimeout(5)
        assert sock.recv(10) == b""


class Broken:
    """A loop that opens nothing."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fails: Any) -> None:
        self._loop = loop
        self.connect_accepted_socket = fails

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)


async def test_an_address_is_named_in_its_canonical_form() -> None:
    made = Door("::1")
    _, writer = await asyncio.open_connection("::1", made.door.port)
    await made.peer()
    assert (made.came[0].src, made.came[0].dst) == ("::1", "::1")
    writer.close()
    made.acceptor.close()


def test_the_loop_that_a_sensor_runs_on_takes_them_too() -> None:
    async def all_of_it() -> None:
        for test in (
            test_a_connection_that_was_reset_at_once_is_still_taken_with_its_peer,
            test_what_was_said_before_the_end_is_heard,
            test_who_is_not_welcome_is_hung_up_on,
        ):
            made = Door()
            await test(made)
            made.acceptor.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_of_it())
