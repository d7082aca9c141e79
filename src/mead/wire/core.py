# SPDX-License-Identifier: Apache-2.0
"""What a protocol core says: facts it saw, bytes to send, and when to stop.

A core takes bytes and returns these; it has no socket, clock, file, randomness or log. One core
therefore serves the honeypot, the fake network of the cage, the replay of captures, and tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeAlias

__all__ = ["Close", "Core", "Fact", "Limit", "Output", "PeerError", "Send", "Wait"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the core understood; each core has its own kinds."""


@dataclass(frozen=True, slots=True)
class PeerError(Fact):
    """The peer broke the protocol. Observation goes on."""

    offset: int
    """Bytes into the stream at which it happened."""
    reason: str
    data: bytes
    """The bytes in question, at most a few dozen."""


@dataclass(frozen=True, slots=True)
class Limit(Fact):
    """A bound of the core was reached; what came after it was dropped and counted."""

    name: str
    value: int
    unit: str


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes for the peer."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Wait:
    """Say nothing for so long, as the real device would."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Close:
    """End the conversation."""

    reason: str


Output: TypeAlias = Fact | Send | Wait | Close


class Core(Protocol):
    """A protocol without I/O."""

    def receive(self, data: bytes) -> list[Output]:
        """Take what the peer sent; empty `data` means that the peer sends no more. O(len(data))."""
