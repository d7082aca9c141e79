# SPDX-License-Identifier: Apache-2.0
"""Outcomes as events: the identity of the session that made the offer, and what was learned on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from mead.egress.policy import Policy
from mead.egress.result import Failed, Fetched, Outcome, RefusedFetch, Request, Trace
from mead.model.event import FetchDone, FetchFailed, FetchRefused

__all__ = ["Told", "as_told_to", "name_in", "refused", "told"]

Told = FetchDone | FetchFailed | FetchRefused

_ENVELOPE = ("sensor", "session", "parent", "src", "src_port", "dst", "dst_port", "transport", "service")


def told(
    outcome: Outcome,
    time: datetime,
    attempt: int,
    *,
    final: bool,
    sha256: str | None = None,
    same_as: str | None = None,
) -> Told:
    """The event of an outcome.

    Args:
        outcome: how the attempt ended.
        time: when.
        attempt: its number, from 1.
        final: whether no other attempt follows.
        sha256: digest of the body, when there is one and it is durable.
        same_as: offer whose fetch it was, when it was not that of this one.
    """
    trace = outcome.trace
    shared = _envelope(outcome.request, time) | {
        "address": trace.address,
        "attempt": attempt,
        "duration_ms": trace.duration_ms,
        "redirects": trace.redirects,
        "dns_answers": trace.dns_answers,
        "same_as": same_as,
    }
    match outcome:
        case Fetched(body=body) if sha256 is not None:
            kind = trace.content_type
            return FetchDone(sha256=sha256, size=len(body), content_type=kind, **_answered(trace), **shared)
        case RefusedFetch():
            return FetchRefused(reason=outcome.reason, policy=outcome.policy, **shared)
        case Failed(reason=reason):
            return FetchFailed(reason=reason, final=final, size=trace.size, **_answered(trace), **shared)
        case Fetched():
            raise AssertionError("a body is told when it is durable")


def refused(request: Request, time: datetime, reason: str, policy: Policy) -> FetchRefused:
    """The event of an offer for which nothing was tried."""
    return FetchRefused(reason=reason, policy=policy, **_envelope(request, time))


def as_told_to(request: Request, outcome: Outcome) -> Outcome:
    """The same outcome for another offer of its URL, which took no time of its own."""
    return replace(outcome, request=request, trace=replace(outcome.trace, duration_ms=0))


def name_in(url: str) -> str:
    """The name that a body has in its URL: the last part of the path, or the host."""
    return url.partition("?")[0].rstrip("/").rpartition("/")[2]


def _envelope(request: Request, time: datetime) -> dict[str, Any]:
    shared = {name: getattr(request, name) for name in _ENVELOPE}
    return {"time": time, "offer": request.offer, "url": request.url, **shared}


def _answered(trace: Trace) -> dict[str, Any]:
    """What the server said, in its certificate and its head."""
    certificate = trace.certificate
    return {
        "status": trace.status,
        "headers": trace.headers,
        "certificate": certificate.sha256 if certificate else None,
        "certificate_subject": certificate.subject if certificate else None,
        "certificate_issuer": certificate.issuer if certificate else None,
    }
