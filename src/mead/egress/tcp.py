# SPDX-License-Identifier: Apache-2.0
"""What `nc host port` and `/dev/tcp` get: connect, say nothing, read.

The body ends when the peer closes. Many a `nc -l < file` never closes; a peer that has sent something and is
then silent for `quiet_seconds` has sent its body.
"""

from __future__ import annotations

from mead.egress.gate import Allowed
from mead.egress.policy import EgressSettings
from mead.egress.result import Trace
from mead.egress.stream import Body, FetchError, connect

__all__ = ["fetch_tcp"]


async def fetch_tcp(allowed: Allowed, settings: EgressSettings, trace: Trace) -> bytes:
    """Read everything that the peer sends."""
    body = Body(trace, max_bytes=settings.max_body_bytes)
    address, source = str(allowed.address), allowed.source
    async with connect(address, allowed.port, settings, trace, source=source) as stream:
        try:
            while piece := await stream.read(timeout_seconds=settings.quiet_seconds if trace.size else None):
                body.add(piece)
        except TimeoutError as error:
            if not trace.size:
                raise FetchError("peer sent nothing") from error
        return body.whole()
