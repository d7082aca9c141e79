# SPDX-License-Identifier: Apache-2.0
"""Heads, strict and otherwise."""

from __future__ import annotations

import pytest

from mead.wire.http_head import Head, find_head_end, first_line_kind, parse_head


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"GET / HTTP/1.1", "request"),
        (b"GET / HTTP/1.1  \r\n", "request"),
        (b"X http/9", "request"),
        (b"GET /", "simple"),
        (b"GET / x", "garbage"),
        (b"POST /", "garbage"),
        (b"M" * 65 + b" / HTTP/1.1", "garbage"),
        (b"HTTP/1.1", "garbage"),
        (b"", "garbage"),
    ],
)
def test_first_lines(line: bytes, kind: str) -> None:
    assert first_line_kind(line) == kind


def test_the_end_of_the_head_is_an_empty_line() -> None:
    assert find_head_end(bytearray(b"a\r\n\r\nb"), 0) == 5
    assert find_head_end(bytearray(b"a\n\nb"), 0) == 3
    assert find_head_end(bytearray(b"a\nb"), 0) == 0


def head(*headers: tuple[bytes, bytes], method: bytes = b"GET", version: bytes = b"1.1") -> Head:
    return Head(method, b"/", version, headers)


@pytest.mark.parametrize(
    ("value", "length"),
    [(b"5", 5), (b" 5, 6", 5), (b"-1", 0), (b"abc", 0), (b"9" * 30, int("9" * 18)), (b"", 0)],
)
def test_content_length_is_a_number_or_nothing(value: bytes, length: int) -> None:
    assert head((b"Content-Length", value)).content_length == length


def test_the_first_content_length_that_is_a_number_counts() -> None:
    assert head((b"Content-Length", b"x"), (b"content-length", b"7")).content_length == 7
    assert head().content_length == 0


def test_chunked_may_be_one_of_several_codings() -> None:
    assert head((b"Transfer-Encoding", b"gzip, Chunked")).chunked
    assert not head((b"Transfer-Encoding", b"gzip")).chunked


def test_keep_alive() -> None:
    assert head().keep_alive
    assert not head((b"Connection", b"Close")).keep_alive
    assert not head(version=b"1.0").keep_alive
    assert not head(version=b"2.0").keep_alive
    assert not head(method=b"CONNECT").keep_alive
    assert head((b"Connection", b"Upgrade"), (b"Upgrade", b"h2c")).keep_alive


def test_a_head_that_h11_finds_unfinished_is_read_all_the_same() -> None:
    seen = parse_head(b"GET / HTTP/1.1\r\nHost: x")
    assert (seen.method, seen.headers, seen.faults) == (
        b"GET",
        ((b"Host", b"x"),),
        ("no empty line at the end",),
    )


def test_a_head_without_faults_is_h11s() -> None:
    assert parse_head(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") == Head(b"GET", b"/", b"1.1", ((b"Host", b"x"),))


def test_a_fold_without_a_header_is_a_header() -> None:
    assert parse_head(b"GET /a b HTTP/1.1\r\n odd: 1\r\n\r\n").headers == ((b" odd", b"1"),)
