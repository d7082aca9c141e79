# SPDX-License-Identifier: Apache-2.0
"""What can be measured: a server with doors, which costs CPU and keeps records that can be looked into."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Protocol

__all__ = ["Target", "fresh_numbers"]


class Target(Protocol):
    """A server under test.

    Attributes:
        name: what it is called in the figures.
        numbers: gives each session a number of its own.
        ports: port of each service on loopback.
        at_once: sessions at a time that it takes; 0: any number.
    """

    name: str
    numbers: Iterator[int]
    ports: Mapping[str, int]
    at_once: int

    def cpu_seconds(self) -> float:
        """CPU that its processes took so far, without that of a bus."""

    def bus_cpu_seconds(self) -> float:
        """CPU that its bus took so far; 0 without one."""

    async def settle(self) -> None:
        """Return when nothing more comes of what was before."""

    async def whole(self, service: str, /, numbers: Sequence[int]) -> tuple[int, float]:
        """How many sessions with these numbers are recorded whole, and when the last record was kept."""


def fresh_numbers() -> Iterator[int]:
    """Numbers of the same length, so that each session is as long as any other."""
    return count(1_000_000)
