# SPDX-License-Identifier: Apache-2.0
"""Servers on loopback that say what a test wants them to say."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest

from mead.clock import FakeClock
from mead.egress.fetch import Fetcher
from mead.egress.gate import Gate
from mead.egress.policy import EgressSettings
from mead.egress.resolver import FixedResolver
from mead.egress.result import Outcome, Request

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Servers:
    """Opens TCP servers that are closed with the test."""

    def __init__(self) -> None:
        self._stack = AsyncExitStack()
        self.asked: list[bytes] = []

    async def talk(self, talk: Talk, context: ssl.SSLContext | None = None) -> int:
        async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await talk(reader, writer)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(one, "127.0.0.1", 0, ssl=context)
        self._stack.callback(server.close)
        return int(server.sockets[0].getsockname()[1])

    async def web(self, *answers: bytes, context: ssl.SSLContext | None = None) -> int:
        """Answers the n-th request with the n-th bytes, the last for all further ones, and closes."""
        left = list(answers)

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()

        return await self.talk(talk, context)

    async def close(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def servers() -> AsyncIterator[Servers]:
    opened = Servers()
    yield opened
    await opened.close()


@pytest.fixture
def fetching() -> Callable[..., Fetcher]:
    """A fetcher that may go to loopback; names of `.example` are there."""

    def make(names: dict[str, list[str]] | None = None, **options: Any) -> Fetcher:
        quick: dict[str, Any] = {"timeout_seconds": 5.0, "total_seconds": 20.0, "quiet_seconds": 0.2}
        settings = EgressSettings(policy="fetch", allow_loopback_for_tests=True, **quick | options)
        table = FixedResolver({"loop.example": ["127.0.0.1"], **(names or {})})
        clock = FakeClock()
        return Fetcher(Gate(settings, clock, table), clock)

    return make


@pytest.fixture
def fetch(fetching: Callable[..., Fetcher]) -> Callable[..., Awaitable[Outcome]]:
    async def one(url: str, *, user_agent: str | None = None, tool: str = "", **options: Any) -> Outcome:
        request = Request(url=url, offer="o1", sensor="s", user_agent=user_agent, tool=tool)
        return await fetching(**options).fetch(request)

    return one
