# SPDX-License-Identifier: Apache-2.0
"""Token buckets: how often one host, network or autonomous system is bothered.

A bucket holds one minute's tokens and refills evenly. The number of buckets is bounded; the one that was
used longest ago is forgotten first, which at worst gives its owner a full bucket again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from mead.clock import Clock

__all__ = ["Budget"]


class Budget:
    """Buckets by key, each with its own rate."""

    def __init__(self, clock: Clock, *, max_buckets: int = 10_000) -> None:
        self._clock = clock
        self._max_buckets = max_buckets
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, wanted: Iterable[tuple[str, int]]) -> str | None:
        """Take one token from each bucket `(key, tokens per minute)`, or from none.

        Returns:
            The key of the first empty bucket; None when all had a token.
        """
        now = self._clock.monotonic()
        levels = [(key, per_minute, self._level(key, per_minute, now)) for key, per_minute in wanted]
        for key, _, level in levels:
            if level < 1.0:
                return key
        for key, _, level in levels:
            self._buckets[key] = (level - 1.0, now)
            self._buckets.move_to_end(key)
        while len(self._buckets) > self._max_buckets:
            self._buckets.popitem(last=False)
        return None

    def _level(self, key: str, per_minute: int, now: float) -> float:
        level, then = self._buckets.get(key, (float(per_minute), now))
        return min(float(per_minute), level + (now - then) * per_minute / 60.0)
