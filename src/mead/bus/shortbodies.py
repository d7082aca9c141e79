# SPDX-License-Identifier: Apache-2.0
"""Short bodies: those that come while others are on their way leave together, written through once.

A busy sensor brings a transcript for each session, and a disk that writes through a thousand times a
second would be the end of it otherwise. Nobody waits for company: what comes alone leaves alone.

Counterpart: `mead.bus.bodies`, which sends one body at a time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mead.bus import streams
from mead.bus.answers import NOT_TOGETHER
from mead.bus.client import Bus, BusAwayError, BusFullError, BusRefusedError, Together

__all__ = ["ShortBodies"]

_log = logging.getLogger(__name__)

_FEWEST = 8
"""Fewer are sent one by one: a batch costs the server about as many syncs as so many messages."""
_MOST = 200


@dataclass(slots=True, eq=False)
class _Waiting:
    sha256: str
    data: bytes
    done: asyncio.Future[None]


class ShortBodies:
    """Sends short bodies.

    Args of the constructor:
        message: the message that carries a body.
        send: sends one body alone, however long that takes.
    """

    def __init__(
        self,
        bus: Bus,
        message: Callable[[str, bytes], Together],
        send: Callable[[str, bytes], Awaitable[None]],
    ) -> None:
        self._bus = bus
        self._message = message
        self._send = send
        self._gathered: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._together = True

    def put(self, sha256: str, data: bytes) -> asyncio.Future[None]:
        """Take a body along; the future is done when it is durable."""
        waiting = _Waiting(sha256, data, asyncio.get_running_loop().create_future())
        self._gathered.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="short bodies")
        return waiting.done

    def close(self) -> None:
        """Give up what still waits."""
        if self._task is not None:
            self._task.cancel()
        for waiting in self._gathered:
            waiting.done.cancel()

    async def _run(self) -> None:
        some: list[_Waiting] = []
        try:
            while self._gathered:
                some, self._gathered = self._gathered[:_MOST], self._gathered[_MOST:]
                if len(some) < _FEWEST or not self._together or not await self._all(some):
                    await self._one_by_one(some)
        finally:
            self._task = None
            for waiting in some:
                waiting.done.cancel()

    async def _all(self, some: list[_Waiting]) -> bool:
        """Send them together; whether that was possible."""
        try:
            await self._bus.ensure(streams.bodies_stream(self._bus.settings))
            await self._bus.publish_together([self._message(one.sha256, one.data) for one in some])
        except (BusAwayError, BusFullError):
            return False
        except BusRefusedError as error:
            if error.code == NOT_TOGETHER:
                self._together = False
                _log.info("bodies are sent one by one: %s", error)
            return False  # else one of them is there already, or too many batches are under way
        for one in some:
            if not one.done.done():
                one.done.set_result(None)
        return True

    async def _one_by_one(self, some: list[_Waiting]) -> None:
        sent = (self._send(one.sha256, one.data) for one in some)
        for one, error in zip(some, await asyncio.gather(*sent, return_exceptions=True), strict=True):
            if one.done.done():
                continue
            if isinstance(error, BaseException):
                one.done.set_exception(error)
            else:
                one.done.set_result(None)
