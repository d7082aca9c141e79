# SPDX-License-Identifier: Apache-2.0
"""One connection; what outlives it is tested with `mead.bus.client`."""

from __future__ import annotations

import pytest

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
