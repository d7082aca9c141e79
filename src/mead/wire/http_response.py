# SPDX-License-Identifier: Apache-2.0
"""Writes HTTP responses exactly as told: order and case of headers are what scanners look at."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

__all__ = ["LENGTH", "respond"]

LENGTH = b"\0length"
"""Value of a header that stands for the length of the body."""
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


def respond(
    status: int,
    headers: Sequence[tuple[bytes, bytes]],
    body: bytes = b"",
    *,
    reason: bytes | None = None,
    version: bytes = b"1.1",
    head_only: bool = False,
) -> bytes:
    """Build a response: these headers, in this order and case, and no others.

    Args:
        status: the status code.
        headers: (name, value) pairs; the value `LENGTH` becomes the length of `body`. Line ends in a
            value become spaces, since it may repeat what the peer sent.
        body: the body.
        reason: reason phrase; None: the usual one.
        version: what stands behind `HTTP/`.
        head_only: leave the body out (answer to HEAD), but tell its length.
    """
    phrase = _REASONS.get(status, b"") if reason is None else reason
    lines = [b"HTTP/%s %d %s" % (version, status, phrase)]
    for name, value in headers:
        shown = b"%d" % len(body) if value == LENGTH else value.replace(b"\r", b" ").replace(b"\n", b" ")
        lines.append(name + b": " + shown)
    return b"\r\n".join(lines) + b"\r\n\r\n" + (b"" if head_only else body)
