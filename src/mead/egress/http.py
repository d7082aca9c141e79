# SPDX-License-Identifier: Apache-2.0
"""One HTTP request to a pinned address, as the tool that was named would make it.

Only GET; no cookies; a user and password are sent only to the host whose URL has them. The body is kept as
served: a content encoding stays on, a transfer encoding comes off. Less body than announced is a failure.

Source: RFC 9112 §3; the tools' own headers and their order: observed with wget 1.21.3, curl 7.88.1,
BusyBox 1.35.0.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urljoin

from mead.egress.answer import Answer, BadAnswerError
from mead.egress.gate import Allowed
from mead.egress.policy import EgressSettings
from mead.egress.result import Request, Trace
from mead.egress.stream import Body, FetchError, Stream, connect
from mead.egress.target import Target
from mead.model.codec import text

__all__ = ["Redirect", "fetch_http"]

_MAX_AGENT_CHARACTERS = 1024
_MAX_HEADERS = 64
_MAX_HEADER_BYTES = 256
_UNAUTHORIZED = 401
_REDIRECTS = frozenset((301, 302, 303, 307, 308))

Header = tuple[str, str]
Question = Callable[[Target, str | None, str | None], list[Header]]


@dataclass(frozen=True, slots=True)
class Redirect:
    """The server sent us elsewhere; the gate has to be asked again."""

    url: str


async def fetch_http(
    allowed: Allowed, request: Request, settings: EgressSettings, trace: Trace
) -> bytes | Redirect:
    """Get the body of one URL, or where it went; FetchError and OSError say why not."""
    secret = _secret(allowed.target)
    question = _question_of(request)
    if secret and question is _gnu_wget:  # it shows a password only to a server that asks for one
        try:
            return await _ask(allowed, request, settings, trace, question, None)
        except FetchError:
            if trace.status != _UNAUTHORIZED:
                raise
    return await _ask(allowed, request, settings, trace, question, secret)


async def _ask(
    allowed: Allowed,
    request: Request,
    settings: EgressSettings,
    trace: Trace,
    question: Question,
    secret: str | None,
) -> bytes | Redirect:
    target = allowed.target
    tls_name = None if target.scheme == "http" else "" if target.address else target.host
    address, source = str(allowed.address), allowed.source
    async with connect(address, target.port, settings, trace, source=source, tls_name=tls_name) as stream:
        lines = [f"GET {target.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in question(target, _agent(request), secret)]
        await stream.send("\r\n".join([*lines, "", ""]).encode("utf-8", "backslashreplace"))
        try:
            return await _answer(stream, allowed, settings, trace)
        except BadAnswerError as error:
            raise FetchError(f"bad answer: {error}") from error


async def _answer(
    stream: Stream, allowed: Allowed, settings: EgressSettings, trace: Trace
) -> bytes | Redirect:
    answer = Answer()
    body = Body(trace, max_bytes=settings.max_body_bytes)
    piece = b""
    while not answer.has_head:
        piece = await _next(stream, answer)
    _note(answer, trace)
    location = answer.first(b"location")
    if answer.status in _REDIRECTS and location:
        return Redirect(_joined(allowed.target.url, _address(location)))
    if answer.status is not None and not 200 <= answer.status < 300:
        raise FetchError(f"status {answer.status}")
    body.expect(answer.length or 0)
    body.add(piece)
    while not answer.whole:
        try:
            body.add(await _next(stream, answer))
        except TimeoutError:
            if not answer.is_open_ended or not trace.size:
                raise
            break  # it announced no end and is silent: that was all
    return body.whole()


async def _next(stream: Stream, answer: Answer) -> bytes:
    """The next bytes of body; the answer knows when it is whole."""
    data = await stream.read()
    if data:
        return answer.receive(data)
    answer.end()
    return b""


def _note(answer: Answer, trace: Trace) -> None:
    trace.status = answer.status
    trace.headers = [
        (text(name, max_bytes=_MAX_HEADER_BYTES), text(value, max_bytes=_MAX_HEADER_BYTES))
        for name, value in answer.headers[:_MAX_HEADERS]
    ]
    kind = answer.first(b"content-type")
    trace.content_type = None if kind is None else text(kind, max_bytes=200)


def _address(location: bytes) -> str:
    """A `Location` as a URL; bytes that are no ASCII are percent-encoded, as tools do."""
    return quote(location, safe=bytes(range(33, 127)))


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:  # brackets that do not match; the gate says why it refuses
        return location


def _agent(request: Request) -> str | None:
    """The user agent that was asked for; None when it is none that could be sent."""
    agent = (request.user_agent or "")[:_MAX_AGENT_CHARACTERS]
    return None if not agent or any(ord(c) < 32 or ord(c) == 127 for c in agent) else agent


def _secret(target: Target) -> str | None:
    if target.username is None:
        return None
    secret = f"{target.username}:{target.password or ''}".encode("utf-8", "backslashreplace")
    return f"Basic {base64.b64encode(secret).decode()}"


def _question_of(request: Request) -> Question:
    """The habits of a tool: those that its user agent gives away, else those of its name."""
    if (request.user_agent or "").startswith("Wget/"):
        return _gnu_wget
    if (request.user_agent or "").startswith("curl/") or request.tool == "curl":
        return _curl
    return _busybox_wget


def _gnu_wget(target: Target, agent: str | None, secret: str | None) -> list[Header]:
    return [
        ("Host", target.authority),
        *_given("User-Agent", agent),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Connection", "Keep-Alive"),
        *_given("Authorization", secret),
    ]


def _curl(target: Target, agent: str | None, secret: str | None) -> list[Header]:
    return [
        ("Host", target.authority),
        *_given("Authorization", secret),
        *_given("User-Agent", agent),
        ("Accept", "*/*"),
    ]


def _busybox_wget(target: Target, agent: str | None, secret: str | None) -> list[Header]:
    return [
        ("Host", target.authority),
        *_given("User-Agent", agent),
        ("Connection", "close"),
        *_given("Authorization", secret),
    ]


def _given(name: str, value: str | None) -> list[Header]:
    return [] if value is None else [(name, value)]
