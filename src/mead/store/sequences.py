# SPDX-License-Identifier: Apache-2.0
"""Which messages of a stream are stored, as a few ranges.

Redelivery may bring messages out of order, so one high-water mark would take a late message for one that
is already stored. Ranges do not; as long as nothing is missing there is one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping

__all__ = ["Position", "Range", "Sequences", "difference"]

Range = tuple[int, int]
"""First and last sequence, both included."""

Position = Mapping[str, tuple[Range, ...]]
"""What of each stream is stored: where a follower stands."""


class Sequences:
    """A set of message sequences of one stream."""

    def __init__(self, ranges: Iterable[Range] = ()) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        for first, last in ranges:
            self.add(first, last)

    def __contains__(self, sequence: int) -> bool:
        at = bisect_right(self._firsts, sequence) - 1
        return at >= 0 and sequence <= self._lasts[at]

    def add(self, first: int, last: int) -> None:
        """Add a range. O(log ranges) when nothing merges."""
        start = bisect_right(self._firsts, first)
        if start and self._lasts[start - 1] >= first - 1:
            start -= 1
        end = bisect_right(self._firsts, last + 1)
        if start < end:
            first = min(first, self._firsts[start])
            last = max(last, self._lasts[end - 1])
        self._firsts[start:end] = [first]
        self._lasts[start:end] = [last]

    def ranges(self) -> tuple[Range, ...]:
        """The ranges in order; no two touch."""
        return tuple(zip(self._firsts, self._lasts, strict=True))

    def complete_until(self) -> int:
        """The largest n for which all of 1…n are in the set; 0 if 1 is not."""
        return self._lasts[0] if self._firsts and self._firsts[0] <= 1 else 0


def _minus(new: tuple[Range, ...], old: tuple[Range, ...]) -> list[Range]:
    left: list[Range] = []
    for first, last in new:
        for old_first, old_last in old:
            if old_last < first:
                continue
            if old_first > last:
                break
            if old_first > first:
                left.append((first, old_first - 1))
            first = old_last + 1  # noqa: PLW2901  # what is left of this range
        if first <= last:
            left.append((first, last))
    return left


def difference(new: Position, old: Position) -> dict[str, list[Range]]:
    """The ranges that are in `new` and not in `old`, per stream; streams without any are left out."""
    left = {stream: _minus(ranges, old.get(stream, ())) for stream, ranges in new.items()}
    return {stream: ranges for stream, ranges in left.items() if ranges}
