# SPDX-License-Identifier: Apache-2.0
"""One pursuit of a URL for all who offer it at the same time, or a moment later.

A botnet offers one URL a thousand times a minute. It is fetched once; the others get that outcome. What a
server answered to one user agent says nothing about another one, unless it was a body; what happened before
it answered (no such name, no connection, the gate's refusal) holds for everybody.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field

from mead.clock import Clock
from mead.egress.result import Failed, Fetched, Outcome, Request
from mead.egress.target import Unusable, parse_target

__all__ = ["Ended", "Pursuit", "Sharing"]

_SMALL_BYTES = 16 * 1024
"""What an outcome is counted as besides its body; its texts are bounded."""

Key = tuple[str, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a pursuit ended."""

    outcome: Outcome
    attempt: int
    sha256: str | None = None

    def counts_for(self, request: Request) -> bool:
        """Whether it would have ended so for `request` as well."""
        same = self.outcome.request.user_agent == request.user_agent
        return same or not _depends_on_who_asks(self.outcome)


@dataclass(slots=True)
class Pursuit:
    """One offer being followed on behalf of all that have its URL."""

    request: Request
    answered: bool = False
    """Whether the last attempt failed by an answer of the server."""
    tried: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    ended: Ended | None = None

    def note(self, outcome: Outcome) -> None:
        """An attempt was made."""
        self.answered = _depends_on_who_asks(outcome)
        self.tried.set()


class Sharing:
    """The pursuits that are under way, and those that ended lately.

    Args of the constructor:
        clock: tells how long ago one ended.
        seconds: how long an end counts for who offers the same URL later.
        max_bytes: memory for ends; the oldest go first.
    """

    def __init__(self, clock: Clock, *, seconds: float, max_bytes: int) -> None:
        self._clock = clock
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._bytes = 0
        self._running: dict[Key, dict[str | None, Pursuit]] = {}
        self._ended: OrderedDict[Key, tuple[float, Ended]] = OrderedDict()

    async def join(self, request: Request) -> Ended | Pursuit:
        """The end of a pursuit that counts for `request`, when it is there; else a pursuit to be led.

        Whoever leads one must `finish` it, whatever happens.
        """
        key = _key(request)
        while True:
            if (ended := self._lately(key)) and ended.counts_for(request):
                return ended
            running = self._running.get(key, {})
            if same := running.get(request.user_agent):
                await same.over.wait()
                if same.ended:
                    return same.ended
                continue
            others = [pursuit for pursuit in running.values() if not pursuit.answered]
            if not others:
                return self._lead(key, request)
            await (others[0].over if others[0].tried.is_set() else others[0].tried).wait()

    def finish(self, pursuit: Pursuit, ended: Ended | None) -> None:
        """The pursuit is over; None: it was given up, and others have to make their own."""
        key = _key(pursuit.request)
        running = self._running[key]
        del running[pursuit.request.user_agent]
        if not running:
            del self._running[key]
        if ended:
            self._keep(key, ended)
        pursuit.ended = ended
        pursuit.tried.set()
        pursuit.over.set()

    def _lead(self, key: Key, request: Request) -> Pursuit:
        pursuit = Pursuit(request)
        self._running.setdefault(key, {})[request.user_agent] = pursuit
        return pursuit

    def _lately(self, key: Key) -> Ended | None:
        self._forget()
        found = self._ended.get(key)
        return found[1] if found else None

    def _keep(self, key: Key, ended: Ended) -> None:
        old = self._ended.pop(key, None)
        self._bytes -= _size(old[1]) if old else 0
        if self._seconds > 0:
            self._ended[key] = (self._clock.monotonic(), ended)
            self._bytes += _size(ended)
        self._forget()

    def _forget(self) -> None:
        """Drop what is too old or too much; the oldest stand first."""
        oldest = self._clock.monotonic() - self._seconds
        while self._ended:
            key, (when, ended) = next(iter(self._ended.items()))
            if when > oldest and self._bytes <= self._max_bytes:
                return
            del self._ended[key]
            self._bytes -= _size(ended)


def _key(request: Request) -> Key:
    target = parse_target(request.url)
    if isinstance(target, Unusable):
        return request.url, None, None
    return target.url, target.username, target.password


def _size(ended: Ended) -> int:
    return _SMALL_BYTES + (len(ended.outcome.body) if isinstance(ended.outcome, Fetched) else 0)


def _depends_on_who_asks(outcome: Outcome) -> bool:
    return isinstance(outcome, Failed) and outcome.trace.status is not None
