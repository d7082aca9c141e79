# SPDX-License-Identifier: Apache-2.0
"""The web door: pages of a product, logins, uploads, and commands that are injected into requests.

Source: RFC 9110, RFC 7617 (Basic); what each product answers is in `mead.sensors.web.products`.
"""

from __future__ import annotations

import ssl
from base64 import b64decode
from binascii import Error as Base64Error
from collections import deque
from functools import lru_cache
from http import HTTPStatus

from mead.model.codec import text
from mead.model.event import AbuseSeen, ExploitSeen, LoginAttempt, RequestReceived
from mead.sensors.console import Console
from mead.sensors.dialogue import Context, Dialogue, Turn
from mead.sensors.persona import Persona
from mead.sensors.tls import HelloTap, Tls, server_context
from mead.sensors.web.inject import injected_commands
from mead.sensors.web.products import Answer, Product, Site
from mead.wire.core import Close, Output, Send
from mead.wire.http import HttpData, HttpRequest, HttpServer, respond
from mead.wire.http_form import Form, parse_query

__all__ = ["prepare", "serve", "serve_tls"]

_HOSTS = ("www", "app", "html", "site", "backup", "admin", "portal", "data")
_RULE = "generic-command-injection"
_TEXT_BYTES = 8192
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
_NAMES = frozenset(
    {b"username", b"user", b"login", b"name", b"uname", b"userid", b"account", b"log", b"luci_username"}
)
_SECRETS = frozenset({b"password", b"passwd", b"pass", b"pwd", b"psd", b"userpass", b"luci_password"})


def serve(context: Context) -> Dialogue:
    """Start the dialogue of one HTTP connection."""
    return _Http(context, tls=False)


def serve_tls(context: Context) -> Dialogue:
    """Start the dialogue of one HTTPS connection."""
    server = _server(context.persona) if context.live else None
    return Tls(context, server, lambda inner: _Http(inner, tls=True), plain=_plain(context.persona))


def _plain(persona: Persona) -> bytes:
    """What the product says to a request that is not encrypted; most just hang up."""
    product = persona.product
    if not product.name.startswith("nginx"):
        return b""
    version = persona.random("version", product.name).choice(product.versions)
    server = product.server.replace("{version}", version).encode()
    body = _PLAIN_TO_TLS.replace(b"{server}", server)
    head = b"HTTP/1.1 400 Bad Request\r\nServer: %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n"
    return head % (server, len(body)) + b"Connection: close\r\n\r\n" + body


def prepare(persona: Persona) -> None:
    """Make or load the certificate, while its directory can still be written."""
    _server(persona)


@lru_cache(maxsize=8)
def _server(persona: Persona) -> ssl.SSLContext:
    product = persona.product
    return server_context(persona, product.name, old=product.embedded)


@lru_cache(maxsize=256)
def _site(persona: Persona, port: int, name: str) -> Site:
    """What the product called `name` shows on a port, the same to everybody."""
    host = persona.random("site", name, str(port)).choice(_HOSTS)
    version = persona.random("version", name).choice(persona.product.versions)
    return Site(host, persona.installed, persona.random("site", name), version)


class _Http:
    """One connection: requests in, the product's answers out."""

    __slots__ = ("_busy", "_console", "_context", "_core", "_items", "_product", "_site", "_tap")

    def __init__(self, context: Context, *, tls: bool) -> None:
        self._context = context
        self._product: Product = context.persona.product
        self._site = _site(context.persona, context.session.port, self._product.name)
        self._core = HttpServer(bad_request=self._bad_request)
        self._items: deque[Output] = deque()
        self._busy = False
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
        return out if self._busy else self._go_on(out)

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
                self._context.capture.payload(item.data)
            else:
                out.append(item)
            turn.said(sum(len(said.data) for said in out[start:] if isinstance(said, Send)))
            if turn.over and self._items:
                self._busy = True
                self._context.link.later(self._go_on)
                break
        return out

    def lost(self) -> None:
        if self._console is not None:
            self._console.close()
            self._console = None

    def _answer(self, request: HttpRequest, out: list[Output]) -> None:
        form = request.form() if request.body else Form()
        answer = self._run(request) or self._login(request, form) or self._page(request)
        self._upload(request, form)
        self._tell(request, answer.status)
        version = request.version if request.version in {b"1.0", b"1.1"} else b"1.1"
        stays = request.keep_alive and request.complete
        out.append(Send(self._write(answer, version, head_only=request.method == b"HEAD", stays=stays)))
        if not stays:
            out.append(Close("request answered"))

    # What the request is

    def _run(self, request: HttpRequest) -> Answer | None:
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
        return self._ok(output) if output else None

    def _login(self, request: HttpRequest, form: Form) -> Answer | None:
        method, credentials = "basic", _basic(request)
        if credentials is None:
            method, credentials = "form", _form_login(request, form)
        if credentials is None:
            if self._product.realm is None:
                return None
            return self._challenge()
        name, secret = credentials
        session = self._context.session
        accepted = self._context.credentials.accepts(session.source, name[:256], secret[:256])
        session.emit(
            LoginAttempt, username=text(name), password=text(secret), method=method, success=accepted
        )
        if accepted:
            return None if method == "basic" else self._ok(_WELCOME)
        return self._challenge() if self._product.realm is not None else self._fault(401)

    def _page(self, request: HttpRequest) -> Answer:
        product = self._product
        if request.method == b"CONNECT" or request.target.lower().startswith((b"http://", b"https://")):
            victim = text(request.target, max_bytes=255)
            self._context.session.emit(AbuseSeen, abuse="proxy", victim=victim)
            if request.method == b"CONNECT":
                return self._fault(405 if product.name.startswith("apache") else 400)
        if request.method == b"OPTIONS" and product.name.startswith("apache"):
            now = self._context.session.now()
            return product.page(self._site, now, 200, b"", [(b"Allow", b"GET,POST,OPTIONS,HEAD")])
        if request.method not in {b"GET", b"HEAD", b"POST", b"PUT"}:
            return self._fault(405 if not product.embedded else 501)
        if request.method == b"PUT":
            return self._fault(201) if product.embedded else self._fault(405)
        path = request.path
        if path in {b"/", b"/index.html"} or (product.login and path == product.login.encode()):
            return self._ok(product.index(self._site).encode())
        return self._fault(404, path)

    def _upload(self, request: HttpRequest, form: Form) -> None:
        capture = self._context.capture
        for file in form.files:
            name = file.filename.replace(b"\\", b"/").rpartition(b"/")[2].decode("utf-8", "surrogateescape")
            path = file.filename.decode("utf-8", "surrogateescape")
            capture.body(file.data, how="post", name=name, path=path or name)
        kind = text(request.header(b"content-type") or b"", max_bytes=200).lower()
        whole = request.method == b"PUT" or request.body.lstrip().startswith(_BODIES)
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

        if request.body:
            self._context.capture.keep(request.body, tell)
        else:
            tell(None)

    # What the product says

    def _ok(self, body: bytes) -> Answer:
        return self._product.page(self._site, self._context.session.now(), 200, body, [])

    def _fault(self, status: int, path: bytes = b"") -> Answer:
        reason = HTTPStatus(status).phrase
        return self._product.fault(self._site, self._context.session.now(), status, reason, _shown(path), [])

    def _bad_request(self) -> bytes:
        return self._write(self._fault(400), b"1.1")

    def _challenge(self) -> Answer:
        realm = (self._product.realm or "").replace("{host}", self._context.persona.device_host)
        extra = [(b"WWW-Authenticate", f'Basic realm="{realm}"'.encode())]
        now, reason = self._context.session.now(), HTTPStatus.UNAUTHORIZED.phrase
        return self._product.fault(self._site, now, 401, reason, "", extra)

    def _write(
        self, answer: Answer, version: bytes, *, head_only: bool = False, stays: bool = False
    ) -> bytes:
        headers = [
            (name, b"keep-alive" if stays and name == b"Connection" else value)
            for name, value in answer.headers
        ]
        return respond(answer.status, headers, answer.body, version=version, head_only=head_only)


_PLAIN_TO_TLS = (
    b"<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>\r\n<body>\r\n"
    b"<center><h1>400 Bad Request</h1></center>\r\n"
    b"<center>The plain HTTP request was sent to HTTPS port</center>\r\n"
    b"<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
)
_WELCOME = b'<html><head><meta http-equiv="refresh" content="0; url=/main.html"></head><body></body></html>\n'


def _header(request: HttpRequest, name: bytes) -> str | None:
    value = request.header(name)
    return None if value is None else text(value, max_bytes=_TEXT_BYTES)


def _shown(path: bytes) -> str:
    return text(path, max_bytes=256).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _basic(request: HttpRequest) -> tuple[bytes, bytes] | None:
    value = request.header(b"authorization")
    if value is None or not value[:6].lower().startswith(b"basic"):
        return None
    try:
        name, _, secret = b64decode(value[6:].strip() + b"==").partition(b":")
    except (Base64Error, ValueError):
        return None
    return name, secret


def _form_login(request: HttpRequest, form: Form) -> tuple[bytes, bytes] | None:
    fields = {field.name.lower(): field.value for field in (*parse_query(request.query), *form.fields)}
    secret = next((fields[name] for name in fields if name in _SECRETS), None)
    if secret is None or request.method not in {b"POST", b"GET"}:
        return None
    return next((fields[name] for name in fields if name in _NAMES), b""), secret
