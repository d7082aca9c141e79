"""A page becomes bytes in the words of its program."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import Any

import pytest

from mead.sensors.web.servers import APACHE, BOA, LIGHTTPD, NGINX
from mead.sensors.web.software import Moment, Page, Site, asks_to_stay, imf_date

NOW = datetime(2026, 11, 24, 12, 0, 0, 999_999, tzinfo=UTC)


@pytest.fixture
def site(site_of: Any, product: Any) -> Site:
    return site_of(product("nginx-debian"))  # type: ignore[no-any-return] # a fixture's


def test_dates_are_those_of_http_and_whole_seconds() -> None:
    assert imf_date(NOW) == "Tue, 24 Nov 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("software", "raw", "stays"),
    [
        (NGINX, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (NGINX, b"GET / HTTP/1.0\r\n\r\n", False),
        (NGINX, b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", True),
        (BOA, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", False),
        (BOA, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Keep-Alive\r\n\r\n", True),
        (LIGHTTPD, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", False),
        (APACHE, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na", True),
        (
            APACHE,
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            False,
        ),
    ],
)
def test_whether_a_connection_stays_depends_on_program_and_request(
    request_of: Any, software: Any, raw: bytes, stays: bool
) -> None:
    request = request_of(raw)
    assert software.stays(request, Page(200, b"")) is stays
    assert not software.stays(request, Page(200, b"", closes=True))
    assert asks_to_stay(request) is (b"eep-" in raw)


def test_what_the_peer_says_is_shown_as_text(request_of: Any, site: Site) -> None:
    raw = b"GET /<i>{host}</i> HTTP/1.1\r\nHost: <u>{server}:80\r\n\r\n"
    moment = Moment(NOW, request_of(raw), stays=True)
    body = BOA.fault_body(site, Page(404), moment)
    assert b"<i>" not in body
    assert b"&lt;i&gt;&#123;host}" in body
    body = APACHE.fault_body(site, Page(404), moment)
    assert b"Server at &lt;u&gt;&#123;server} Port" in body


def test_an_error_before_the_headers_were_read_names_the_host_itself(request_of: Any, site: Site) -> None:
    moment = Moment(NOW, request_of(b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"), stays=False)
    own = f"Server at {site.own_name} Port".encode()
    assert own in APACHE.fault_body(site, Page(400, unread=True), moment)
    assert own in APACHE.fault_body(site, Page(400), Moment(NOW, None, stays=False))
    assert b"Server at shop.example Port" in APACHE.fault_body(site, Page(400), moment)


def test_only_pages_are_compressed_and_only_for_who_takes_that(request_of: Any, site: Site) -> None:
    takes = request_of(b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip, br\r\n\r\n")
    page, moment = Page(200, b"<p>text</p>" * 50), Moment(NOW, takes, stays=True)
    head, _, body = APACHE.write(site, page, moment).partition(b"\r\n\r\n")
    assert b"Content-Encoding: gzip" in head
    assert b'-gzip"' in head
    assert gzip.decompress(body) == page.body
    assert b"Content-Encoding" not in APACHE.write(site, Page(404), moment)
    assert b"Content-Encoding" not in NGINX.write(site, page, moment)


def test_a_head_gets_no_body_and_a_simple_request_no_head(request_of: Any, site: Site) -> None:
    head = request_of(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    answer = NGINX.write(site, Page(200, b"body"), Moment(NOW, head, stays=True))
    assert answer.endswith(b"\r\n\r\n")
    assert b"Content-Length: 4\r\n" in answer
    simple = request_of(b"GET /\r\n")
    assert NGINX.write(site, Page(200, b"body"), Moment(NOW, simple, stays=False)) == b"body"
