# SPDX-License-Identifier: Apache-2.0
"""Offers followed: at once, then twice more over ten minutes, every attempt an event.

Hosts that serve malware live for hours and are often down for minutes, so the first attempt does not wait.
A body is handed to `keep`, which makes it durable, before its `fetch.done` is told. However it ends, every
offer has an outcome: one that cannot be followed is refused with the reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from mead.clock import Clock
from mead.egress.fetch import Fetcher
from mead.egress.result import Failed, Fetched, Outcome, RefusedFetch, Request, Trace
from mead.egress.sharing import Ended, Pursuit, Sharing
from mead.egress.slots import Slots
from mead.egress.target import Unusable, parse_target
from mead.egress.telling import Told, as_told_to, refused, told
from mead.errors import MeadError

__all__ = ["Follower", "Keep", "Tell"]

Keep = Callable[[Request, Fetched], Awaitable[str]]
"""Makes a body durable and returns its sha256."""
Tell = Callable[[Told], None]
"""Takes the event of an attempt; must not block."""


class Follower:
    """Follows offers with bounded concurrency, one pursuit per URL.

    Args of the constructor:
        fetcher: makes single attempts.
        clock: time of the events.
        keep: makes a body durable.
        enqueue: under policy `queue`, hands the request to the central fetcher.
        sleep: waits between attempts; a test passes its own.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        clock: Clock,
        *,
        keep: Keep,
        enqueue: Callable[[Request], Awaitable[None]] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        settings = self._settings = fetcher.settings
        self._fetcher = fetcher
        self._clock = clock
        self._keep = keep
        self._enqueue = enqueue
        self._sleep = sleep
        self._slots = Slots(settings.max_concurrent, settings.max_concurrent_per_host)
        self._sharing = Sharing(clock, seconds=settings.reuse_seconds, max_bytes=settings.reuse_bytes)
        self._leading = self._waiting = 0
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Begin no attempt any more; offers that wait for their next one end now, as failed."""
        self._stopped.set()

    async def follow(self, request: Request, tell: Tell, *, attempt: int = 1) -> bytes | None:
        """Follow an offer to its end, from the `attempt`-th attempt on.

        Returns:
            The body, when there is one; it is durable. Whoever cancels this has to tell what became of the
            offer (`given_up`).
        """
        if self._settings.policy != "fetch":
            await self._leave(request, tell)
            return None
        if self._waiting >= self._settings.max_pending:
            self._refuse(request, "too many offers wait for the same URLs", tell)
            return None
        self._waiting += 1
        try:
            found = await self._sharing.join(request)
        finally:
            self._waiting -= 1
        if isinstance(found, Ended):
            return self._share(found, request, tell)
        return await self._lead(found, tell, attempt)

    def given_up(self, request: Request) -> Told:
        """What is told of an offer whose pursuit was cancelled."""
        return self._told(Failed(request, "stopped during an attempt", Trace()), 0, final=True)

    async def _leave(self, request: Request, tell: Tell) -> None:
        """Policy `observe` leaves an offer alone, `queue` hands it on; both say so."""
        reason = f"policy is {self._settings.policy}"
        if self._settings.policy == "queue" and self._enqueue is not None:
            reason = "too many offers wait for the queue"
            if self._leading < self._settings.max_pending:
                self._leading += 1
                try:
                    await self._enqueue(request)
                finally:
                    self._leading -= 1
                reason = "handed to the central fetcher"
        self._refuse(request, reason, tell)

    async def _lead(self, pursuit: Pursuit, tell: Tell, attempt: int) -> bytes | None:
        ended: Ended | None = None
        self._leading += 1
        try:
            if self._leading > self._settings.max_pending:
                self._refuse(pursuit.request, "too many offers are being followed", tell)
                return None
            ended = await self._pursue(pursuit, tell, attempt)
        finally:
            self._leading -= 1
            self._sharing.finish(pursuit, ended)
        return _body(ended.outcome) if ended else None

    async def _pursue(self, pursuit: Pursuit, tell: Tell, attempt: int) -> Ended | None:
        """Make the attempts; None when we were stopped before the last one."""
        request, waits = pursuit.request, (*self._settings.retry_seconds, None)
        for number in range(min(attempt, len(waits)), len(waits) + 1):
            if self._stopped.is_set():
                break
            outcome, sha256 = await self._once(request, number)
            pursuit.note(outcome)
            wait = waits[number - 1]
            final = wait is None or not _may_change(outcome)
            tell(self._told(outcome, number, final=final, sha256=sha256))
            if final:
                return Ended(outcome, number, sha256)
            await self._pause(wait or 0.0)
        stopped = Failed(request, f"stopped before attempt {number}", Trace())
        tell(self._told(stopped, number - 1, final=True))
        return None

    async def _once(self, request: Request, attempt: int) -> tuple[Outcome, str | None]:
        """One attempt, and the digest of its body once that is durable."""
        target = parse_target(request.url)
        async with self._slots.of("" if isinstance(target, Unusable) else target.host):
            outcome = await self._fetcher.fetch(request, attempt)
            if not isinstance(outcome, Fetched):
                return outcome, None
            try:
                return outcome, await self._keep(request, outcome)
            except MeadError as error:
                return Failed(request, f"body could not be kept: {error}", outcome.trace), None

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until we are stopped."""
        waits = {asyncio.ensure_future(self._sleep(seconds)), asyncio.ensure_future(self._stopped.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _share(self, ended: Ended, request: Request, tell: Tell) -> bytes | None:
        outcome = as_told_to(request, ended.outcome)
        offer = ended.outcome.request.offer
        tell(self._told(outcome, ended.attempt, final=True, sha256=ended.sha256, same_as=offer))
        return _body(outcome)

    def _refuse(self, request: Request, reason: str, tell: Tell) -> None:
        tell(refused(request, self._clock.now(), reason, self._settings.policy))

    def _told(
        self,
        outcome: Outcome,
        attempt: int,
        *,
        final: bool,
        sha256: str | None = None,
        same_as: str | None = None,
    ) -> Told:
        return told(outcome, self._clock.now(), attempt, final=final, sha256=sha256, same_as=same_as)


def _may_change(outcome: Outcome) -> bool:
    """Whether a later attempt may end otherwise."""
    return isinstance(outcome, Failed) or (isinstance(outcome, RefusedFetch) and outcome.passing)


def _body(outcome: Outcome) -> bytes | None:
    return outcome.body if isinstance(outcome, Fetched) else None
