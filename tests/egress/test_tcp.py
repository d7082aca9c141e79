# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mead.egress.result import Failed, Fetched, Outcome

Fetch = Callable[..., Awaitable[Outcome]]


@pytest.mark.parametrize("closes", [True, False])
async def test_what_a_peer_sends_is_the_body(fetch: Fetch, servers: Any, closes: bool) -> None:
    said: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x7fELF" * 1000)
        await writer.drain()
        if not closes:
            said.append(await reader.read())

    got = await fetch(f"tcp://127.0.0.1:{await servers.talk(talk)}")
    assert isinstance(got, Fetched)
    assert got.body == b"\x7fELF" * 1000
    assert not any(said)


async def test_a_peer_that_says_nothing_gives_nothing(fetch: Fetch, servers: Any) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pass

    got = await fetch(f"tcp://127.0.0.1:{await servers.talk(silent)}", timeout_seconds=0.2)
    assert isinstance(got, Failed)
    assert got.reason == "peer sent nothing"
    got = await fetch(f"tcp://127.0.0.1:{await servers.talk(closing)}")
    assert isinstance(got, Failed)
    assert got.reason == "empty body"


async def test_a_flood_is_cut_off(fetch: Fetch, servers: Any) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    got = await fetch(f"tcp://127.0.0.1:{await servers.talk(flood)}", max_body_bytes=200_000)
    assert isinstance(got, Failed)
    assert got.reason == "body is larger than 200000 bytes"
    assert 200_000 < got.trace.size < 400_000
