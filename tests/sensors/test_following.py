"""Offers go through the egress gate, and what comes back goes to the session."""

from __future__ import annotations

import asyncio
from typing import Any

from mead.clock import SystemClock
from mead.egress.fetch import Fetcher
from mead.egress.gate import Gate
from mead.egress.policy import EgressSettings
from mead.model.event import OfferSeen
from mead.sensors.following import EgressFollow


def fetcher(**options: Any) -> Any:
    clock = SystemClock()
    return Fetcher(
        Gate(EgressSettings(allow_loopback_for_tests=True, retry_seconds=[], **options), clock), clock
    )


def offered(bench: Any, url: Any) -> Any:
    return bench.session.emit(OfferSeen, offer="o-1", url=url, tool="wget", user_agent="Wget/1.0")


async def test_a_body_comes_back_after_its_event(bench: Any) -> Any:
    async def serve(reader: Any, writer: Any) -> Any:
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"User-Agent: Wget/1.0" in head
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody")
        await writer.drain()
        writer.close()

    b = bench("telnet")
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        follow = EgressFollow(fetcher(policy="fetch"), SystemClock(), b.bodies)
        told = []
        body = await follow(offered(b, f"http://127.0.0.1:{port}/x"), told.append)
    assert body == b"body"
    assert [event.kind for event in told] == ["fetch.done"]
    assert told[0].sha256 in b.bodies
    assert (told[0].session, told[0].offer, told[0].status) == (b.session.id, "o-1", 200)


async def test_policy_observe_fetches_nothing(bench: Any) -> Any:
    b = bench("telnet")
    told = []
    follow = EgressFollow(fetcher(policy="observe"), SystemClock(), b.bodies)
    assert await follow(offered(b, "http://127.0.0.1:9/x"), told.append) is None
    assert [event.kind for event in told] == ["fetch.refused"]


async def test_what_is_cancelled_or_stopped_says_so(bench: Any) -> Any:
    contacted = asyncio.Event()

    async def silent(reader: Any, writer: Any) -> Any:
        contacted.set()
        await reader.read()
        writer.close()

    b = bench("telnet")
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        told: list[Any] = []
        follow = EgressFollow(fetcher(policy="fetch"), SystemClock(), b.bodies)
        task = asyncio.create_task(follow(offered(b, f"http://127.0.0.1:{port}/x"), told.append))
        await contacted.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        follow.stop()
        assert await follow(offered(b, f"http://127.0.0.1:{port}/y"), told.append) is None
    assert [(event.kind, event.final, event.reason) for event in told] == [
        ("fetch.failed", True, "stopped during an attempt"),
        ("fetch.failed", True, "stopped before attempt 1"),
    ]
