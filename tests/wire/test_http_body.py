# SPDX-License-Identifier: Apache-2.0
"""Bodies by length and in chunks."""

from __future__ import annotations

import pytest

from mead.wire.http_body import Body, ChunkError


def take(body: Body, data: bytes) -> bytearray:
    rest = bytearray(data)
    body.take(rest)
    return rest


def test_what_follows_the_body_is_left() -> None:
    body = Body(length=3, max_bytes=10)
    assert take(body, b"abcd") == b"d"
    assert (body.kept, body.done, body.overflowing) == (b"abc", True, False)
    assert Body(length=0, max_bytes=10).done


def test_chunks_join_and_are_bounded() -> None:
    body = Body(length=None, max_bytes=4)
    assert take(body, b"3\r\nabc\r\n3\nde") == b""
    assert take(body, b"f\n0\r\n\r\nNEXT") == b"NEXT"
    assert (body.kept, body.seen_bytes, body.done, body.overflowing) == (b"abcd", 6, True, True)


@pytest.mark.parametrize("line", [b"3", b"3\r\nabc", b"3\r\nabc\r", b"0\r\n", b"0\r\nX: y"])
def test_half_a_chunk_waits(line: bytes) -> None:
    body = Body(length=None, max_bytes=100)
    take(body, line)
    assert not body.done


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"x\r\n", "chunk size b'x'"),
        (b"-1\r\n", "chunk size b'-1'"),
        (b"\r\n", "chunk size b''"),
        (b"1\r\nab\r\n", "b'b' where a chunk should end"),
        (b"1;" + b"e" * 2000, "line too long"),
        (b"0\r\n" + (b"T: " + b"x" * 500 + b"\r\n") * 40, "too many trailers"),
    ],
)
def test_broken_chunks(data: bytes, reason: str) -> None:
    with pytest.raises(ChunkError) as caught:
        take(Body(length=None, max_bytes=100), data)
    assert str(caught.value) == reason
