# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
from ipaddress import ip_address

import pytest

from mead.egress.resolver import FixedResolver, SystemResolver


async def test_the_systems_resolver_knows_loopback() -> None:
    assert ip_address("127.0.0.1") in await SystemResolver().resolve("localhost")


async def test_a_table_answers_what_is_in_it() -> None:
    table = FixedResolver({"a.example": ["192.0.2.1", "2001:db8::1"]})
    assert await table.resolve("a.example") == [ip_address("192.0.2.1"), ip_address("2001:db8::1")]
    with pytest.raises(socket.gaierror):
        await table.resolve("b.example")
