# SPDX-License-Identifier: Apache-2.0
"""How a web server program speaks, whatever site it serves: its headers in their order, its errors.

A `Page` says what is to be answered; `Software.write` puts it into the words of the program. Which page a
request gets, as far as the program decides it by itself, is its `judge`.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from mead.wire.http import HttpRequest
from mead.wire.http_response import LENGTH, respond

__all__ = ["METHODS", "Headers", "Moment", "Page", "Site", "Software", "asks_to_stay", "imf_date"]

Headers = tuple[tuple[bytes, bytes], ...]
METHODS = ("GET", "POST", "OPTIONS", "HEAD")


@dataclass(frozen=True, slots=True)
class Site:
    """What distinguishes this install from all others of the same program."""

    host: str
    installed: datetime
    draw: random.Random
    version: str
    port: int = 80
    own_name: str = "localhost"
    """What the host calls itself, where nobody told it a name."""
    methods: tuple[str, ...] = METHODS
    """Order in which Apache lists them: that of a hash table, so each install has its own."""


@dataclass(frozen=True, slots=True)
class Page:
    """What a request is answered with; without a body, the program's own error page of that status."""

    status: int
    body: bytes | None = None
    headers: Headers = ()
    closes: bool = False
    kind: str | None = None
    """Content type; None: the usual one; empty: none."""
    made: bool = False
    """Whether it was made for this request: then nothing says when it last changed."""
    line: str = ""
    """What an error page says; empty: the usual text of that status."""
    title: str = ""
    """Title of an error page; empty: status and reason."""
    protocol: bytes | None = None
    """What stands before the status; None: the usual."""
    unread: bool = False
    """Whether it is said before the headers were understood, so that the peer's Host is not known."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What an answer depends on besides its page."""

    now: datetime
    request: HttpRequest | None
    stays: bool
    number: int = 1
    """Number of the request on its connection."""

    @property
    def host(self) -> str:
        """The host that the peer named, without its port."""
        value = self.request.header(b"host") if self.request is not None else None
        return (value or b"").rpartition(b":")[0].decode("latin-1") or (value or b"").decode("latin-1")


def imf_date(moment: datetime) -> str:
    """A date as RFC 9110 wants it."""
    return _imf(moment.replace(microsecond=0))


@lru_cache(maxsize=64)
def _imf(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def asks_to_stay(request: HttpRequest | None) -> bool:
    """Whether the peer asks in so many words for the connection to stay open."""
    return request is not None and b"keep-alive" in (request.header(b"connection") or b"").lower()


def _takes_gzip(request: HttpRequest | None) -> bool:
    return request is not None and b"gzip" in (request.header(b"accept-encoding") or b"").lower()


@dataclass(frozen=True, slots=True)
class Software:
    """One web server program.

    The orders name headers; `*` stands for those of the page, and what has no value is left out.
    """

    name: str
    server: str
    """Value of `Server`; `{version}` is filled in."""
    order: tuple[str, ...]
    fault_order: tuple[str, ...]
    judge: Callable[[HttpRequest, Site, bool], Page | None]
    """The answer to a request for a page that is there or not; None: that page."""
    connection: Callable[[Moment], Mapping[str, str]]
    """The headers that say whether the connection stays."""
    fault: str
    """Body of an error; `fault_body` knows what its places stand for."""
    lines: Mapping[int, str] = field(default_factory=dict)
    reasons: Mapping[int, str] = field(default_factory=dict)
    protocol: bytes = b"1.1"
    """What it answers behind `HTTP/`; empty: what the peer said."""
    garbage_protocol: bytes = b"HTTP/1.1"
    """The same, when nothing of the request could be understood."""
    persists: bool = True
    """Whether it ever leaves a connection open."""
    if_asked: bool = False
    """Whether it does so only when the peer asks for it."""
    after_body: bool = True
    """Whether it does so after a request with a body."""
    hasty: bool = False
    """Whether it says no before it has read the body of a request that it refuses."""
    deflates: bool = False
    """Whether it compresses pages for those who take that."""
    page_type: str = "text/html"
    fault_type: str = "text/html"
    etag: Callable[[Site, int], str] = lambda site, size: f'"{int(site.installed.timestamp()):x}-{size:x}"'
    date: Callable[[datetime], str] = imf_date
    simple: bool = False
    """Whether a request without version gets a body without headers (HTTP/0.9)."""
    fixed: Mapping[str, str] = field(default_factory=dict)

    def server_name(self, site: Site) -> str:
        """The value of `Server`."""
        return self.server.replace("{version}", site.version)

    def stays(self, request: HttpRequest, page: Page) -> bool:
        """Whether the connection stays open after this answer."""
        may = self.persists and (asks_to_stay(request) or not self.if_asked)
        if request.body_bytes and not self.after_body:
            return False
        if request.header(b"content-length") and request.header(b"transfer-encoding"):
            return False  # RFC 9112 §6.1: who sends both may be hiding another request
        return may and request.keep_alive and request.complete and not page.closes

    def write(self, site: Site, page: Page, moment: Moment) -> bytes:
        """The answer as bytes."""
        body = self.fault_body(site, page, moment) if page.body is None else page.body
        request = moment.request
        if self.simple and request is not None and request.version == b"0.9":
            return body
        values = self._values(site, page, moment, len(body))
        if self.deflates and page.status == 200 and _takes_gzip(request):
            body = gzip.compress(body, 6, mtime=0)
            values["content-encoding"] = "gzip"
            if "etag" in values:
                values["etag"] = values["etag"][:-1] + '-gzip"'
        order = self.order if page.status < 300 and not page.made else self.fault_order
        head_only = request is not None and request.method.upper() == b"HEAD"
        headers: list[tuple[bytes, bytes]] = []
        for name in order:
            if name == "*":
                headers += page.headers
            elif name.lower() == "content-length":
                if head_only and page.made:
                    continue
                headers.append((name.encode(), LENGTH))
            elif value := values.get(name.lower()):
                headers.append((name.encode(), value.encode("latin-1", "replace")))
        reason = self.reasons.get(page.status)
        answer = respond(
            page.status, headers, body, reason=None if reason is None else reason.encode(),
            version=b"1.1", head_only=head_only,
        )  # fmt: skip
        return self._protocol(page, request) + answer[len(b"HTTP/1.1") :]

    def fault_body(self, site: Site, page: Page, moment: Moment) -> bytes:
        """The error page, with nothing of the peer on it that a browser would run."""
        from http import HTTPStatus  # noqa: PLC0415 - only errors need its phrases

        reason = self.reasons.get(page.status) or HTTPStatus(page.status).phrase
        request = moment.request
        path = "" if request is None else request.path[:256].decode("latin-1")
        method = "" if request is None else request.method[:64].decode("latin-1")
        line = page.line or self.lines.get(page.status, "")
        text = self.fault.replace("{line}", line)
        places = {
            "title": page.title or f"{page.status} {reason}", "status": str(page.status),
            "reason": reason, "server": self.server_name(site),
            "host": _shown("" if page.unread else moment.host) or site.own_name,
            "port": str(site.port), "path": _shown(path), "method": _shown(method),
        }  # fmt: skip
        for name, value in places.items():
            text = text.replace("{" + name + "}", value)
        return text.encode("latin-1", "replace")

    def _values(self, site: Site, page: Page, moment: Moment, size: int) -> dict[str, str]:
        fault = page.status >= 300 or page.body is None
        kind = self.fault_type if fault else self.page_type
        values = {
            "Date": self.date(moment.now),
            "Server": self.server_name(site),
            "Content-Type": kind if page.kind is None else page.kind,
            **self.connection(moment),
            **self.fixed,
        }
        if not fault and not page.made:
            values["Last-Modified"] = self.date(site.installed)
            values["ETag"] = self.etag(site, size)
            values["Accept-Ranges"] = "bytes"
        return {name.lower(): value for name, value in values.items()}

    def _protocol(self, page: Page, request: HttpRequest | None) -> bytes:
        if page.protocol is not None:
            return page.protocol
        if request is None:
            return self.garbage_protocol
        version = b"1.0" if request.version == b"0.9" else request.version[:16]
        return b"HTTP/" + (self.protocol or version)


def _shown(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("{", "&#123;")
