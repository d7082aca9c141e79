# SPDX-License-Identifier: Apache-2.0
"""The web door: pages of a product, logins, uploads, and commands that are injected into requests.

Source: RFC 9110; what each program answers is in `mead.sensors.web.servers`.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import lru_cache, partial

from mead.model.codec import text
from mead.model.event import AbuseSeen, ExploitSeen, LoginAttempt, RequestReceived
from mead.sensors.console import Console
from mead.sensors.dialogue import Context, Dialogue, Turn
from mead.sensors.persona import Persona
from mead.sensors.session import Session
from mead.sensors.tls import HelloTap, Tls, server_context
from mead.sensors.web.inject import injected_commands
from mead.sensors.web.logins import basic_login, form_login
from mead.sensors.web.products import Product
from mead.sensors.web.servers import plain_to_tls
from mead.sensors.web.software import Moment, Page, Site
from mead.wire.core import Close, Output, Send
from mead.wire.http import HttpData, HttpRequest, HttpServer
from mead.wire.http_form import Form

__all__ = ["prepare", "serve", "serve_tls"]

_RULE = "generic-command-injection"
_TEXT_BYTES = 8192
_PATIENCE_SECONDS = 1.0
"""How long a body may make no progress before a request is refused that would be refused anyway."""
_MAX_HEADERS = 100
_BODIES = (
    b"\x7fELF",
    b"MZ",
    b"PK\x03\x04",
    b"<?php",
    b"<%",
    b"#!",
    b"\x1f\x8b",
    b"\xca\xfe\xba\xbe",
    b"7z\xbc\xaf",
)
_LOOKED_AT_BYTES = 4096
_BINARY = (
    "octet-stream",
    "zip",
    "java-archive",
    "x-executable",
    "x-php",
    "x-sh",
    "gzip",
    "x-tar",
    "java-serialized",
)


def serve(context: Context) -> Dialogue:
    """Start the dialogue of one HTTP connection."""
    return _Http(context, tls=False)


def serve_tls(context: Context) -> Dialogue:
    """Start the dialogue of one HTTPS connection."""
    server = _server(context.persona) if context.live else None
    plain = _plain(context.persona, context.session.port)
    return Tls(context, server, lambda inner: _Http(inner, tls=True), plain=plain)


def _plain(persona: Persona, port: int) -> Callable[[datetime], bytes]:
    """What the product says to a request that is not encrypted; some just hang up."""
    software, site = persona.product.software, _site(persona, port)
    page = plain_to_tls(software)
    return lambda now: b"" if page is None else software.write(site, page, Moment(now, None, stays=False))


def prepare(persona: Persona) -> None:
    """Make or load the certificate, while its directory can still be written."""
    _server(persona)


@lru_cache(maxsize=8)
def _server(persona: Persona) -> ssl.SSLContext:
    return server_context(persona, persona.product.name, persona.product.software.name)


@lru_cache(maxsize=256)
def _site(persona: Persona, port: int) -> Site:
    return persona.site(port)


class _Http:
    """One connection: requests in, the product's answers out."""

    __slots__ = (
        "_busy", "_console", "_context", "_core", "_data", "_items", "_number", "_product", "_refused",
        "_site", "_tap",
    )  # fmt: skip

    def __init__(self, context: Context, *, tls: bool) -> None:
        self._context = context
        self._product: Product = context.persona.product
        self._site = _site(context.persona, context.session.port)
        self._core = HttpServer(bad_request=partial(_bad_request, self._product, self._site, context.session))
        self._items: deque[Output] = deque()
        self._data = b""
        self._number = 0
        self._busy = self._refused = False
        self._console: Console | None = None
        self._tap: HelloTap | None = None if tls else HelloTap(context.session)

    def open(self) -> list[Output]:
        return []

    def receive(self, data: bytes) -> list[Output]:
        out: list[Output] = []
        if self._tap is not None:
            if data[:1] == b"\x16":
                self._tap.receive(data)
            else:
                self._tap = None
        self._items.extend(self._core.receive(data))
        if data and self._product.software.hasty and not self._refused and self._core.unfinished is not None:
            self._context.link.alarm(_PATIENCE_SECONDS, self._refuse_early)
        return out if self._busy else self._go_on(out)

    def _refuse_early(self) -> list[Output]:
        """Say no to a request whose body does not come; an honest client has sent it by now."""
        request = self._core.unfinished
        if request is None or self._items:
            return []
        page = self._product.software.judge(request, self._site, self._product.has(request))
        if page is None:
            return []
        self._refused = True
        stays = request.keep_alive and not page.closes
        moment = Moment(self._context.session.now(), request, stays=stays, number=self._number + 1)
        out: list[Output] = [Send(self._product.software.write(self._site, page, moment))]
        return out if stays else [*out, Close("request refused")]

    def _go_on(self, out: list[Output] | None = None) -> list[Output]:
        """Answer requests for one turn."""
        self._busy = False
        out = [] if out is None else out
        turn = Turn(self._context.session)
        while self._items:
            item, start = self._items.popleft(), len(out)
            if isinstance(item, HttpRequest):
                self._answer(item, out)
            elif isinstance(item, HttpData):
                self._data += item.data
            else:
                out.append(item)
            turn.said(sum(len(said.data) for said in out[start:] if isinstance(said, Send)))
            if turn.over and self._items:
                self._busy = True
                self._context.link.later(self._go_on)
                break
        return out

    def lost(self) -> None:
        self._context.capture.payload(self._data)
        if self._console is not None:
            self._console.close()
            self._console = None

    def _answer(self, request: HttpRequest, out: list[Output]) -> None:
        form = request.form() if request.body else Form()
        moment = Moment(self._context.session.now(), request, stays=True, number=self._number + 1)
        page = self._run(request) or self._login(request, form) or self._page(request, moment)
        self._upload(request, form)
        self._tell(request, page.status)
        self._number += 1
        software = self._product.software
        moment = replace(moment, stays=software.stays(request, page))
        refused, self._refused = self._refused, False
        if not refused:
            out.append(Send(software.write(self._site, page, moment)))
        if not moment.stays:
            out.append(Close("request answered"))

    # What the request is

    def _run(self, request: HttpRequest) -> Page | None:
        """Run injected commands; their output stands in the page, as where such holes are."""
        output = b""
        commands, limits = injected_commands(request)
        for limit in limits:
            self._context.session.observe(limit)
        for command in commands:
            self._context.session.emit(ExploitSeen, rule=_RULE, command=text(command))
            if self._console is None:
                self._console = Console(self._context, b"root", door="http", interactive=False)
            output += self._console.command(command).output
            if self._console.reading:
                output += self._console.feed_eof().output
        return Page(200, output, made=True) if output else None

    def _login(self, request: HttpRequest, form: Form) -> Page | None:
        method, credentials = "basic", basic_login(request)
        if credentials is None:
            method, credentials = "form", form_login(request, form)
        if credentials is None:
            return self._challenge()
        name, secret = credentials
        session, product = self._context.session, self._product
        accepted = not product.open and self._context.credentials.accepts(
            session.source, name[:256], secret[:256]
        )
        session.emit(
            LoginAttempt, username=text(name), password=text(secret), method=method, success=accepted
        )
        if product.open:
            return None
        if accepted:
            return None if method == "basic" else Page(200, _WELCOME, made=True)
        return self._challenge()

    def _challenge(self) -> Page | None:
        realm = self._product.realm
        if realm is None:
            return None
        value = f'Basic realm="{realm.replace("{host}", self._context.persona.device_host)}"'
        return Page(401, headers=((b"WWW-Authenticate", value.encode()),))

    def _page(self, request: HttpRequest, moment: Moment) -> Page:
        product = self._product
        proxied = request.target.lower().startswith((b"http://", b"https://"))
        if request.method == b"CONNECT" or proxied:
            victim = text(request.target, max_bytes=255)
            self._context.session.emit(AbuseSeen, abuse="proxy", victim=victim)
        judged = product.software.judge(request, self._site, product.has(request))
        return judged or product.first_page(self._site, moment)

    def _upload(self, request: HttpRequest, form: Form) -> None:
        capture = self._context.capture
        for file in form.files:
            name = file.filename.replace(b"\\", b"/").rpartition(b"/")[2].decode("utf-8", "surrogateescape")
            path = file.filename.decode("utf-8", "surrogateescape")
            capture.body(file.data, how="post", name=name, path=path or name)
        kind = text(request.header(b"content-type") or b"", max_bytes=200).lower()
        head = request.body[:_LOOKED_AT_BYTES]
        whole = request.method == b"PUT" or head.lstrip().startswith(_BODIES) or b"\0" in head
        if request.body and not form.files and (whole or any(word in kind for word in _BINARY)):
            path = request.path.decode("utf-8", "surrogateescape")
            how = "put" if request.method == b"PUT" else "post"
            capture.body(request.body, how=how, name=path.rpartition("/")[2] or "body", path=path)

    def _tell(self, request: HttpRequest, status: int) -> None:
        """Publish the request, after its body is durable when it has one."""
        session = self._context.session

        def tell(digest: str | None) -> None:
            session.emit(
                RequestReceived,
                method=text(request.method, max_bytes=64),
                target=text(request.target, max_bytes=_TEXT_BYTES),
                host=_header(request, b"host"),
                user_agent=_header(request, b"user-agent"),
                status=status,
                sha256=digest,
                size=request.body_bytes,
                content_type=_header(request, b"content-type"),
                headers=[(text(name), text(value)) for name, value in request.headers[:_MAX_HEADERS]],
            )

        if len(request.headers) > _MAX_HEADERS:
            session.limit("max_headers", _MAX_HEADERS, "headers")
        if request.body:
            self._context.capture.keep(request.body, tell)
        else:
            tell(None)


_WELCOME = b'<html><head><meta http-equiv="refresh" content="0; url=/main.html"></head><body></body></html>\n'


def _bad_request(product: Product, site: Site, session: Session) -> bytes:
    moment = Moment(session.now(), None, stays=False)
    return product.software.write(site, Page(400, closes=True), moment)


def _header(request: HttpRequest, name: bytes) -> str | None:
    value = request.header(name)
    return None if value is None else text(value, max_bytes=_TEXT_BYTES)
