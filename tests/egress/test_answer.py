# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.egress.answer import Answer, BadAnswerError

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def _read(data: bytes, *, step: int | None = None) -> tuple[Answer, bytes]:
    """The answer and its body when `data` arrives in pieces of `step` bytes and the connection then ends."""
    answer, body = Answer(), b""
    for start in range(0, len(data), step or len(data) or 1):
        body += answer.receive(data[start : start + (step or len(data))])
    if not answer.whole:
        answer.end()
    return answer, body


ANSWERS = [
    (OK + b"Content-Length: 3\r\n\r\nabc", 200, b"abc"),
    (OK + b"Content-Length: 2\r\n\r\nabc", 200, b"ab"),
    (OK + b"Content-Length: 0\r\n\r\nabc", 200, b""),
    (OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 200, b"abc"),
    (OK + b"Content-Length: 2\r\ncontent-length:2\r\n\r\nabc", 200, b"ab"),
    (OK + b"Content-Length: -1\r\n\r\nabc", 200, b"abc"),
    (OK + b"Content-Length: \xb2\r\n\r\nabc", 200, b"abc"),
    (OK + b"\r\nabc", 200, b"abc"),
    (b"HTTP/1.0 404\n\nabc", 404, b"abc"),
    (b"http/1.1 200OK\nno header\n: none\nX : y\n folded: z\n\nabc", 200, b"abc"),
    (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK + b"\r\nabc", 200, b"abc"),
    (b"HTTP/1.1 304 Same\r\nContent-Length: 3\r\n\r\nabc", 304, b""),
    (CHUNKED + b"2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: x\r\n\r\nmore", 200, b"abc"),
    (CHUNKED + b"3\nabc\n0\n\n", 200, b"abc"),
    (CHUNKED + b" 3 \r\nabc\r\n0000\r\n", 200, b"abc"),
    (OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, b"abc"),
    (OK + b"Transfer-Encoding: identity\r\n\r\nabc", 200, b"abc"),
    (b"\x7fELF body", None, b"\x7fELF body"),
    (b"ICY 200 OK\r\n\r\nabc", None, b"ICY 200 OK\r\n\r\nabc"),
]


@pytest.mark.parametrize("step", [None, 1, 2, 7])
@pytest.mark.parametrize(("data", "status", "body"), ANSWERS, ids=range(len(ANSWERS)))
def test_the_body_is_what_tools_take(data: bytes, status: int | None, body: bytes, step: int | None) -> None:
    answer, got = _read(data, step=step)
    assert (answer.status, got, answer.whole, answer.has_head) == (status, body, True, True)


@pytest.mark.parametrize(
    ("data", "open_ended"),
    [
        (b"HTTP/1.1", False),
        (OK + b"\r\n", True),
        (b"raw", True),
        (CHUNKED, False),
        (OK + b"Content-Length: 2\r\n\r\n", False),
    ],
)
def test_only_a_body_without_an_announced_end_is_open_ended(data: bytes, open_ended: bool) -> None:
    answer = Answer()
    answer.receive(data)
    assert answer.is_open_ended is open_ended


def test_headers_are_kept_in_order_and_as_spelled() -> None:
    answer, _ = _read(b"HTTP/1.1 200 OK\nB: 1\nno header\na : 2 \r\n\tfold\nb:3\n\n")
    assert answer.headers == [(b"B", b"1"), (b"a", b"2"), (b"b", b"3")]
    assert answer.first(b"b") == b"1"
    assert answer.first(b"c") is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "without an answer"),
        (b"HTT", "none of HTTP"),
        (b"HTTP/1.1 200 OK\r\nX", "in the head"),
        (b"HTTP/x\r\n\r\n", "no status"),
        (OK + b"Content-Length: 9\r\n\r\nabc", "before the body did"),
        (CHUNKED + b"3\r\nabc\r\n", "before the body did"),
        (CHUNKED + b"9\r\nabc", "before the body did"),
        (CHUNKED + b"zz\r\n", "chunk has no size"),
        (CHUNKED + b"f" * 16 + b"\r\n", "chunk has no size"),
        (CHUNKED + b"0" * 2000, "chunk has no size"),
        (CHUNKED + b"\r\n" * 600_000, "more lines between the chunks"),
        (OK + b"X: " + b"y" * 100_000, "head is longer"),
        (OK + b"X: " + b"y" * 100_000 + b"\r\n\r\n", "head is longer"),
        (b"HTTP/1.1 100 C\r\n\r\n" * 9, "no end of interim answers"),
    ],
    ids=range(14),
)
@pytest.mark.parametrize("step", [None, 1000])
def test_what_is_no_whole_body_is_said(data: bytes, reason: str, step: int | None) -> None:
    with pytest.raises(BadAnswerError, match=reason):
        _read(data, step=step)


def test_the_cost_grows_with_the_size_only() -> None:
    started = time.process_time()
    for hostile in (b"a" + b" " * 60_000, b":" * 60_000, b"\t" * 60_000, b"a" * 60_000):
        _read(OK + hostile + b"\r\n\r\n")
    with pytest.raises(BadAnswerError):
        _read(OK + b"x\n" * 40_000, step=1)
    _read(CHUNKED + b"1\r\nx\r\n" * 200_000 + b"0\r\n\r\n", step=1)
    assert time.process_time() - started < 10


WORDS = [
    OK[:-2], b"\r\n", b"\n", b"Content-Length: ", b"Transfer-Encoding: chunked", b"3", b"0", b":", b"abc",
]  # fmt: skip
HEADS = [b"", OK, CHUNKED, OK + b"Content-Length: 5\r\n\r\n"]
PIECES = st.lists(st.sampled_from(WORDS) | st.binary(max_size=8), max_size=16).map(b"".join)


@given(head=st.sampled_from(HEADS), tail=PIECES, step=st.integers(1, 9))
def test_pieces_do_not_matter(head: bytes, tail: bytes, step: int) -> None:
    def outcome(step: int | None) -> object:
        try:
            answer, body = _read(head + tail, step=step)
        except BadAnswerError as error:
            return str(error)
        return answer.status, answer.headers, body

    assert outcome(step) == outcome(None)


FIELDS = [b"", b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n", b"X: y\r\nz:\r\n"]
BODIES = [
    b"abcd", b"4\r\nabcd\r\n0\r\n\r\n", b"2;a\r\nab\r\n2\r\ncd\r\n0\r\nT: x\r\n\r\n", b"abc", b"4\r\n",
]  # fmt: skip


@given(head=st.sampled_from(FIELDS), tail=st.sampled_from(BODIES) | st.binary(max_size=9))
def test_what_a_strict_reader_takes_is_read_alike(head: bytes, tail: bytes) -> None:
    strict = h11.Connection(h11.CLIENT)
    strict.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    strict.send(h11.EndOfMessage())
    data, expected = OK + head + b"\r\n" + tail, b""
    strict.receive_data(data)
    strict.receive_data(b"")
    try:
        while not isinstance(event := strict.next_event(), h11.EndOfMessage):
            expected += bytes(event.data) if isinstance(event, h11.Data) else b""
    except h11.RemoteProtocolError:
        return
    assert _read(data)[1] == expected
