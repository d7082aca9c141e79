# SPDX-License-Identifier: Apache-2.0
"""A TCP connection that a script opens by itself: `/dev/tcp/host/port`, `nc host port`.

What it sends decides what is offered: a request for a page becomes the offer of that page, everything
else the offer of what the other side says by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mead.shell.machine import Machine
from mead.shell.streams import Duplex

__all__ = ["Conversation", "Page", "page_asked_for"]

_REQUEST: Final = re.compile(rb"(?:GET|POST) (/\S*)(?: (HTTP/[\d.]{1,3}))?[ \r]*(?:\n|$)")
_AGENT: Final = re.compile(rb"\nuser-agent: *([^\r\n]{1,512})", re.IGNORECASE)
_MAX_REQUEST: Final = 8_192
_HTTP_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class Page:
    """What a script asks a web server for, by hand.

    Attributes:
        url: the place.
        headers: whether the answer begins with headers, as it does since HTTP/1.0.
        user_agent: what the request says of the client.
    """

    url: str
    headers: bool
    user_agent: str | None

    def answer(self, body: bytes) -> bytes:
        """What the server sends."""
        if not self.headers:
            return body
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return head.encode() + body


def page_asked_for(host: str, port: str, sent: bytes) -> Page | None:
    """The page that a request asks for, if it is one."""
    found = _REQUEST.match(sent[:_MAX_REQUEST])
    if found is None:
        return None
    agent = _AGENT.search(sent[:_MAX_REQUEST])
    where = host if port.isdigit() and int(port[:6]) == _HTTP_PORT else f"{host}:{port}"
    path = found[1].decode("latin-1")
    return Page(f"http://{where}{path}", found[2] is not None, agent[1].decode("latin-1") if agent else None)


class Conversation(Duplex):
    """An open connection; reading it waits for what the other side would have said."""

    __slots__ = ("_depth", "_host", "_machine", "_page", "_port", "_sent")

    def __init__(self, machine: Machine, host: str, port: str, depth: int) -> None:
        self._machine, self._host, self._port, self._depth = machine, host, port, depth
        self._sent = b""
        self._page: Page | None = None
        self._data = b""
        self._position = 0
        machine.offer(self._url, "/dev/tcp", None, None, depth)
        self._fill()

    @property
    def _url(self) -> str:
        return self._page.url if self._page is not None else f"tcp://{self._host}:{self._port}"

    @property
    def waits(self) -> str | None:  # type: ignore[override]  # it follows from what was sent
        """URL of what the other side says, while that is not known."""
        return None if self._url in self._machine.bodies else self._url

    def write(self, data: bytes) -> None:
        """Send `data`."""
        self._sent = (self._sent + data)[:_MAX_REQUEST]
        page = page_asked_for(self._host, self._port, self._sent)
        if page is None or page == self._page:
            return
        if self._page is None or self._page.url != page.url:
            self._machine.offer(page.url, "/dev/tcp", None, page.user_agent, self._depth)
        self._page = page
        self._fill()

    def read(self, size: int | None = None) -> bytes:
        self._fill()
        return super().read(size)

    def line(self) -> bytes:
        self._fill()
        return super().line()

    def _fill(self) -> None:
        if self._position:
            return
        body = self._machine.bodies.get(self._url)
        if body is not None:
            self._data = body if self._page is None else self._page.answer(body)
