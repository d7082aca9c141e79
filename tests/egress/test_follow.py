# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest

from mead.clock import FakeClock
from mead.egress.fetch import Fetcher
from mead.egress.follow import Follower
from mead.egress.gate import Gate
from mead.egress.policy import EgressSettings
from mead.egress.result import Failed, Fetched, Outcome, RefusedFetch, Request, Trace
from mead.errors import BusError
from mead.model.codec import encode_line

REQUEST = Request(url="http://h.example.org/x", offer="o1", sensor="s", session="q", src="198.51.100.7")


class Script(Fetcher):
    """A fetcher whose outcomes are written down."""

    def __init__(self, clock: FakeClock, *outcomes: str, **options: Any) -> None:
        super().__init__(Gate(EgressSettings(**{"policy": "fetch"} | options), clock), clock)
        self._clock_ = clock
        self._outcomes = list(outcomes)
        self.times: list[float] = []
        self.attempts: list[int] = []
        self.agents: list[str | None] = []
        self.busy = self.most_busy = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def fetch(self, request: Request, attempt: int = 1) -> Outcome:
        self.times.append(self._clock_.monotonic())
        self.attempts.append(attempt)
        self.agents.append(request.user_agent)
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            await self.go_on.wait()
            await asyncio.sleep(0)
        finally:
            self.busy -= 1
        trace = Trace(address="8.8.8.8", size=4, dns_answers=["8.8.8.8"], duration_ms=7)
        match self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]:
            case "body":
                return Fetched(request, b"body", trace)
            case "busy":
                return RefusedFetch(request, "budget", "fetch", trace, passing=True)
            case "no":
                return RefusedFetch(request, "target is private", "fetch", trace)
            case reason:
                trace.status = 503 if reason.startswith("status") else None
                return Failed(request, reason, trace)


class Desk:
    """A follower with its surroundings."""

    def __init__(self, *outcomes: str, enqueue: Any = None, **options: Any) -> None:
        self.clock = FakeClock()
        self.events: list[Any] = []
        self.kept: list[bytes] = []
        self.broken = False
        self.asleep = asyncio.Event()
        self.wake: asyncio.Event | None = None
        self.fetcher = Script(self.clock, *(outcomes or ("body",)), **options)
        self.follower = Follower(self.fetcher, self.clock, keep=self.keep, enqueue=enqueue, sleep=self.sleep)

    def tell(self, event: Any) -> None:
        encode_line(event)
        self.events.append(event)

    async def keep(self, request: Request, fetched: Fetched) -> str:
        if self.broken:
            raise BusError("the bus is away")
        self.kept.append(fetched.body)
        return sha256(fetched.body).hexdigest()

    async def sleep(self, seconds: float) -> None:
        self.asleep.set()
        if self.wake:
            await self.wake.wait()
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def follow(self, request: Request = REQUEST, **options: Any) -> bytes | None:
        return await self.follower.follow(request, self.tell, **options)

    def start(self, count: int, url: Callable[[int], str], **more: Any) -> list[asyncio.Task[bytes | None]]:
        requests = [Request(url=url(n), offer=f"{n}", sensor="s", **more) for n in range(count)]
        return [asyncio.create_task(self.follow(request)) for request in requests]


async def _settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_body_is_kept_before_it_is_told() -> None:
    desk = Desk()
    assert await desk.follow() == b"body"
    (done,) = desk.events
    assert desk.kept == [b"body"]
    assert (done.kind, done.size, done.attempt, done.address, done.same_as) == (
        "fetch.done", 4, 1, "8.8.8.8", None,
    )  # fmt: skip
    assert (done.session, done.src, done.offer, done.url) == ("q", "198.51.100.7", "o1", REQUEST.url)


async def test_three_attempts_are_made_over_ten_minutes() -> None:
    desk = Desk("status 503")
    assert await desk.follow() is None
    assert [(event.kind, event.attempt, event.final, event.reason) for event in desk.events] == [
        ("fetch.failed", 1, False, "status 503"),
        ("fetch.failed", 2, False, "status 503"),
        ("fetch.failed", 3, True, "status 503"),
    ]
    assert desk.fetcher.times == [0, 120, 600]
    assert desk.fetcher.attempts == [1, 2, 3]


async def test_a_later_attempt_may_succeed() -> None:
    desk = Desk("status 503", "busy", "body")
    assert await desk.follow() == b"body"
    assert [(event.kind, event.attempt) for event in desk.events] == [
        ("fetch.failed", 1), ("fetch.refused", 2), ("fetch.done", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(("attempt", "made"), [(2, [2, 3]), (3, [3]), (9, [3])])
async def test_a_pursuit_that_was_interrupted_goes_on_where_it_was(attempt: int, made: list[int]) -> None:
    desk = Desk("status 503")
    await desk.follow(attempt=attempt)
    assert desk.fetcher.attempts == made
    assert [event.final for event in desk.events] == [*[False] * (len(made) - 1), True]


async def test_what_is_refused_for_good_is_not_tried_again() -> None:
    desk = Desk("no")
    await desk.follow()
    assert [(event.kind, event.policy, event.reason) for event in desk.events] == [
        ("fetch.refused", "fetch", "target is private")
    ]


async def test_a_body_that_cannot_be_kept_is_not_told_as_done() -> None:
    desk = Desk()
    desk.broken = True
    assert await desk.follow() is None
    assert [event.kind for event in desk.events] == ["fetch.failed"] * 3
    assert desk.events[-1].reason == "body could not be kept: the bus is away"


@pytest.mark.parametrize("policy", ["observe", "queue"])
async def test_other_policies_leave_the_offer_and_say_so(policy: str) -> None:
    desk = Desk(policy=policy)
    assert await desk.follow() is None
    assert [(event.kind, event.policy, event.reason, event.attempt) for event in desk.events] == [
        ("fetch.refused", policy, f"policy is {policy}", 0)
    ]
    assert not desk.fetcher.times


async def test_a_queued_offer_is_handed_on() -> None:
    queue: list[Request] = []

    async def enqueue(request: Request) -> None:
        queue.append(request)

    desk = Desk(policy="queue", enqueue=enqueue)
    await desk.follow()
    (event,) = desk.events
    assert (event.kind, event.policy, event.reason) == (
        "fetch.refused", "queue", "handed to the central fetcher",
    )  # fmt: skip
    assert queue == [REQUEST]
    assert not desk.fetcher.times


async def test_offers_that_wait_for_a_queue_are_bounded() -> None:
    away = asyncio.Event()

    async def enqueue(request: Request) -> None:
        await away.wait()

    desk = Desk(policy="queue", enqueue=enqueue, max_pending=3)
    tasks = desk.start(5, lambda n: f"http://h{n}.example.org/")
    await _settle()
    assert [event.reason for event in desk.events] == ["too many offers wait for the queue"] * 2
    away.set()
    await asyncio.gather(*tasks)
    assert len(desk.events) == 5


async def test_fetches_at_the_same_time_are_bounded() -> None:
    desk = Desk(max_concurrent=3)
    await asyncio.gather(*desk.start(20, lambda n: f"http://h{n}.example.org/"))
    assert desk.fetcher.most_busy == 3
    assert len(desk.events) == 20


async def test_fetches_from_one_host_are_bounded_and_hold_up_nobody_else() -> None:
    desk = Desk(max_concurrent=3, max_concurrent_per_host=2)
    desk.fetcher.go_on.clear()
    tasks = desk.start(10, lambda n: f"http://one.example.org/{n}")
    tasks += desk.start(1, lambda n: "http://two.example.org/")
    await _settle()
    assert len(desk.fetcher.times) == 3
    desk.fetcher.go_on.set()
    await asyncio.gather(*tasks)
    assert len(desk.events) == 11


async def test_offers_beyond_the_limit_are_refused_with_the_reason() -> None:
    desk = Desk(max_pending=5)
    await asyncio.gather(*desk.start(12, lambda n: f"http://h{n}.example.org/"))
    told = [event.kind for event in desk.events]
    assert (told.count("fetch.done"), told.count("fetch.refused")) == (5, 7)
    assert {event.reason for event in desk.events if event.kind == "fetch.refused"} == {
        "too many offers are being followed"
    }
    await asyncio.gather(*desk.start(1, lambda n: "http://h11.example.org/"))
    assert desk.events[-1].kind == "fetch.done"


async def test_a_url_that_a_thousand_offer_is_fetched_once_and_each_has_its_outcome() -> None:
    desk = Desk("no connection", "no connection", "body", max_pending=2000)
    bodies = await asyncio.gather(*desk.start(1000, lambda n: "http://h.example.org/x"))
    assert bodies == [b"body"] * 1000
    assert desk.fetcher.attempts == [1, 2, 3]
    done = [event for event in desk.events if event.kind == "fetch.done"]
    assert {event.offer for event in done} == {str(n) for n in range(1000)}
    assert [event.same_as for event in done].count(None) == 1
    assert {event.same_as for event in done} == {None, "0"}
    assert {(event.duration_ms, event.same_as is None) for event in done} == {(7, True), (0, False)}
    assert desk.kept == [b"body"]


async def test_who_waits_for_the_urls_of_others_is_bounded_too() -> None:
    desk = Desk(max_pending=3)
    await asyncio.gather(*desk.start(10, lambda n: "http://h.example.org/x"))
    reasons = [getattr(event, "reason", "") for event in desk.events]
    assert reasons.count("too many offers wait for the same URLs") == 10 - 1 - 3
    assert len(desk.events) == 10


async def test_what_a_server_refused_to_one_tool_is_asked_for_by_another() -> None:
    desk = Desk("status 503", retry_seconds=[])
    for agent in ("Wget", "curl/8", "Wget"):
        await asyncio.gather(*desk.start(2, lambda n: "http://h.example.org/x", user_agent=agent))
    assert desk.fetcher.agents == ["Wget", "curl/8", "Wget"]


async def test_a_pursuit_that_is_stopped_says_so_and_begins_no_attempt() -> None:
    desk = Desk("no connection")
    desk.wake = asyncio.Event()
    tasks = desk.start(3, lambda n: "http://h.example.org/x")
    await desk.asleep.wait()
    desk.follower.stop()
    assert await asyncio.gather(*tasks) == [None] * 3
    last = {event.offer: (event.kind, event.final, event.reason) for event in desk.events}
    assert last == {
        "0": ("fetch.failed", True, "stopped before attempt 2"),
        "1": ("fetch.failed", True, "stopped before attempt 1"),
        "2": ("fetch.failed", True, "stopped before attempt 1"),
    }
    assert desk.fetcher.attempts == [1]


async def test_a_pursuit_that_is_cancelled_leaves_its_place_to_the_next() -> None:
    desk = Desk()
    desk.fetcher.go_on.clear()
    first, second = desk.start(2, lambda n: "http://h.example.org/x")
    await _settle()
    first.cancel()
    with suppress(asyncio.CancelledError):
        await first
    await _settle()
    desk.fetcher.go_on.set()
    assert await second == b"body"
    assert desk.fetcher.attempts == [1, 1]
    given_up = desk.follower.given_up(REQUEST)
    assert (given_up.kind, given_up.offer) == ("fetch.failed", "o1")


@pytest.fixture(autouse=True)
def _no_task_is_left() -> Iterator[None]:
    yield
    with suppress(RuntimeError):
        assert not asyncio.all_tasks()
