# SPDX-License-Identifier: Apache-2.0
"""The head of an HTTP request: strictly by h11, and by our own eyes where h11 refuses.

Much of what attackers send is no HTTP by the letter (spaces in the target, raw bytes in a header, no
Host, line feeds alone). Small servers take it, so we have to see it: what h11 said is kept as a fault.

**Source:** RFC 9112.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import h11

__all__ = ["Head", "Header", "find_head_end", "first_line_kind", "parse_head"]

Header = tuple[bytes, bytes]
_HEAD_END = re.compile(rb"\n\r?\n")
_METHOD = re.compile(rb"[!-~]{1,64}(?![!-~])")
_LENGTH = re.compile(rb"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Head:
    """A request line and its headers."""

    method: bytes
    target: bytes
    version: bytes
    """`1.1`, `1.0`, `0.9` for a request without headers, or whatever stood behind `HTTP/`."""
    headers: tuple[Header, ...]
    """In the order and case that they came in."""
    faults: tuple[str, ...] = ()
    """What is wrong with it; empty: nothing."""

    def all(self, name: bytes) -> list[bytes]:
        """The values of every header called `name` (lower case)."""
        return [value for key, value in self.headers if key.lower() == name]

    def header(self, name: bytes) -> bytes | None:
        """The value of the first header called `name` (lower case)."""
        for key, value in self.headers:
            if key.lower() == name:
                return value
        return None

    @property
    def chunked(self) -> bool:
        """Whether the body comes in chunks."""
        return any(b"chunked" in value.lower() for value in self.all(b"transfer-encoding"))

    @property
    def content_length(self) -> int:
        """Length of the body; 0 where there is none or it is no number."""
        for value in self.all(b"content-length"):
            if found := _LENGTH.match(value.strip()):
                return int(found[0])
        return 0

    @property
    def keep_alive(self) -> bool:
        """Whether another request may follow."""
        words = b",".join(self.all(b"connection")).lower()
        websocket = b"websocket" in (self.header(b"upgrade") or b"").lower()
        if self.method == b"CONNECT" or b"close" in words or websocket:
            return False
        return self.version == b"1.1" or (self.version == b"1.0" and b"keep-alive" in words)


def find_head_end(data: bytearray, start: int) -> int:
    """Offset just behind the empty line that ends the head, searching from `start`; 0: not there yet."""
    found = _HEAD_END.search(data, start)
    return found.end() if found else 0


def first_line_kind(line: bytes) -> str:
    """`request`, `simple` (HTTP/0.9: ends with its line) or `garbage`."""
    if _version(line) is not None and _METHOD.match(line):
        return "request"
    words = line.split()
    return "simple" if len(words) == 2 and words[0] == b"GET" else "garbage"


def parse_head(data: bytes) -> Head:
    """Read a head whose first line is a request line (`first_line_kind`); never fails."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=len(data) + 1)
    connection.receive_data(data)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError as error:
        return _look(data, str(error))
    if not isinstance(event, h11.Request):
        return _look(data, "no empty line at the end")
    return Head(event.method, event.target, event.http_version, tuple(event.headers.raw_items()))


def _version(line: bytes) -> bytes | None:
    """What stands behind `HTTP/` at the end of a request line. No regular expression: O(len(line))."""
    words = line.rsplit(None, 1)
    return words[1][5:] if len(words) == 2 and words[1][:5].upper() == b"HTTP/" else None


def _look(data: bytes, fault: str) -> Head:
    first, _, rest = data.partition(b"\n")
    version = _version(first)
    request = first if version is None else first.rsplit(None, 1)[0]
    method, _, target = request.strip().partition(b" ")
    headers: list[Header] = []
    faults = [fault]
    for raw in rest.split(b"\n"):
        row = raw.rstrip(b"\r")
        if row[:1] in {b" ", b"\t"} and headers:
            headers[-1] = (headers[-1][0], headers[-1][1] + b" " + row.strip())
        elif row:
            name, _, value = row.partition(b":")
            headers.append((name, value.strip()))
    return Head(method, target.strip(), b"0.9" if version is None else version, tuple(headers), tuple(faults))
