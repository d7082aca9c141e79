# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a request in the eyes of a web server: questions that its judges ask."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from mead.wire.http import HttpRequest

__all__ = ["bad_escape", "bad_framing", "climbs", "major_version", "no_host", "too_long"]

_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_LONGEST = 8190
"""Bytes of a line that servers take by default (`LimitRequestLine` of Apache, 8k buffers of nginx)."""


def no_host(request: HttpRequest) -> bool:
    """Whether it lacks the Host that its version demands."""
    return request.version == b"1.1" and request.header(b"host") is None


def major_version(request: HttpRequest) -> int:
    """The number before the dot of its version; 0 when there is none."""
    number = request.version.partition(b".")[0]
    return int(number) if number.isdigit() and len(number) < 4 else 0


def bad_escape(request: HttpRequest) -> bool:
    """Whether a percent sign in its path is not followed by two hex digits."""
    return _ESCAPE.search(request.path) is not None


def climbs(request: HttpRequest) -> bool:
    """Whether its path leads above the root."""
    depth = 0
    for part in unquote_to_bytes(request.path).split(b"/"):
        depth += -1 if part == b".." else 0 if part in {b"", b"."} else 1
        if depth < 0:
            return True
    return False


def bad_framing(request: HttpRequest) -> bool:
    """Whether its length is no number, or is told in two ways."""
    length = request.header(b"content-length")
    if length is not None and not length.strip().isdigit():
        return True
    return length is not None and request.header(b"transfer-encoding") is not None


def too_long(request: HttpRequest) -> str:
    """`line` or `header` when one of these is longer than servers take; else nothing."""
    if len(request.method) + len(request.target) > _LONGEST:
        return "line"
    if any(len(name) + len(value) > _LONGEST for name, value in request.headers):
        return "header"
    return ""
