# SPDX-License-Identifier: Apache-2.0
"""Offers followed: at once, then twice more over ten minutes, every attempt an event.

Hosts that serve malware live for hours and are often down for minutes, so the first attempt does not wait.
A body is handed to `keep`, which makes it durable, before its `fetch.done` is published.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

from mead.clock import Clock
from mead.egress.fetch import Fetcher
from mead.egress.result import Failed, Fetched, Outcome, RefusedFetch, Request
from mead.egress.target import Unusable, parse_target
from mead.errors import MeadError
from mead.model.event import Event, FetchDone, FetchFailed, FetchRefused, LossCounted

__all__ = ["Follower", "Keep"]

Keep = Callable[[Request, Fetched], Awaitable[str]]
"""Makes a body durable and returns its sha256."""

_ENVELOPE = ("sensor", "session", "parent", "src", "src_port", "dst", "dst_port", "transport", "service")
_LOSS_SECONDS = 10.0


class Follower:
    """Takes offers without ever blocking, and follows them with bounded concurrency.

    Args of the constructor:
        fetcher: makes single attempts.
        clock: time of the events.
        publish: takes each event, must not block.
        keep: makes a body durable.
        enqueue: under policy `queue`, hands the request to the central fetcher.
        sleep: waits between attempts; a test passes its own.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        clock: Clock,
        *,
        publish: Callable[[Event], None],
        keep: Keep,
        enqueue: Callable[[Request], Awaitable[None]] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._fetcher = fetcher
        self._settings = fetcher.settings
        self._clock = clock
        self._publish = publish
        self._keep = keep
        self._enqueue = enqueue
        self._sleep = sleep
        self._slots = asyncio.Semaphore(self._settings.max_concurrent)
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._host_users: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._dropped: Counter[tuple[str, str]] = Counter()
        self._losses_told = clock.monotonic()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def offer(self, request: Request) -> bool:
        """Follow `request` in the background; False when there is no room, which is counted."""
        if len(self._tasks) >= self._settings.max_pending:
            self._lose(request.sensor, "too many offers are being followed")
            return False
        task = asyncio.create_task(self._run(request))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def drain(self) -> None:
        """Wait until every offer taken so far has come to its end."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))
        self.tell_losses()

    async def close(self) -> None:
        """Stop; offers that did not come to their end are counted as lost."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.tell_losses()

    async def follow(self, request: Request) -> AsyncIterator[Event]:
        """Make the attempts and yield what became of each."""
        if self._settings.policy == "queue" and self._enqueue is not None:
            await self._enqueue(request)
            yield self._refused(request, "handed to the central fetcher")
            return
        waits = (*self._settings.retry_seconds, None)
        for attempt, wait in enumerate(waits, start=1):
            async with self._slot(request):
                outcome = await self._fetcher.fetch(request)
                event, again = await self._told(outcome, attempt, last=wait is None)
            yield event
            if not again or wait is None:
                return
            await self._sleep(wait)

    def tell_losses(self) -> None:
        """Publish the counts of dropped offers, one event per sensor and reason."""
        for (sensor, reason), count in self._dropped.items():
            self._publish(
                LossCounted(
                    time=self._clock.now(),
                    sensor=sensor,
                    what="offer",
                    count=count,
                    unit="offers",
                    reason=reason,
                )
            )
        self._dropped.clear()
        self._losses_told = self._clock.monotonic()

    async def _run(self, request: Request) -> None:
        try:
            async for event in self.follow(request):
                self._publish(event)
        except asyncio.CancelledError:
            self._lose(request.sensor, "stopped before the last attempt")
            raise

    def _lose(self, sensor: str, reason: str) -> None:
        self._dropped[sensor, reason] += 1
        if self._clock.monotonic() - self._losses_told >= _LOSS_SECONDS:
            self.tell_losses()

    @asynccontextmanager
    async def _slot(self, request: Request) -> AsyncIterator[None]:
        """A place among the concurrent fetches, first in the queue of the host."""
        target = parse_target(request.url)
        host = "" if isinstance(target, Unusable) else target.host
        own = self._hosts.setdefault(host, asyncio.Semaphore(self._settings.max_concurrent_per_host))
        self._host_users[host] += 1
        try:
            async with own, self._slots:
                yield
        finally:
            self._host_users[host] -= 1
            if not self._host_users[host]:
                del self._hosts[host], self._host_users[host]

    async def _told(self, outcome: Outcome, attempt: int, *, last: bool) -> tuple[Event, bool]:
        """The event of an outcome, and whether another attempt makes sense."""
        match outcome:
            case Fetched():
                return await self._kept(outcome, attempt, last=last)
            case Failed():
                return self._failed(outcome, attempt, final=last), True
            case RefusedFetch():
                shared = self._shared(outcome)
                event = FetchRefused(reason=outcome.reason, policy=outcome.policy, **shared)
                return event, outcome.passing

    async def _kept(self, outcome: Fetched, attempt: int, *, last: bool) -> tuple[Event, bool]:
        try:
            sha256 = await self._keep(outcome.request, outcome)
        except MeadError as error:
            failed = Failed(outcome.request, f"body could not be kept: {error}", outcome.trace)
            return self._failed(failed, attempt, final=last), True
        return self._done(outcome, sha256, attempt), False

    def _done(self, outcome: Fetched, sha256: str, attempt: int) -> FetchDone:
        trace = outcome.trace
        return FetchDone(
            sha256=sha256,
            size=len(outcome.body),
            status=trace.status,
            content_type=trace.content_type,
            attempt=attempt,
            duration_ms=trace.duration_ms,
            certificate=trace.certificate,
            **self._shared(outcome),
        )

    def _failed(self, outcome: Failed, attempt: int, *, final: bool) -> FetchFailed:
        trace = outcome.trace
        return FetchFailed(
            reason=outcome.reason,
            final=final,
            status=trace.status,
            attempt=attempt,
            duration_ms=trace.duration_ms,
            size=trace.size,
            certificate=trace.certificate,
            **self._shared(outcome),
        )

    def _shared(self, outcome: Outcome) -> dict[str, Any]:
        trace = outcome.trace
        return {
            **self._envelope(outcome.request),
            "address": trace.address,
            "redirects": trace.redirects,
            "dns_answers": trace.dns_answers,
        }

    def _envelope(self, request: Request) -> dict[str, Any]:
        shared = {name: getattr(request, name) for name in _ENVELOPE}
        return {"time": self._clock.now(), "offer": request.offer, "url": request.url, **shared}

    def _refused(self, request: Request, reason: str) -> FetchRefused:
        return FetchRefused(reason=reason, policy=self._settings.policy, **self._envelope(request))
