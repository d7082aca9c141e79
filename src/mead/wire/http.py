# SPDX-License-Identifier: Apache-2.0
"""The HTTP/1 server side: requests out of bytes, whatever their author thinks HTTP is.

A request comes as one fact when its body is complete. The core itself says only what comes before an
answer: `100 Continue`, and the refusal of what is no request at all.

**Source:** RFC 9110, RFC 9112.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct

from mead.wire.core import Close, Fact, Limit, Output, PeerError, Send
from mead.wire.http_body import Body, ChunkError
from mead.wire.http_form import Form, parse_form
from mead.wire.http_head import Head, Header, find_head_end, first_line_kind, parse_head
from mead.wire.http_response import LENGTH, respond

__all__ = ["LENGTH", "Form", "HttpData", "HttpLimits", "HttpRequest", "HttpServer", "respond"]

_SHOWN = 48
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_FIRST_BYTES = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


@dataclass(frozen=True, slots=True)
class HttpRequest(Fact):
    """A request, whole unless `complete` says otherwise."""

    method: bytes
    target: bytes
    version: bytes
    """`1.1`, `1.0`, `0.9` for a request without headers, or whatever stood behind `HTTP/`."""
    headers: tuple[Header, ...]
    """In the order and case that they came in."""
    body: bytes = b""
    body_bytes: int = 0
    """Length of the body as sent; more than `len(body)` when the bound cut it."""
    complete: bool = True
    """Whether all of it came before the peer left or broke the framing."""
    keep_alive: bool = True
    """Whether the connection stays open after the answer."""
    faults: tuple[str, ...] = ()
    """How it breaks the standard."""

    @property
    def lenient(self) -> bool:
        """Whether a strict server would have refused it."""
        return bool(self.faults)

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header called `name`, in any case."""
        wanted = name.lower()
        for key, value in self.headers:
            if key.lower() == wanted:
                return value
        return None

    @property
    def path(self) -> bytes:
        """The target without query, and without the scheme and host of an absolute form."""
        return self._split()[0]

    @property
    def query(self) -> bytes:
        """What stands behind the first question mark."""
        return self._split()[1]

    def form(self) -> Form:
        """The fields and files of the body."""
        return parse_form(self.header(b"content-type") or b"", self.body)

    def _split(self) -> tuple[bytes, bytes]:
        target, _, query = self.target.partition(b"?")
        scheme, marker, rest = target.partition(b"://")
        if marker and scheme.isalpha():
            target = b"/" + rest.partition(b"/")[2]
        return target, query


@dataclass(frozen=True, slots=True)
class HttpData(Fact):
    """Bytes that are no request: garbage, or what follows a CONNECT, an upgrade or the last request."""

    data: bytes


class HttpLimits(Struct, frozen=True, kw_only=True):
    """Bounds of one HTTP connection.

    Attributes:
        max_head_bytes: request line and headers of one request.
        max_body_bytes: body of one request that is kept; the rest is counted.
        max_requests: requests of one connection.
        max_data_bytes: bytes that are no request and are kept; the rest is counted.
    """

    max_head_bytes: int = 65536
    max_body_bytes: int = 16 * 1024 * 1024
    max_requests: int = 1000
    max_data_bytes: int = 262144


_LIMITS = HttpLimits()


def _bad_request() -> bytes:
    return respond(400, [(b"Content-Length", LENGTH), (b"Connection", b"close")])


class HttpServer:
    """The server side of one HTTP/1 connection. O(bytes received).

    Args of the constructor:
        limits: its bounds.
        bad_request: makes the refusal of what is no request, when there is need of one.
    """

    __slots__ = (
        "_bad_request", "_body", "_buffer", "_data_bytes", "_head", "_limits", "_line_end", "_offset",
        "_over", "_requests", "_searched",
    )  # fmt: skip

    def __init__(
        self, limits: HttpLimits = _LIMITS, *, bad_request: Callable[[], bytes] = _bad_request
    ) -> None:
        self._limits = limits
        self._bad_request = bad_request
        self._buffer = bytearray()
        self._searched = 0
        self._line_end = 0
        self._offset = 0
        self._head: Head | None = None
        self._body: Body | None = None
        self._requests = 0
        self._over = False
        self._data_bytes = 0

    @property
    def unfinished(self) -> HttpRequest | None:
        """The request whose body is still on its way, without the body."""
        if self._head is None or self._body is None:
            return None
        return self._request(self._head, b"", self._body.seen_bytes, complete=False)

    def receive(self, data: bytes) -> list[Output]:
        """Take what the peer sent; empty `data`: it sends no more. O(len(data))."""
        out: list[Output] = []
        if not data:
            self._leave(out)
            return out
        self._buffer += data
        self._offset += len(data)
        while self._buffer and self._advance(out):
            pass
        return out

    def _advance(self, out: list[Output]) -> bool:
        if self._over:
            self._pass_on(out)
            return False
        if self._body is None and not self._begin(out):
            return self._over
        return self._continue(out)

    def _begin(self, out: list[Output]) -> bool:
        """Read a head; whether one was there."""
        if not self._searched:
            if self._buffer[0] in b"\r\n":
                del self._buffer[: len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))]
            if self._buffer and self._buffer[0] not in _FIRST_BYTES:
                self._refuse("no method", 1, out)
                return False
        end = self._head_end(out)
        if not end:
            self._searched = len(self._buffer)
            return False
        self._open(parse_head(bytes(self._buffer[:end])), out)
        del self._buffer[:end]
        self._searched = self._line_end = 0
        return True

    def _head_end(self, out: list[Output]) -> int:
        """Offset behind the head; 0: not there yet, or refused."""
        limit = self._limits.max_head_bytes
        if not self._line_end:
            self._line_end = self._buffer.find(b"\n", self._searched, limit) + 1
            kind = first_line_kind(bytes(self._buffer[: self._line_end])) if self._line_end else ""
            if kind == "simple":
                return self._line_end
            if kind == "garbage":
                self._refuse("no request line", self._line_end, out)
                return 0
        end = (
            find_head_end(self._buffer, max(self._line_end - 1, self._searched - 3)) if self._line_end else 0
        )
        if end > limit or (not end and len(self._buffer) >= limit):
            out.append(Limit("head", limit, "bytes"))
            self._refuse("head too long", limit, out)
            return 0
        return end

    def _open(self, head: Head, out: list[Output]) -> None:
        self._head = head
        length = None if head.chunked else head.content_length
        self._body = Body(length=length, max_bytes=self._limits.max_body_bytes)
        expected = (head.header(b"expect") or b"").lower()
        if not self._body.done and expected == b"100-continue" and head.version == b"1.1":
            out.append(Send(_CONTINUE))

    def _continue(self, out: list[Output]) -> bool:
        """Read on in the body; whether anything may follow."""
        assert self._body is not None
        overflowing = self._body.overflowing
        try:
            self._body.take(self._buffer)
        except ChunkError as error:
            self._end_early(str(error), out)
            return True
        if self._body.overflowing and not overflowing:
            out.append(Limit("body", self._limits.max_body_bytes, "bytes"))
        if self._body.done:
            self._emit(out)
        return self._body is None

    def _emit(self, out: list[Output], fault: str | None = None) -> None:
        assert self._head is not None
        assert self._body is not None
        head, body = self._head, self._body
        self._head = self._body = None
        self._requests += 1
        if self._requests == self._limits.max_requests:
            out.append(Limit("requests", self._limits.max_requests, "requests"))
            self._over = True
        self._over = self._over or bool(fault) or not head.keep_alive
        out.append(
            self._request(head, bytes(body.kept), body.seen_bytes, complete=fault is None, fault=fault)
        )

    def _request(
        self, head: Head, body: bytes, seen: int, *, complete: bool, fault: str | None = None
    ) -> HttpRequest:
        return HttpRequest(
            method=head.method,
            target=head.target,
            version=head.version,
            headers=head.headers,
            body=body,
            body_bytes=seen,
            complete=complete,
            keep_alive=not self._over,
            faults=head.faults if fault is None else (*head.faults, fault),
        )

    def _end_early(self, reason: str, out: list[Output]) -> None:
        self._error(reason, out)
        self._emit(out, reason)

    def _refuse(self, reason: str, count: int, out: list[Output]) -> None:
        """Answer 400, close, and pass on the first `count` bytes and all that follow as data."""
        self._error(reason, out, count)
        self._pass_on(out, count)
        out += [Send(self._bad_request()), Close("bad request")]
        self._over = True

    def _error(self, reason: str, out: list[Output], count: int = 0) -> None:
        shown = bytes(self._buffer[: min(count, _SHOWN)])
        out.append(PeerError(self._offset - len(self._buffer), reason, shown))

    def _pass_on(self, out: list[Output], count: int | None = None) -> None:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        room = self._limits.max_data_bytes - self._data_bytes
        self._data_bytes += len(data)
        if room > 0:
            out.append(HttpData(data[:room]))
        if 0 <= room < len(data):
            out.append(Limit("data", self._limits.max_data_bytes, "bytes"))

    def _leave(self, out: list[Output]) -> None:
        """The peer is gone: what is unfinished is a fact too."""
        if self._body is None and self._buffer:
            line = bytes(self._buffer).partition(b"\n")[0]
            if first_line_kind(line) == "garbage":
                self._error("left in the middle of a request", out, len(self._buffer))
                self._pass_on(out)
                return
            self._open(parse_head(bytes(self._buffer)), [])
            self._buffer.clear()
        if self._body is not None:
            self._end_early("left in the middle of a request", out)
