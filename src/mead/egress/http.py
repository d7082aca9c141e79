# SPDX-License-Identifier: Apache-2.0
"""One HTTP request to a pinned address, as the tool that was named would make it.

Only GET; no cookies; a user and password are sent only to the host whose URL has them. The body is kept as
served: a content encoding stays on, a transfer encoding comes off. Less body than announced is a failure.

Source: RFC 9112 (parsed by h11).
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from urllib.parse import urljoin

import h11

from mead.egress.gate import Allowed
from mead.egress.policy import EgressSettings
from mead.egress.result import Request, Trace
from mead.egress.stream import Body, FetchError, Stream, connect
from mead.model.codec import text

__all__ = ["Redirect", "fetch_http"]

_MAX_HEAD_BYTES = 64 * 1024
_MAX_INTERIM = 8
_REDIRECTS = frozenset((301, 302, 303, 307, 308))


@dataclass(frozen=True, slots=True)
class Redirect:
    """The server sent us elsewhere; the gate has to be asked again."""

    url: str


async def fetch_http(
    allowed: Allowed, request: Request, settings: EgressSettings, trace: Trace
) -> bytes | Redirect:
    """Get the body of one URL, or where it went; FetchError and OSError say why not."""
    target = allowed.target
    tls_name = None if target.scheme == "http" else "" if target.address else target.host
    async with connect(str(allowed.address), target.port, settings, trace, tls_name=tls_name) as stream:
        machine = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD_BYTES)
        try:
            await stream.send(machine.send(_question(allowed, request)) or b"")
            await stream.send(machine.send(h11.EndOfMessage()) or b"")
            return await _answer(machine, stream, allowed, settings, trace)
        except h11.RemoteProtocolError as error:
            raise FetchError(f"bad answer after {trace.size} bytes of body: {error}") from error


async def _answer(
    machine: h11.Connection, stream: Stream, allowed: Allowed, settings: EgressSettings, trace: Trace
) -> bytes | Redirect:
    response = await _head(machine, stream)
    trace.status = response.status_code
    trace.headers = [(text(name), text(value)) for name, value in response.headers.raw_items()]
    trace.content_type = _first(trace, "content-type")
    location = _first(trace, "location")
    if response.status_code in _REDIRECTS and location:
        return Redirect(_joined(allowed.target.url, location))
    if not 200 <= response.status_code < 300:
        raise FetchError(f"status {response.status_code}")
    return await _body(machine, stream, settings, trace)


def _joined(base: str, location: str) -> str:
    try:
        return urljoin(base, location)
    except ValueError:  # brackets that do not match; the gate says why it refuses
        return location


async def _head(machine: h11.Connection, stream: Stream) -> h11.Response:
    for _ in range(_MAX_INTERIM):
        event = await _next(machine, stream)
        if isinstance(event, h11.Response):
            return event
        if not isinstance(event, h11.InformationalResponse):
            break
    raise FetchError("no answer")


async def _body(machine: h11.Connection, stream: Stream, settings: EgressSettings, trace: Trace) -> bytes:
    body = Body(trace, max_bytes=settings.max_body_bytes)
    length = _first(trace, "content-length") or ""
    if length.isascii() and length.isdigit():
        body.expect(int(length))
    while not isinstance(event := await _next(machine, stream), h11.EndOfMessage):
        if not isinstance(event, h11.Data):
            raise FetchError(f"connection ended after {trace.size} bytes of body")
        body.add(bytes(event.data))
    return body.whole()


async def _next(machine: h11.Connection, stream: Stream) -> object:
    while (event := machine.next_event()) is h11.NEED_DATA:
        machine.receive_data(await stream.read())
    return event


def _first(trace: Trace, name: str) -> str | None:
    return next((value for key, value in trace.headers if key.lower() == name), None)


def _question(allowed: Allowed, request: Request) -> h11.Request:
    target = allowed.target
    headers = [("Host", target.authority)]
    if request.user_agent and request.user_agent.isascii() and request.user_agent.isprintable():
        headers.append(("User-Agent", request.user_agent))
    headers += _tool_headers(request)
    if target.username is not None:
        secret = f"{target.username}:{target.password or ''}".encode()
        headers.append(("Authorization", f"Basic {base64.b64encode(secret).decode()}"))
    return h11.Request(method="GET", target=target.path, headers=headers)


def _tool_headers(request: Request) -> list[tuple[str, str]]:
    """What the tool sends besides: GNU wget and curl accept anything; BusyBox wget only closes.

    Source: observed with wget 1.21.3, curl 7.88.1, BusyBox 1.35.0.
    """
    agent = request.user_agent or ""
    if agent.startswith("Wget/"):
        return [("Accept", "*/*"), ("Accept-Encoding", "identity"), ("Connection", "Keep-Alive")]
    if agent.startswith("curl/"):
        return [("Accept", "*/*")]
    return [("Connection", "close")]
