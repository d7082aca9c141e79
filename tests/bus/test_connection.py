# SPDX-License-Identifier: Apache-2.0
"""One connection; what outlives it is tested with `mead.bus.client`."""

from __future__ import annotations

import pytest
from nats.aio.client import Client

from mead.bus.connection import BusAwayError, BusFullError, BusRefusedError, Connection, Subscription
from mead.bus.server import NatsServer
from mead.errors import BusError


def test_what_may_be_tried_again_is_told_apart() -> None:
    assert issubclass(BusFullError, BusAwayError)
    assert issubclass(BusAwayError, BusError)
    assert not issubclass(BusRefusedError, BusAwayError)


async def test_a_closed_connection_takes_nothing(server: NatsServer) -> None:
    connection = Connection()
    await connection.open(server.credentials, "test")
    await connection.close()
    assert connection.lost.is_set()
    with pytest.raises(BusAwayError, match="took no message"):
        await connection.send("x", b"", "", None)
    with pytest.raises(BusAwayError, match="cannot be listened to"):
        await Subscription(connection).open()


async def test_a_close_that_failed_half_way_is_completed(server: NatsServer) -> None:
    """nats-py then calls itself closed, tells nobody, and leaves its socket and tasks."""
    connection = Connection()
    await connection.open(server.credentials, "test")
    connection.client._status = Client.CLOSED
    assert not connection.alive
    assert not connection.lost.is_set()
    with pytest.raises(BusAwayError):
        await connection.send("x", b"", "", None)
    assert connection.lost.is_set()
    await connection.close()
    transport = connection.client._transport
    assert transport
    assert transport._io_writer.is_closing()  # type: ignore[attr-defined]


async def test_a_connection_that_never_was_can_be_closed() -> None:
    await Connection().close()


async def test_an_inbox_can_be_drained(server: NatsServer) -> None:
    connection = Connection()
    await connection.open(server.credentials, "test")
    inbox = Subscription(connection)
    await inbox.open()
    for data in (b"one", b"two", b"three"):
        await connection.send(inbox.subject, data, "", None)
    first = await inbox.next(5)
    left = await inbox.drain()
    assert [first.data, *(message.data for message in left)] == [b"one", b"two", b"three"]
    await connection.close()


async def test_it_ends_also_when_the_wait_for_its_socket_was_cancelled_before(server: NatsServer) -> None:
    """nats-py's reading task, cancelled while it closes, takes the socket's waiter with it."""
    connection = Connection()
    await connection.open(server.credentials, "test")
    connection.client._transport._io_writer._protocol._closed.cancel()
    await connection.close()
    assert connection.lost.is_set()
