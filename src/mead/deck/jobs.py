# SPDX-License-Identifier: Apache-2.0
"""Offers as jobs of the work queue: what sensors hand on, and what the central fetcher takes up.

Counterparts: `deck/sensor.py`, `deck/fetching.py`.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from hashlib import sha256

import msgspec
from msgspec import Struct

from mead.bus.queue import Job
from mead.egress.result import Failed, Request, Trace
from mead.egress.telling import told
from mead.model.event import Event

__all__ = ["FETCH_QUEUE", "FetchJob", "buried"]

FETCH_QUEUE = "fetch"
_KIND = "fetch"
_ROOM = 200


class FetchJob(Struct, frozen=True, kw_only=True):
    """An offer to follow.

    Attributes:
        request: the offer, with the identity of the session that made it.
        attempt: which attempt is the next.
        room: offers that scripts found by way of this one may still make.
    """

    request: Request
    attempt: int = 1
    room: int = _ROOM

    @classmethod
    def of(cls, job: Job) -> FetchJob | None:
        """The offer of a job; None when it is none."""
        try:
            return msgspec.json.decode(job.detail or "", type=cls)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def job(self, *, again: bool = False) -> Job:
        """The job; `again` makes it another one than that which was put before for the same offer."""
        url = self.request.url
        return Job(
            kind=_KIND,
            sha256=sha256(url.encode("utf-8", "surrogateescape")).hexdigest(),
            key=f"{self.request.offer}#{secrets.token_hex(8)}" if again else self.request.offer,
            sensor=self.request.sensor,
            session=self.request.session,
            detail=msgspec.json.encode(self).decode(),
        )


def buried(job: Job, reason: str, time: datetime) -> list[Event] | None:
    """What is told of a job that was given up, when it is an offer; None when it is none."""
    found = FetchJob.of(job) if job.kind == _KIND else None
    if found is None:
        return None
    return [told(Failed(found.request, reason, Trace()), time, found.attempt, final=True)]
