# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio

from mead.clock import FakeClock
from mead.egress.result import Failed, Fetched, RefusedFetch, Request, Trace
from mead.egress.sharing import Ended, Pursuit, Sharing


def _request(url: str = "http://h.example/x", agent: str | None = "Wget", offer: str = "o") -> Request:
    return Request(url=url, offer=offer, sensor="s", user_agent=agent)


def _fetched(request: Request, body: bytes = b"body") -> Ended:
    return Ended(Fetched(request, body, Trace(status=200)), 1, "digest")


async def _led(sharing: Sharing, request: Request) -> Pursuit:
    pursuit = await sharing.join(request)
    assert isinstance(pursuit, Pursuit)
    return pursuit


async def test_a_body_counts_for_every_spelling_and_every_tool_for_a_while() -> None:
    clock = FakeClock()
    sharing = Sharing(clock, seconds=60, max_bytes=10**6)
    ended = _fetched(_request())
    sharing.finish(await _led(sharing, _request()), ended)
    for url in ("http://h.example/x", "HTTP://H.EXAMPLE.:80/x#y"):
        assert await sharing.join(_request(url, agent="curl")) is ended
    clock.advance(60)
    sharing.finish(await _led(sharing, _request()), None)


async def test_another_path_user_or_port_is_another_place() -> None:
    sharing = Sharing(FakeClock(), seconds=60, max_bytes=10**6)
    sharing.finish(await _led(sharing, _request()), _fetched(_request()))
    for url in (
        "http://h.example/y",
        "http://me:x@h.example/x",
        "http://h.example:81/x",
        "https://h.example/x",
        "nonsense",
    ):
        sharing.finish(await _led(sharing, _request(url)), None)


async def test_a_failure_counts_for_all_unless_the_server_answered() -> None:
    sharing = Sharing(FakeClock(), seconds=60, max_bytes=10**6)
    request = _request()
    for url, outcome, shared in (
        ("http://a.example/", Failed(request, "status 403", Trace(status=403)), False),
        ("http://b.example/", Failed(request, "refused", Trace()), True),
        ("http://c.example/", RefusedFetch(request, "target is private", "fetch", Trace()), True),
    ):
        sharing.finish(await _led(sharing, _request(url)), Ended(outcome, 3))
        assert isinstance(await sharing.join(_request(url)), Ended)
        other = await sharing.join(_request(url, agent="curl"))
        assert isinstance(other, Ended if shared else Pursuit)


async def test_another_tool_waits_for_the_first_attempt_and_no_longer_when_the_server_answered() -> None:
    sharing = Sharing(FakeClock(), seconds=60, max_bytes=10**6)
    first = await _led(sharing, _request())
    curl = asyncio.create_task(sharing.join(_request(agent="curl")))
    more = asyncio.create_task(sharing.join(_request(agent="curl")))
    wget = asyncio.create_task(sharing.join(_request()))
    await asyncio.sleep(0)
    first.note(Failed(first.request, "status 503", Trace(status=503)))
    second = await curl
    assert isinstance(second, Pursuit)
    await asyncio.sleep(0)
    assert not more.done()
    assert not wget.done()
    ended = _fetched(second.request)
    sharing.finish(second, ended)
    assert await more is ended
    sharing.finish(first, failed := Ended(Failed(first.request, "status 503", Trace(status=503)), 3))
    assert await wget is failed


async def test_another_tool_waits_to_the_end_when_there_was_no_answer() -> None:
    sharing = Sharing(FakeClock(), seconds=0, max_bytes=10**6)
    first = await _led(sharing, _request())
    curl = asyncio.create_task(sharing.join(_request(agent="curl")))
    first.note(Failed(first.request, "no connection", Trace()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not curl.done()
    sharing.finish(first, None)
    sharing.finish(await curl, None)  # type: ignore[arg-type]


async def test_memory_is_bounded_and_the_oldest_go_first() -> None:
    sharing = Sharing(FakeClock(), seconds=60, max_bytes=100_000)
    for number in range(50):
        request = _request(f"http://h.example/{number}")
        sharing.finish(await _led(sharing, request), _fetched(request, b"x" * 10_000))
    assert sharing._bytes <= 100_000
    assert len(sharing._ended) == 3
    assert isinstance(await sharing.join(_request("http://h.example/49")), Ended)
    huge = _request("http://h.example/huge")
    sharing.finish(await _led(sharing, huge), _fetched(huge, b"x" * 200_000))
    assert sharing._bytes == 0
    assert not sharing._ended
    assert not sharing._running


async def test_an_end_replaces_the_one_before() -> None:
    sharing = Sharing(FakeClock(), seconds=60, max_bytes=10**6)
    first, second = await _led(sharing, _request()), None
    first.note(Failed(first.request, "status 503", Trace(status=503)))
    second = await _led(sharing, _request(agent="curl"))
    sharing.finish(first, _fetched(first.request, b"one"))
    sharing.finish(second, later := _fetched(second.request, b"other"))
    assert await sharing.join(_request()) is later
    assert len(sharing._ended) == 1
