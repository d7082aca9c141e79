"""Requests, good and odd, as scanners and attackers send them."""

# ruff: noqa: E501 - requests stand as they are sent

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mead.sensors.persona import Persona
from mead.sensors.web.products import PRODUCTS, Product
from mead.sensors.web.software import Site
from mead.wire.http import HttpRequest, HttpServer

REQUESTS: dict[str, bytes] = {
    "get": b"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n",
    "get, closing": b"GET / HTTP/1.1\r\nHost: 192.0.2.1\r\nConnection: close\r\n\r\n",
    "get, 1.0": b"GET / HTTP/1.0\r\n\r\n",
    "get, 1.0, staying": b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "get, staying": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n",
    "get, 0.9": b"GET /\r\n",
    "head": b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
    "missing": b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n",
    "missing, closing": b"GET /missing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "missing, 1.0": b"GET /missing HTTP/1.0\r\n\r\n",
    "missing directory": b"GET /missing/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "post": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b",
    "post, missing": b"POST /m HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b",
    "put": b"PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na=b",
    "delete": b"DELETE /x HTTP/1.1\r\nHost: x\r\n\r\n",
    "options": b"OPTIONS / HTTP/1.1\r\nHost: x\r\n\r\n",
    "options, star": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "options, rtsp": b"OPTIONS / RTSP/1.0\r\n\r\n",
    "trace": b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n",
    "propfind": b"PROPFIND / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "unknown method": b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
    "small letters": b"get / HTTP/1.1\r\nHost: x\r\n\r\n",
    "connect": b"CONNECT a.example:25 HTTP/1.1\r\nHost: x\r\n\r\n",
    "absolute": b"GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "version 2": b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    "version 9": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    "prior knowledge": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "garbage": b"\x01\x02\x03garbage\r\n\r\n",
    "word": b"HELP\r\n",
    "two words": b"FOO BAR\r\n\r\n",
    "ssh": b"SSH-2.0-x\r\n",
    "tls": b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n",
    "empty lines": b"\r\n\r\n",
    "climbing": b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "climbing, escaped": b"GET /cgi-bin/.%2e/.%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
    "nul": b"GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "bad escape": b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
    "long line": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "long header": b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\nHost: x\r\n"
    + b"".join(b"X%d: y\r\n" % n for n in range(150))
    + b"\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
    "bad chunk": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
    "upgrade": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
    "gzip": b"GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
    "gzip, missing": b"GET /missing HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n",
    "index": b"GET /index.html HTTP/1.1\r\nHost: x\r\n\r\n",
}
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def product_called(name: str) -> Product:
    return next(product for product in PRODUCTS if product.name == name)


def read(raw: bytes) -> HttpRequest:
    """The first request of these bytes."""
    core = HttpServer()
    return next(item for item in (*core.receive(raw), *core.receive(b"")) if isinstance(item, HttpRequest))


def a_site(product: Product, seed: int = 1) -> Site:
    """A site of an install that has this product."""
    persona = Persona(bytes([seed]) * 32, None, NOW)
    persona.product = product
    return persona.site(80)


@pytest.fixture
def requests() -> dict[str, bytes]:
    return REQUESTS


@pytest.fixture
def product() -> Any:
    return product_called


@pytest.fixture
def request_of() -> Any:
    return read


@pytest.fixture
def site_of() -> Any:
    return a_site
