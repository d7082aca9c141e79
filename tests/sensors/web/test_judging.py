"""What is wrong with a request is found, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from mead.sensors.web import judging
from mead.wire.http import HttpRequest

FINE = b"GET /a/../b?c=%zz HTTP/1.1\r\nHost: x\r\n\r\n"
WRONG: list[tuple[Callable[[HttpRequest], object], bytes]] = [
    (judging.no_host, b"GET / HTTP/1.1\r\n\r\n"),
    (judging.bad_escape, b"GET /%z HTTP/1.1\r\nHost: x\r\n\r\n"),
    (judging.climbs, b"GET /a/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"),
    (judging.climbs, b"GET /%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n"),
    (judging.bad_framing, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
    (
        judging.bad_framing,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    (judging.too_long, b"GET /" + b"a" * 8190 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    (judging.too_long, b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 8190 + b"\r\n\r\n"),
]


@pytest.mark.parametrize(("question", "raw"), WRONG)
def test_what_is_wrong_is_found(request_of: Any, question: Callable[[Any], object], raw: bytes) -> None:
    assert question(request_of(raw))
    assert not question(request_of(FINE))


@pytest.mark.parametrize(
    ("version", "number"), [(b"1.1", 1), (b"2.0", 2), (b"9.9", 9), (b"x", 0), (b"99999.1", 0)]
)
def test_versions_are_numbers(request_of: Any, version: bytes, number: int) -> None:
    assert judging.major_version(request_of(b"GET / HTTP/" + version + b"\r\nHost: x\r\n\r\n")) == number
