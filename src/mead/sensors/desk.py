# SPDX-License-Identifier: Apache-2.0
"""What all sessions of a process share: where bodies become durable, who follows offers, open work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from msgspec import Struct

from mead.model.event import Event, OfferSeen

__all__ = ["Bodies", "CaptureSettings", "Desk", "Follow"]

_log = logging.getLogger(__name__)


class Bodies(Protocol):
    """Where bodies become durable."""

    async def put(self, data: bytes) -> str:
        """The body's sha256, when it is durable."""


class Follow(Protocol):
    """Follows an offer: publishes `fetch.*` and returns the body, which is durable before `fetch.done`."""

    async def __call__(self, offer: OfferSeen, publish: Callable[[Event], None]) -> bytes | None: ...


class CaptureSettings(Struct, frozen=True, kw_only=True):
    """Bounds on what one session, and all together, may bring.

    Attributes:
        max_bodies_per_session: bodies kept of one session
        max_body_bytes: longest body kept whole; longer ones are cut and recorded
        max_offers_per_session: offers recorded of one session
        max_script_commands: commands of followed scripts recorded in one session
        max_transcript_bytes: longest transcript of one session
        max_pending_bytes: bodies that wait for the bus, all sessions together
        fetch_policy: what is written into `fetch.refused` when no follower is set
    """

    max_bodies_per_session: int = 400
    max_body_bytes: int = 64 << 20
    max_offers_per_session: int = 200
    max_script_commands: int = 300
    max_transcript_bytes: int = 1 << 20
    max_pending_bytes: int = 256 << 20
    fetch_policy: str = "observe"


class Desk:
    """What all sessions of a process share: the bodies, the follower, the work that is not done yet."""

    def __init__(
        self,
        bodies: Bodies,
        follow: Follow | None = None,
        settings: CaptureSettings | None = None,
        *,
        on_stop: Callable[[], None] | None = None,
    ) -> None:
        self.bodies = bodies
        self.follow = follow
        self.failed = 0
        """Works that ended by a fault of ours; whoever counts them sets it back."""
        self._on_stop = on_stop
        self.settings = settings or CaptureSettings()
        self.pending_bytes = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether something that was started is not done yet."""
        return bool(self._tasks)

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work` beside the sessions."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def stop(self) -> None:
        """No more offers: those that wait for another attempt end now."""
        if self._on_stop is not None:
            self._on_stop()

    async def drain(self, timeout_seconds: float | None = None) -> int:
        """Wait until everything that was started is done; the number of works given up by then.

        What is given up has said so when this returns.
        """
        deadline = None if timeout_seconds is None else asyncio.get_running_loop().time() + timeout_seconds
        while self._tasks:
            left = None if deadline is None else deadline - asyncio.get_running_loop().time()
            if left is not None and left <= 0:
                break
            await asyncio.wait(set(self._tasks), timeout=left)
        given_up = tuple(self._tasks)
        for task in given_up:
            task.cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        return len(given_up)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed += 1
            _log.error("work of a session failed", exc_info=error)
