# SPDX-License-Identifier: Apache-2.0
"""One attempt to get one body: gate, fetcher of the scheme, redirects through the gate again."""

from __future__ import annotations

import asyncio
import os
import ssl

from mead.clock import Clock
from mead.egress.ftp import fetch_ftp
from mead.egress.gate import Allowed, Gate, Refused
from mead.egress.http import Redirect, fetch_http
from mead.egress.result import Failed, Fetched, Outcome, RefusedFetch, Request, Trace
from mead.egress.stream import FetchError
from mead.egress.target import Unusable, parse_target
from mead.egress.tcp import fetch_tcp
from mead.egress.tftp import fetch_tftp

__all__ = ["Fetcher"]

_MAX_SHOWN = 2048
_REDIRECT_SCHEMES = ("http", "https", "ftp")


class Fetcher:
    """Makes single attempts; every fault of the network or the peer is an outcome, never an exception."""

    def __init__(self, gate: Gate, clock: Clock) -> None:
        self.gate = gate
        self.settings = gate.settings
        self._clock = clock

    async def fetch(self, request: Request, attempt: int = 1) -> Outcome:
        """One attempt, the `attempt`-th.

        Takes `total_seconds` at most, and keeps `max_body_bytes` at most in memory.
        """
        trace = Trace()
        started = self._clock.monotonic()
        try:
            async with asyncio.timeout(self.settings.total_seconds):
                outcome = await self._follow(request, attempt, trace)
        except FetchError as error:
            outcome = Failed(request, str(error), trace)
        except TimeoutError:
            outcome = Failed(request, "time is up", trace)
        except ssl.SSLError as error:
            outcome = Failed(request, f"TLS: {error.reason or error}", trace)
        except OSError as error:
            outcome = Failed(request, _why(error), trace)
        trace.duration_ms = round((self._clock.monotonic() - started) * 1000)
        return outcome

    async def _follow(self, request: Request, attempt: int, trace: Trace) -> Outcome:
        url = request.url
        for _ in range(self.settings.max_redirects + 1):
            decision = await self.gate.decide(url, sensor=request.dst, turn=attempt - 1)
            trace.dns_answers = list(dict.fromkeys((*trace.dns_answers, *decision.dns_answers)))
            if isinstance(decision, Refused):
                trace.address = decision.address
                return RefusedFetch(request, decision.reason, decision.policy, trace, decision.passing)
            trace.address = str(decision.address)
            got = await self._one(decision, request, trace)
            if isinstance(got, bytes):
                return Fetched(request, got, trace)
            url = got.url
            trace.redirects.append(url[:_MAX_SHOWN])
            if not _may_lead_to(url):
                return RefusedFetch(request, "redirect to another scheme", self.settings.policy, trace)
        raise FetchError(f"more than {self.settings.max_redirects} redirects")

    async def _one(self, allowed: Allowed, request: Request, trace: Trace) -> bytes | Redirect:
        match allowed.target.scheme:
            case "http" | "https":
                return await fetch_http(allowed, request, self.settings, trace)
            case "ftp":
                return await fetch_ftp(allowed, request, self.settings, trace)
            case "tftp":
                return await fetch_tftp(allowed, self.settings, trace)
            case _:
                return await fetch_tcp(allowed, self.settings, trace)


def _why(error: OSError) -> str:
    """The system's own words, without the address that Python adds: the event has it."""
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


def _may_lead_to(url: str) -> bool:
    target = parse_target(url)
    return isinstance(target, Unusable) or target.scheme in _REDIRECT_SCHEMES
