# SPDX-License-Identifier: Apache-2.0
"""Conversations with the HTTP server core."""

from __future__ import annotations

import pytest

from mead.wire.core import Close, Fact, Limit, Output, PeerError, Send
from mead.wire.http import HttpData, HttpLimits, HttpRequest, HttpServer

BAD = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def play(data: bytes, *, split: bool = False, left: bool = False, **limits: int) -> list[Output]:
    core = HttpServer(HttpLimits(**limits))
    chunks = [data[i : i + 1] for i in range(len(data))] if split else [data]
    out = [item for chunk in chunks for item in core.receive(chunk)]
    return out + (core.receive(b"") if left else [])


def facts(out: list[Output]) -> list[Fact]:
    """The facts, with neighbouring data joined: where it is cut says nothing."""
    joined: list[Fact] = []
    for item in out:
        if isinstance(item, HttpData) and joined and isinstance(joined[-1], HttpData):
            joined[-1] = HttpData(joined[-1].data + item.data)
        elif isinstance(item, Fact):
            joined.append(item)
    return joined


def sent(out: list[Output]) -> bytes:
    return b"".join(item.data for item in out if isinstance(item, Send))


def request(method: bytes, target: bytes, *headers: tuple[bytes, bytes], **more: object) -> HttpRequest:
    return HttpRequest(method, target, **{"version": b"1.1", "headers": headers, **more})  # type: ignore[arg-type] # a table


HOST = (b"Host", b"x")
CASES: list[tuple[str, bytes, list[Fact], bytes]] = [
    ("a request", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", [request(b"GET", b"/", HOST)], b""),
    (
        "headers keep order and case",
        b"GET / HTTP/1.1\r\nhOST: x\r\nB: 2\r\nA: 1\r\n\r\n",
        [request(b"GET", b"/", (b"hOST", b"x"), (b"B", b"2"), (b"A", b"1"))],
        b"",
    ),
    (
        "pipelined, with empty lines between",
        b"GET /1 HTTP/1.1\r\nHost: x\r\n\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n",
        [request(b"GET", b"/1", HOST), request(b"GET", b"/2", HOST)],
        b"",
    ),
    (
        "HTTP/1.0 closes",
        b"GET / HTTP/1.0\r\n\r\n",
        [request(b"GET", b"/", version=b"1.0", keep_alive=False)],
        b"",
    ),
    (
        "HTTP/1.0 stays when asked to",
        b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        [request(b"GET", b"/", (b"Connection", b"Keep-Alive"), version=b"1.0")],
        b"",
    ),
    (
        "a body by length",
        b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nHost: x\r\n\r\n",
        [
            request(b"PUT", b"/x", HOST, (b"Content-Length", b"4"), body=b"body", body_bytes=4),
            request(b"GET", b"/", HOST),
        ],
        b"",
    ),
    (
        "a body in chunks, with extension and trailer",
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
        ),
        [
            request(
                b"POST",
                b"/",
                HOST,
                (b"Transfer-Encoding", b"chunked"),
                body=b"abc0123456789",
                body_bytes=13,
            )
        ],
        b"",
    ),
    (
        "100-continue",
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nz",
        [
            request(
                b"POST",
                b"/",
                HOST,
                (b"Expect", b"100-Continue"),
                (b"Content-Length", b"1"),
                body=b"z",
                body_bytes=1,
            )
        ],
        b"HTTP/1.1 100 Continue\r\n\r\n",
    ),
    (
        "absolute form and a made-up method",
        b"PROPFIND http://h/p?q HTTP/1.1\r\nHost: x\r\n\r\n",
        [request(b"PROPFIND", b"http://h/p?q", HOST)],
        b"",
    ),
    (
        "what follows a CONNECT is data",
        b"CONNECT h:25 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01",
        [request(b"CONNECT", b"h:25", HOST, keep_alive=False), HttpData(b"\x16\x03\x01")],
        b"",
    ),
    (
        "a websocket leaves HTTP",
        b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n\x81\x00",
        [
            request(b"GET", b"/ws", HOST, (b"Upgrade", b"websocket"), keep_alive=False),
            HttpData(b"\x81\x00"),
        ],
        b"",
    ),
    (
        "TLS at a plain port",
        b"\x16\x03\x01\x02\x00",
        [PeerError(0, "no method", b"\x16"), HttpData(b"\x16\x03\x01\x02\x00")],
        BAD,
    ),
    (
        "another protocol",
        b"SSH-2.0-Go\r\nmore",
        [PeerError(0, "no request line", b"SSH-2.0-Go\r\n"), HttpData(b"SSH-2.0-Go\r\nmore")],
        BAD,
    ),
    (
        "RTSP is not HTTP",
        b"OPTIONS / RTSP/1.0\r\n\r\n",
        [
            PeerError(0, "no request line", b"OPTIONS / RTSP/1.0\r\n"),
            HttpData(b"OPTIONS / RTSP/1.0\r\n\r\n"),
        ],
        BAD,
    ),
    (
        "a broken chunk",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\nrest",
        [
            PeerError(67, "chunk size b'zz'", b""),
            request(
                b"POST",
                b"/",
                HOST,
                (b"Transfer-Encoding", b"chunked"),
                body=b"ab",
                body_bytes=2,
                complete=False,
                keep_alive=False,
                faults=("chunk size b'zz'",),
            ),
            HttpData(b"rest"),
        ],
        b"",
    ),
]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize(("given", "expected", "answer"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_conversation(given: bytes, expected: list[Fact], answer: bytes, split: bool) -> None:
    out = play(given, split=split)
    assert facts(out) == expected
    assert sent(out) == answer
    assert any(isinstance(item, Close) for item in out) == (answer == BAD)


LENIENT = [
    ("no host", b"GET / HTTP/1.1\r\n\r\n", b"GET", b"/", ()),
    ("line feeds alone", b"GET /a b HTTP/1.1\nHost: x\n\n", b"GET", b"/a b", (HOST,)),
    (
        "spaces in the target",
        b"GET /x?c=rm -rf / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET",
        b"/x?c=rm -rf /",
        (HOST,),
    ),
    ("raw bytes in the target", b"GET /\xff\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET", b"/\xff\x00", (HOST,)),
    (
        "a header without a colon",
        b"GET / HTTP/1.1\r\nHost: x\r\n() { :;}; id\r\nnonsense\r\n\r\n",
        b"GET",
        b"/",
        (HOST, (b"() { ", b";}; id"), (b"nonsense", b"")),
    ),
    ("a folded header", b"GET /a b HTTP/1.1\r\nA: 1\r\n  2\r\n\r\n", b"GET", b"/a b", ((b"A", b"1 2"),)),
    ("lower case", b"get / http/1.1\r\n\r\n", b"get", b"/", ()),
    ("no target", b"GET HTTP/1.1\r\n\r\n", b"GET", b"", ()),
]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize(
    ("given", "method", "target", "headers"), [c[1:] for c in LENIENT], ids=[c[0] for c in LENIENT]
)
def test_what_strict_servers_refuse_is_seen(
    given: bytes, method: bytes, target: bytes, headers: tuple[tuple[bytes, bytes], ...], split: bool
) -> None:
    (seen,) = facts(play(given, split=split))
    assert isinstance(seen, HttpRequest)
    assert (seen.method, seen.target, seen.headers) == (method, target, headers)
    assert seen.lenient
    assert seen.keep_alive


def test_a_request_of_1991_ends_with_its_line() -> None:
    (seen,) = facts(play(b"GET /\r\n"))
    assert isinstance(seen, HttpRequest)
    assert (seen.version, seen.target, seen.keep_alive) == (b"0.9", b"/", False)


def test_a_body_beyond_the_bound_is_counted() -> None:
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    limit, seen = facts(play(head + b"x" * 100, max_body_bytes=10))
    assert limit == Limit("body", 10, "bytes")
    assert isinstance(seen, HttpRequest)
    assert (seen.body, seen.body_bytes, seen.complete) == (b"x" * 10, 100, True)


def test_the_bound_is_told_when_it_is_reached_and_once() -> None:
    core = HttpServer(HttpLimits(max_body_bytes=1))
    core.receive(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
    assert core.receive(b"ab") == [Limit("body", 1, "bytes")]
    assert core.receive(b"cd") == []


@pytest.mark.parametrize(
    "given",
    [b"G" * 100, b"GET / HTTP/1.1\r\nA: " + b"x" * 100, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20 + b"\r\n"],
)
@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_a_head_beyond_the_bound_is_refused_and_kept(given: bytes, split: bool) -> None:
    out = play(given, split=split, max_head_bytes=64)
    assert facts(out) == [
        Limit("head", 64, "bytes"),
        PeerError(0, "head too long", given[:48]),
        HttpData(given),
    ]
    assert sent(out) == BAD


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_data_beyond_the_bound_is_dropped_and_told_once(split: bool) -> None:
    out = play(b"\0" * 50, split=split, max_data_bytes=10)
    assert [f for f in facts(out) if not isinstance(f, PeerError)] == [
        HttpData(b"\0" * 10),
        Limit("data", 10, "bytes"),
    ]


def test_the_last_request_allowed_closes() -> None:
    out = facts(play(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3, max_requests=2))
    assert out[0] == request(b"GET", b"/", HOST)
    assert out[1] == Limit("requests", 2, "requests")
    assert out[2] == request(b"GET", b"/", HOST, keep_alive=False)
    assert isinstance(out[3], HttpData)


LEFT = "left in the middle of a request"


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
def test_a_peer_that_leaves_in_the_body_leaves_what_it_sent(split: bool) -> None:
    out = facts(play(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab", split=split, left=True))
    assert out[0] == PeerError(49, LEFT, b"")
    assert out[1] == request(
        b"POST",
        b"/",
        HOST,
        (b"Content-Length", b"9"),
        body=b"ab",
        body_bytes=2,
        complete=False,
        keep_alive=False,
        faults=(LEFT,),
    )


def test_a_peer_that_leaves_in_the_head_leaves_what_it_sent() -> None:
    error, seen = facts(play(b"GET /x HTTP/1.1\r\nHos", left=True))
    assert isinstance(error, PeerError)
    assert isinstance(seen, HttpRequest)
    assert (seen.target, seen.complete) == (b"/x", False)
    assert facts(play(b"half", left=True)) == [PeerError(0, LEFT, b"half"), HttpData(b"half")]


def test_a_peer_that_leaves_between_requests_leaves_nothing() -> None:
    assert len(facts(play(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", left=True))) == 1
    assert play(b"", left=True) == []


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/a?b=c?d", b"/a", b"b=c?d"),
        (b"http://h/a?b", b"/a", b"b"),
        (b"http://h", b"/", b""),
        (b"/go?u=http://h/", b"/go", b"u=http://h/"),
        (b"/x://y", b"/x://y", b""),
        (b"*", b"*", b""),
    ],
)
def test_target_is_taken_apart(target: bytes, path: bytes, query: bytes) -> None:
    seen = request(b"GET", target)
    assert (seen.path, seen.query) == (path, query)


def test_a_form_is_read_from_the_body() -> None:
    kind = (b"content-TYPE", b"application/x-www-form-urlencoded")
    seen = request(b"POST", b"/", kind, body=b"ip=1.2.3.4%3Bid")
    assert seen.form().fields[0].value == b"1.2.3.4;id"
    assert seen.header(b"Content-Type") == kind[1]
    assert request(b"POST", b"/").form().fields == ()


def test_a_request_whose_body_is_on_its_way_can_be_looked_at() -> None:
    core = HttpServer()
    assert core.unfinished is None
    core.receive(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nab")
    request = core.unfinished
    assert request is not None
    assert (request.target, request.body, request.body_bytes, request.complete) == (b"/x", b"", 2, False)
    core.receive(b"cd")
    assert core.unfinished is None
