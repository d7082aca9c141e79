# SPDX-License-Identifier: Apache-2.0
"""Responses are written as told."""

from __future__ import annotations

from mead.wire.http_response import LENGTH, respond


def test_order_and_case_are_kept() -> None:
    assert respond(200, [(b"server", b"lighttpd/1.4.35"), (b"Content-LENGTH", LENGTH)], b"hello") == (
        b"HTTP/1.1 200 OK\r\nserver: lighttpd/1.4.35\r\nContent-LENGTH: 5\r\n\r\nhello"
    )


def test_nothing_is_added() -> None:
    assert respond(404, [], reason=b"Nope", version=b"1.0") == b"HTTP/1.0 404 Nope\r\n\r\n"
    assert respond(799, []) == b"HTTP/1.1 799 \r\n\r\n"


def test_head_gets_the_length_only() -> None:
    assert respond(200, [(b"Content-Length", LENGTH)], b"xyz", head_only=True).endswith(b": 3\r\n\r\n")


def test_a_reflected_value_cannot_split_the_response() -> None:
    assert respond(302, [(b"Location", b"/\r\nSet-Cookie: a")]).count(b"\r\n") == 3
