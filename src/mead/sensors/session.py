# SPDX-License-Identifier: Apache-2.0
"""A session: who talks to which of our doors, and everything that is said of it.

The identity is bound when the peer connects and cannot be overridden by anything that the peer sends.
"""

from __future__ import annotations

import logging
import secrets
from datetime import datetime
from typing import Any, Protocol, TypeVar

from mead.clock import Clock
from mead.model.codec import excerpt, text
from mead.model.event import Event, LimitReached, LossCounted, PeerErrorSeen, SessionClose, SessionOpen
from mead.wire.core import Fact, Limit, PeerError

__all__ = ["Endpoint", "Session", "Sink"]

_log = logging.getLogger(__name__)

E = TypeVar("E", bound=Event)

_MAX_PEER_ERRORS = 20
"""Events about protocol errors in one session; more of them say nothing new."""

_MAX_FAULTS = 1000
_faults: set[tuple[str, str, int]] = set()
"""Faults of our own whose traceback the log has: what a peer can cause at will must not fill the disk."""


class Sink(Protocol):
    """Where events go; never blocks."""

    def publish(self, event: Event) -> None:
        """Take one event."""


class Endpoint:
    """Both ends of a connection, as canonical addresses."""

    __slots__ = ("dst", "dst_port", "src", "src_port", "transport")

    def __init__(self, src: str, src_port: int, dst: str, dst_port: int, transport: str = "tcp") -> None:
        self.src = src
        self.src_port = src_port
        self.dst = dst
        self.dst_port = dst_port
        self.transport = transport


class Session:
    """Binds an identity to events, counts bytes, and knows when it began."""

    __slots__ = (
        "_identity", "_limits", "_peer_errors", "_sink", "_started", "bytes_in", "bytes_out",
        "clock", "id", "offers", "sensor", "service",
    )  # fmt: skip

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        sensor: str,
        service: str,
        sink: Sink,
        clock: Clock,
        id: str | None = None,  # noqa: A002 - the event's field is called so
        parent: str | None = None,
        origin: str | None = None,
    ) -> None:
        self.id = id or secrets.token_hex(10)
        self.sensor = sensor
        self.service = service
        self.clock = clock
        self.bytes_in = 0
        self.bytes_out = 0
        self.offers = 0
        self._sink = sink
        self._started = clock.monotonic()
        self._peer_errors = 0
        self._limits: set[str] | None = None
        self._identity: dict[str, Any] = {
            "sensor": sensor, "session": self.id, "parent": parent, "service": service, "origin": origin,
            "src": endpoint.src, "src_port": endpoint.src_port,
            "dst": endpoint.dst, "dst_port": endpoint.dst_port, "transport": endpoint.transport,
        }  # fmt: skip

    @property
    def source(self) -> str:
        """The peer's address."""
        return str(self._identity["src"])

    @property
    def port(self) -> int:
        """Our port that was reached."""
        return int(self._identity["dst_port"])

    @property
    def address(self) -> str:
        """Our address that was reached."""
        return str(self._identity["dst"])

    def now(self) -> datetime:
        """Wall time of the clock that this session lives by."""
        return self.clock.now()

    def elapsed(self) -> float:
        """Seconds since the session began."""
        return self.clock.monotonic() - self._started

    def emit(self, kind: type[E], **fields: Any) -> E:
        """Publish an event of `kind` with the identity of this session, and return it."""
        fields.update(self._identity)
        event = kind(time=self.clock.now(), **fields)
        self._sink.publish(event)
        return event

    def publish(self, event: Event) -> None:
        """Publish an event that somebody else built for this session."""
        self._sink.publish(event)

    def opened(self) -> None:
        """Say that the session began."""
        self.emit(SessionOpen)

    def closed(self, reason: str, transcript: str | None = None) -> None:
        """Say that the session ended and how much went over it."""
        self.emit(
            SessionClose,
            reason=reason,
            duration_ms=max(0, round(self.elapsed() * 1000)),
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            transcript=transcript,
        )

    def observe(self, fact: Fact) -> None:
        """Record what a protocol core said about the peer's conduct; other facts are the service's."""
        if isinstance(fact, PeerError):
            self._peer_errors += 1
            if self._peer_errors <= _MAX_PEER_ERRORS:
                self.emit(
                    PeerErrorSeen,
                    reason=text(fact.reason.encode("utf-8", "backslashreplace")),
                    offset=fact.offset,
                    excerpt=excerpt(fact.data),
                )
        elif isinstance(fact, Limit):
            self.limit(fact.name, fact.value, fact.unit)

    def limit(self, name: str, value: int, unit: str) -> None:
        """Record that a bound was reached, once per bound and session."""
        if self._limits is None:
            self._limits = set()
        if name not in self._limits and len(self._limits) < _MAX_PEER_ERRORS:
            self._limits.add(name)
            self.emit(LimitReached, limit=name, limit_value=value, unit=unit)

    def failed(self, error: BaseException) -> None:
        """Log, count and tell that our own code failed in this session; a fault's traceback only once."""
        fault = _fault(error)
        known = fault in _faults
        if not known and len(_faults) < _MAX_FAULTS:
            _faults.add(fault)
        _log.error(
            "session %s: %s failed: %.200r at %s:%d", self.id, self.service, error, *fault[1:],
            exc_info=None if known else error,
        )  # fmt: skip
        reason = f"internal error: {type(error).__name__}"
        self.emit(LossCounted, what="session", count=1, unit="sessions", reason=reason)

    def next_offer(self) -> str:
        """A new offer id, unique over all sessions."""
        self.offers += 1
        return f"{self.id}-{self.offers}"


def _fault(error: BaseException) -> tuple[str, str, int]:
    """The kind of an error, and the file and line that raised it."""
    where = error.__traceback__
    while where is not None and where.tb_next is not None:
        where = where.tb_next
    if where is None:
        return type(error).__name__, "?", 0
    return type(error).__name__, where.tb_frame.f_code.co_filename, where.tb_lineno
