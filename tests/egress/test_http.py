# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Awaitable, Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mead.egress.result import Failed, Fetched, Outcome, RefusedFetch

Fetch = Callable[..., Awaitable[Outcome]]
KEEP = b"Connection: Keep-Alive\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


async def test_a_body_comes_from_a_real_web_server(fetch: Fetch, tmp_path: Path) -> None:
    body = bytes(range(256)) * 4000
    (tmp_path / "x.bin").write_bytes(body)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tmp_path))) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            got = await fetch(f"http://loop.example:{server.server_port}/x.bin")
        finally:
            server.shutdown()
            thread.join()
    assert isinstance(got, Fetched)
    assert got.body == body
    assert (got.trace.status, got.trace.address, got.trace.size) == (200, "127.0.0.1", len(body))
    assert got.trace.content_type == "application/octet-stream"
    assert got.trace.dns_answers == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (OK + b"Content-Length: 3\r\n\r\nabc", b"abc"),
        (OK + b"Content-Length: 3\r\n\r\nabcdef", b"abc"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: x\r\n\r\n", b"abc"),
        (OK + b"\r\nabc", b"abc"),
        (b"HTTP/1.0 200 OK\n\nabc", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"\r\nabc", b"abc"),
        (
            OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"abc", mtime=0),
            gzip.compress(b"abc", mtime=0),
        ),
        (b"HTTP/1.1 206 Partial\r\nContent-Length: 1\r\n\r\na", b"a"),
        (b"\x7fELF and no head", b"\x7fELF and no head"),
        (OK + b"no header\r\nContent-Length: 1, 2\r\n\r\nabc", b"abc"),
    ],
)
async def test_a_body_is_kept_as_served(fetch: Fetch, servers: Any, answer: bytes, body: bytes) -> None:
    got = await fetch(f"http://127.0.0.1:{await servers.web(answer)}/")
    assert isinstance(got, Fetched), got
    assert got.body == body


@pytest.mark.parametrize(
    ("answer", "reason", "size"),
    [
        (OK + b"Content-Length: 9\r\n\r\nabc", "bad answer", 3),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "bad answer", 3),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "bad answer", 0),
        (OK + b"Content-Length: 2000\r\n\r\nabc", "announced body is larger than 1000 bytes", 0),
        (OK + b"\r\n" + b"x" * 5000, "body is larger than 1000 bytes", 5000),
        (OK + b"\r\n", "empty body", 0),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "empty body", 0),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno", "status 404", 0),
        (b"HTTP/1.1 302 Found\r\n\r\n", "status 302", 0),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "status 101", 0),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "bad answer: no end of interim", 0),
        (b"HTTP/1.1 OK\r\n\r\n", "bad answer: first line has no status", 0),
        (b"", "bad answer", 0),
        (OK + b"X: " + b"y" * 100_000, "bad answer", 0),
        (b"HTTP/1.1 500 No\r\nContent-Length: 1, 2\r\n\r\nabc", "status 500", 0),
    ],
    ids=range(15),
)
async def test_less_or_more_than_a_body_is_a_failure(
    fetch: Fetch, servers: Any, answer: bytes, reason: str, size: int
) -> None:
    got = await fetch(f"http://127.0.0.1:{await servers.web(answer)}/", max_body_bytes=1000)
    assert isinstance(got, Failed), got
    assert got.reason.startswith(reason)
    assert got.trace.size == size


@pytest.mark.parametrize(
    ("agent", "expected"),
    [
        ("Wget/1.21.3", b"User-Agent: Wget/1.21.3\r\nAccept: */*\r\nAccept-Encoding: identity\r\n" + KEEP),
        ("curl/7.88.1", b"User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n"),
        ("Wget", b"User-Agent: Wget\r\nConnection: close\r\n\r\n"),
        (" lead", b"User-Agent:  lead\r\nConnection: close\r\n\r\n"),
        ("trail ", b"User-Agent: trail \r\nConnection: close\r\n\r\n"),
        ("b\xfccher\udcff", "User-Agent: b\xfccher\\udcff\r\nConnection: close\r\n\r\n".encode()),
        (None, b"Connection: close\r\n\r\n"),
        ("evil\r\nX: y", b"Connection: close\r\n\r\n"),
    ],
)  # fmt: skip
async def test_the_request_is_that_of_the_tool(
    fetch: Fetch, servers: Any, agent: str | None, expected: bytes
) -> None:
    port = await servers.web(OK + b"\r\nx")
    await fetch(f"http://127.1:{port}/a b?q", user_agent=agent)
    host = b"Host: 127.0.0.1:%d\r\n" % port
    assert servers.asked == [b"GET /a%20b?q HTTP/1.1\r\n" + host + expected]


REAL_TOOLS = {
    "wget": ["wget", "-q", "-t1", "-O"],
    "curl": ["curl", "-s", "-o"],
    "busybox": ["busybox", "wget", "-q", "-O"],
}  # fmt: skip


@pytest.mark.parametrize("tool", [pytest.param(tool, marks=pytest.mark.tool(tool)) for tool in REAL_TOOLS])
@pytest.mark.parametrize("path", ["/x", "/a%20b?q=1&r", "/%7e//z"])
async def test_the_request_is_the_one_that_the_real_tool_makes(
    fetch: Fetch, servers: Any, tool: str, path: str
) -> None:
    port = await servers.web(OK + b"Content-Length: 1\r\n\r\nx")
    url = f"http://127.0.0.1:{port}{path}"
    process = await asyncio.create_subprocess_exec(
        *REAL_TOOLS[tool], "/dev/null", url, env={"PATH": os.environ["PATH"], "HOME": "/nowhere"}
    )
    assert await process.wait() == 0
    (real,) = servers.asked
    agent = next(line for line in real.split(b"\r\n") if line.startswith(b"User-Agent: "))[12:].decode()
    await fetch(url, user_agent=agent, tool="curl" if tool == "curl" else "wget")
    ours = servers.asked[1]
    if tool == "wget":  # GNU wget decodes what needs no encoding
        real = real.replace(b"/~//z", b"/%7e//z")
    assert ours == real


async def test_a_tool_with_a_user_agent_of_its_own_keeps_its_habits(fetch: Fetch, servers: Any) -> None:
    port = await servers.web(OK + b"\r\nx")
    await fetch(f"http://127.0.0.1:{port}/", user_agent="odd", tool="curl")
    assert servers.asked[0].endswith(b"User-Agent: odd\r\nAccept: */*\r\n\r\n")


@pytest.mark.parametrize(
    ("agent", "middle"),
    [
        (
            "curl/7.88.1",
            b"Authorization: Basic bWU6c2VjcmV0\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
        ),
        ("Wget", b"User-Agent: Wget\r\nConnection: close\r\nAuthorization: Basic bWU6c2VjcmV0\r\n\r\n"),
    ],
)
async def test_a_password_stands_where_the_tool_puts_it(
    fetch: Fetch, servers: Any, agent: str, middle: bytes
) -> None:
    port = await servers.web(OK + b"\r\nx")
    await fetch(f"http://me:secret@127.0.0.1:{port}/", user_agent=agent)
    assert servers.asked[0].endswith(middle)


async def test_gnu_wget_shows_a_password_only_when_it_is_asked_for_one(fetch: Fetch, servers: Any) -> None:
    port = await servers.web(b"HTTP/1.1 401 No\r\n\r\n", OK + b"\r\nx")
    got = await fetch(f"http://me:secret@127.0.0.1:{port}/", user_agent="Wget/1.21.3")
    assert isinstance(got, Fetched), got
    first, second = servers.asked
    assert b"Authorization" not in first
    assert second.endswith(KEEP[:-2] + b"Authorization: Basic bWU6c2VjcmV0\r\n\r\n")
    port = await servers.web(b"HTTP/1.1 403 No\r\n\r\n")
    got = await fetch(f"http://me:x@127.0.0.1:{port}/", user_agent="Wget/1.2")
    assert isinstance(got, Failed)
    assert got.reason == "status 403"


async def test_bytes_of_a_redirect_that_are_no_ascii_are_percent_encoded(fetch: Fetch, servers: Any) -> None:
    port = await servers.web(b"HTTP/1.1 302 F\r\nLocation: /\xff \xc3\xa9%20\r\n\r\n", OK + b"\r\nx")
    got = await fetch(f"http://127.0.0.1:{port}/")
    assert isinstance(got, Fetched)
    assert servers.asked[1].startswith(b"GET /%FF%20%C3%A9%20 HTTP/1.1\r\n")


async def test_a_password_goes_to_the_host_of_its_url_only(fetch: Fetch, servers: Any) -> None:
    second = await servers.web(OK + b"\r\nx")
    first = await servers.web(b"HTTP/1.1 302 F\r\nLocation: http://loop.example:%d/\r\n\r\n" % second)
    await fetch(f"http://me:secret@127.0.0.1:{first}/")
    assert b"Authorization: Basic bWU6c2VjcmV0\r\n" in servers.asked[0]
    assert b"Authorization" not in servers.asked[1]


async def test_redirects_are_followed_and_recorded(fetch: Fetch, servers: Any) -> None:
    port = await servers.web(
        b"HTTP/1.1 301 M\r\nLocation: /b/c\r\n\r\n", b"HTTP/1.1 307 T\r\nLocation: d?e\r\n\r\n", OK + b"\r\nx"
    )
    got = await fetch(f"http://127.0.0.1:{port}/a")
    assert isinstance(got, Fetched)
    assert got.trace.redirects == [f"http://127.0.0.1:{port}/b/c", f"http://127.0.0.1:{port}/b/d?e"]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (b"http://10.0.0.1/", "target is not loopback (test setting)"),
        (b"//169.254.169.254/latest", "target is not loopback (test setting)"),
        (b"file:///etc/passwd", "not an absolute URL"),
        (b"tftp://127.0.0.1/x", "redirect to another scheme"),
        (b"tcp://127.0.0.1:22", "redirect to another scheme"),
        (b"http://127.0.0.1:25/", "port belongs to another service"),
        (b"http://a@b@127.0.0.1/", "more than one @ in authority"),
        (b"http://[::1/", "host and port cannot be told apart"),
    ],
)
async def test_a_redirect_goes_through_the_gate(
    fetch: Fetch, servers: Any, location: bytes, reason: str
) -> None:
    port = await servers.web(b"HTTP/1.1 302 F\r\nLocation: " + location + b"\r\n\r\n")
    got = await fetch(f"http://127.0.0.1:{port}/")
    assert isinstance(got, RefusedFetch | Failed)
    assert got.reason.startswith((reason, "scheme file is not fetched"))
    assert len(servers.asked) == 1


async def test_a_circle_of_redirects_ends(fetch: Fetch, servers: Any) -> None:
    port = await servers.web(b"HTTP/1.1 302 F\r\nLocation: /\r\n\r\n")
    got = await fetch(f"http://127.0.0.1:{port}/", max_redirects=3)
    assert isinstance(got, Failed)
    assert got.reason == "more than 3 redirects"
    assert len(servers.asked) == 4


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    tail=st.binary(max_size=80), head=st.sampled_from([b"", OK, OK + b"Transfer-Encoding: chunked\r\n\r\n"])
)
async def test_any_answer_is_an_outcome(fetch: Fetch, servers: Any, head: bytes, tail: bytes) -> None:
    got = await fetch(f"http://127.0.0.1:{await servers.web(head + tail)}/", per_host_per_minute=10**6)
    assert isinstance(got, Fetched | Failed | RefusedFetch)
