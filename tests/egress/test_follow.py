# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Callable
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
from mead.model.event import Event

REQUEST = Request(url="http://h.example.org/x", offer="o1", sensor="s", session="q", src="198.51.100.7")


class Script(Fetcher):
    """A fetcher whose outcomes are written down."""

    def __init__(self, clock: FakeClock, *outcomes: str, **options: Any) -> None:
        super().__init__(Gate(EgressSettings(**{"policy": "fetch"} | options), clock), clock)
        self._clock_ = clock
        self._outcomes = list(outcomes)
        self.times: list[float] = []
        self.busy = self.most_busy = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def fetch(self, request: Request) -> Outcome:
        self.times.append(self._clock_.monotonic())
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        await self.go_on.wait()
        await asyncio.sleep(0)
        self.busy -= 1
        trace = Trace(address="8.8.8.8", status=200, size=4, dns_answers=["8.8.8.8"], certificate="c" * 64)
        match self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]:
            case "body":
                return Fetched(request, b"body", trace)
            case "busy":
                return RefusedFetch(request, "budget", "fetch", trace, passing=True)
            case "no":
                return RefusedFetch(request, "10.0.0.1 is private", "fetch", trace)
            case reason:
                return Failed(request, reason, trace)


class Desk:
    """A follower with its surroundings."""

    def __init__(self, *outcomes: str, enqueue: Any = None, **options: Any) -> None:
        self.clock = FakeClock()
        self.events: list[Any] = []
        self.kept: dict[str, bytes] = {}
        self.broken = False
        self.fetcher = Script(self.clock, *(outcomes or ("body",)), **options)
        self.follower = Follower(
            self.fetcher, self.clock, publish=self.publish, keep=self.keep, enqueue=enqueue, sleep=self.sleep
        )

    def publish(self, event: Event) -> None:
        encode_line(event)
        self.events.append(event)

    async def keep(self, request: Request, fetched: Fetched) -> str:
        if self.broken:
            raise BusError("the bus is away")
        digest = sha256(fetched.body).hexdigest()
        self.kept[digest] = fetched.body
        return digest

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)


async def _follow(desk: Desk, request: Request = REQUEST) -> list[Any]:
    return [event async for event in desk.follower.follow(request)]


async def test_a_body_is_kept_before_it_is_told() -> None:
    desk = Desk()
    (done,) = await _follow(desk)
    assert desk.kept[done.sha256] == b"body"
    assert (done.kind, done.size, done.attempt, done.address, done.certificate) == (
        "fetch.done", 4, 1, "8.8.8.8", "c" * 64,
    )  # fmt: skip
    assert (done.session, done.src, done.offer, done.url) == (
        "q",
        "198.51.100.7",
        "o1",
        "http://h.example.org/x",
    )


async def test_three_attempts_are_made_over_ten_minutes() -> None:
    desk = Desk("status 503")
    events = await _follow(desk)
    assert [(event.kind, event.attempt, event.final, event.reason) for event in events] == [
        ("fetch.failed", 1, False, "status 503"),
        ("fetch.failed", 2, False, "status 503"),
        ("fetch.failed", 3, True, "status 503"),
    ]
    assert desk.fetcher.times == [0, 120, 600]


async def test_a_later_attempt_may_succeed() -> None:
    events = await _follow(Desk("status 503", "busy", "body"))
    assert [event.kind for event in events] == ["fetch.failed", "fetch.refused", "fetch.done"]
    assert events[-1].attempt == 3


async def test_what_is_refused_for_good_is_not_tried_again() -> None:
    events = await _follow(Desk("no"))
    assert [(event.kind, event.policy, event.reason) for event in events] == [
        ("fetch.refused", "fetch", "10.0.0.1 is private")
    ]


async def test_a_body_that_cannot_be_kept_is_not_told_as_done() -> None:
    desk = Desk()
    desk.broken = True
    events = await _follow(desk)
    assert [event.kind for event in events] == ["fetch.failed"] * 3
    assert events[-1].reason == "body could not be kept: the bus is away"


@pytest.mark.parametrize("policy", ["observe", "queue"])
async def test_other_policies_leave_the_offer_and_say_so(policy: str) -> None:
    clock = FakeClock()
    fetcher = Fetcher(Gate(EgressSettings(policy=policy), clock), clock)  # type: ignore[arg-type]

    async def keep(request: Request, fetched: Fetched) -> str:
        raise AssertionError

    follower = Follower(fetcher, clock, publish=print, keep=keep)
    events: list[Any] = [event async for event in follower.follow(REQUEST)]
    assert [(event.kind, event.policy, event.reason) for event in events] == [
        ("fetch.refused", policy, f"policy is {policy}")
    ]


async def test_a_queued_offer_is_handed_on() -> None:
    queue: list[Request] = []

    async def enqueue(request: Request) -> None:
        queue.append(request)

    desk = Desk(policy="queue", enqueue=enqueue)
    (event,) = await _follow(desk)
    assert (event.kind, event.policy) == ("fetch.refused", "queue")
    assert queue == [REQUEST]
    assert not desk.fetcher.times


async def _requests(desk: Desk, count: int, url: Callable[[int], str]) -> list[bool]:
    return [
        desk.follower.offer(Request(url=url(number), offer=str(number), sensor="s"))
        for number in range(count)
    ]


async def test_fetches_at_the_same_time_are_bounded() -> None:
    desk = Desk(max_concurrent=3)
    await _requests(desk, 20, lambda n: f"http://h{n}.example.org/")
    await desk.follower.drain()
    assert desk.fetcher.most_busy == 3
    assert len(desk.events) == 20


async def test_fetches_from_one_host_are_bounded_and_hold_up_nobody_else() -> None:
    desk = Desk(max_concurrent=3, max_concurrent_per_host=2)
    desk.fetcher.go_on.clear()
    await _requests(desk, 10, lambda n: f"http://one.example.org/{n}")
    await _requests(desk, 1, lambda n: "http://two.example.org/")
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(desk.fetcher.times) == 3
    desk.fetcher.go_on.set()
    await desk.follower.drain()
    assert len(desk.events) == 11
    assert not desk.follower._hosts


async def test_offers_beyond_the_limit_are_dropped_and_counted() -> None:
    desk = Desk(max_pending=5)
    taken = await _requests(desk, 12, lambda n: f"http://h{n}.example.org/")
    assert taken == [True] * 5 + [False] * 7
    await desk.follower.drain()
    losses = [event for event in desk.events if event.kind == "loss.counted"]
    assert [(loss.what, loss.count, loss.unit) for loss in losses] == [("offer", 7, "offers")]
    assert len(desk.events) == 6


async def test_losses_are_told_while_they_go_on() -> None:
    desk = Desk(max_pending=1)
    desk.fetcher.go_on.clear()
    await _requests(desk, 3, lambda n: f"http://h{n}.example.org/")
    desk.clock.advance(10)
    await _requests(desk, 1, lambda n: "http://h.example.org/")
    assert [event.count for event in desk.events] == [3]
    await desk.follower.close()


async def test_what_is_under_way_when_it_stops_is_counted() -> None:
    desk = Desk()
    desk.fetcher.go_on.clear()
    async with desk.follower:
        await _requests(desk, 3, lambda n: f"http://h{n}.example.org/")
        await asyncio.sleep(0)
    assert [(event.kind, event.count, event.reason) for event in desk.events] == [
        ("loss.counted", 3, "stopped before the last attempt")
    ]
