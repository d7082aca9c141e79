# SPDX-License-Identifier: Apache-2.0
"""What one conversation with an attacker is, and what it is handed: the seam between services and I/O.

A dialogue takes the peer's bytes and returns what to send; it owns no socket. The host, the replay of a
capture and the tests drive the very same dialogues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

from mead.wire.core import Output

if TYPE_CHECKING:
    from mead.sensors.capture import Capture
    from mead.sensors.credentials import Credentials
    from mead.sensors.persona import Persona
    from mead.sensors.session import Session

__all__ = ["Context", "Dialogue", "Link", "Service", "SilentLink"]


class Link(Protocol):
    """The connection of a dialogue that has something to say later, outside `receive`."""

    def send(self, data: bytes) -> None:
        """Send bytes to the peer."""

    def close(self, reason: str) -> None:
        """End the connection after what was sent; `reason` goes into `session.close`."""


class SilentLink:
    """A link with nobody at the other end: replays and tests."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed: str | None = None

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self, reason: str) -> None:
        self.closed = self.closed or reason


class Dialogue(Protocol):
    """One conversation. Facts in its outputs that it did not turn into events itself are recorded."""

    def open(self) -> list[Output]:
        """What the service says first."""

    def receive(self, data: bytes) -> list[Output]:
        """Take what the peer sent; empty `data` means that the peer sends no more."""

    def lost(self) -> None:
        """The connection is gone: give back what is held."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a service is handed for one connection."""

    session: Session
    capture: Capture
    persona: Persona
    credentials: Credentials
    link: Link
    live: bool = True
    """False in a replay: nobody reads the answers, delays are pointless."""


Service: TypeAlias = Callable[[Context], Dialogue]
"""Starts the dialogue of one connection."""
