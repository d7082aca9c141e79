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

__all__ = ["Context", "Dialogue", "Link", "Service", "SilentLink", "Turn", "Work"]

_TURN_SECONDS = 0.005
_TURN_BYTES = 1 << 18

Work: TypeAlias = Callable[[], list[Output]]
"""A piece of a dialogue's work: what is to be said."""


class Link(Protocol):
    """The connection of a dialogue that has something to say later, outside `receive`."""

    def send(self, data: bytes) -> None:
        """Send bytes to the peer."""

    def close(self, reason: str) -> None:
        """End the connection after what was sent; `reason` goes into `session.close`."""

    def later(self, work: Work) -> None:
        """Do `work` when the other connections had their turn; nothing is read from the peer until then.

        A peer that is gone does not stop it: what it asked for before it went is still observed.
        """

    def alarm(self, seconds: float, work: Work) -> None:
        """Do `work` in so many seconds, unless the connection is over by then; one alarm at a time."""


class SilentLink:
    """A link with nobody at the other end: replays and tests."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed: str | None = None
        self._work: list[Work] = []

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def close(self, reason: str) -> None:
        self.closed = self.closed or reason

    def later(self, work: Work) -> None:
        self._work.append(work)

    def alarm(self, seconds: float, work: Work) -> None:
        """Nobody waits here, so nothing is late."""

    def turns(self) -> list[Output]:
        """Do now what was put off, and what that puts off."""
        out: list[Output] = []
        while self._work:
            out += self._work.pop(0)()
        return out


class Turn:
    """How long a dialogue with more to do goes on before others have their turn (`Link.later`)."""

    __slots__ = ("_bytes", "_session", "_until")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._until = session.elapsed() + _TURN_SECONDS
        self._bytes = 0

    def said(self, size: int) -> None:
        """So many bytes were answered."""
        self._bytes += size

    @property
    def over(self) -> bool:
        """Whether time or answers of this turn are used up."""
        return self._bytes > _TURN_BYTES or self._session.elapsed() > self._until


class Dialogue(Protocol):
    """One conversation. `PeerError` and `Limit` facts in its outputs become events without its doing."""

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
