# SPDX-License-Identifier: Apache-2.0
"""What is asked of a fetcher, and the three ways in which it ends."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from mead.egress.certificate import Certificate
from mead.egress.policy import Policy
from mead.model.event import OfferSeen

__all__ = ["Failed", "Fetched", "Outcome", "RefusedFetch", "Request", "Trace"]


class Request(Struct, frozen=True, kw_only=True):
    """One offer to follow, with the identity of the session that it came from."""

    url: str
    offer: str
    sensor: str
    user_agent: str | None = None
    tool: str = ""
    depth: int = 0
    session: str | None = None
    parent: str | None = None
    src: str | None = None
    src_port: int | None = None
    dst: str | None = None
    dst_port: int | None = None
    transport: str | None = None
    service: str | None = None

    @classmethod
    def of(cls, event: OfferSeen) -> Request:
        """The request that follows the offer of an event."""
        shared = {name: getattr(event, name) for name in cls.__struct_fields__}
        return cls(**shared)


@dataclass(slots=True)
class Trace:
    """What is learned on the way, whatever the end is. Filled in by the fetcher while it works."""

    address: str | None = None
    status: int | None = None
    content_type: str | None = None
    certificate: Certificate | None = None
    redirects: list[str] = field(default_factory=list)
    dns_answers: list[str] = field(default_factory=list)
    headers: list[tuple[str, str]] = field(default_factory=list)
    size: int = 0
    """Bytes of body that arrived, also when there are too few or too many of them."""
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole body, as served: a content encoding is not taken off."""

    request: Request
    body: bytes
    trace: Trace


@dataclass(frozen=True, slots=True)
class Failed:
    """The place was contacted, or tried to be, and gave no whole body."""

    request: Request
    reason: str
    trace: Trace


@dataclass(frozen=True, slots=True)
class RefusedFetch:
    """The gate did not allow it, at the start or at a redirect."""

    request: Request
    reason: str
    policy: Policy
    trace: Trace
    passing: bool = False
    """Whether a later attempt may be allowed."""


Outcome = Fetched | Failed | RefusedFetch
