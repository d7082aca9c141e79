# SPDX-License-Identifier: Apache-2.0
"""Places for fetches that go on at the same time: so many in all, and so many of them to one host."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Slots"]


class Slots:
    """Bounds concurrency; who waits for a busy host holds up nobody else."""

    def __init__(self, total: int, per_host: int) -> None:
        self._slots = asyncio.Semaphore(total)
        self._per_host = per_host
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._users: Counter[str] = Counter()

    @asynccontextmanager
    async def of(self, host: str) -> AsyncIterator[None]:
        """A place, first in the queue of the host, then in that of all."""
        own = self._hosts.setdefault(host, asyncio.Semaphore(self._per_host))
        self._users[host] += 1
        try:
            async with own, self._slots:
                yield
        finally:
            self._users[host] -= 1
            if not self._users[host]:
                del self._hosts[host], self._users[host]
