# SPDX-License-Identifier: Apache-2.0
"""The answer of a web server, read as download tools read it: bytes in, head and body out, no I/O.

Servers of malware are often a page of C. What GNU wget and curl take from them is a body that a victim got,
so it is taken here as well: bare line feeds, header lines that are none, a missing reason, two lengths that
differ, and an answer without any head (HTTP/0.9). What cannot be a whole body is still an error: fewer bytes
than announced, a chunk without a size.

Source: RFC 9112 §4, §6, §7; how tools differ from it: observed with wget 1.21.3, curl 7.88.1.
"""

from __future__ import annotations

import re

__all__ = ["Answer", "BadAnswerError"]

_MAX_HEAD_BYTES = 64 * 1024
_MAX_INTERIM = 8
_MAX_SIZE_LINE = 1024
_MAX_FRAMING_BYTES = 1 << 20
_MAX_FRAMING_RATIO = 16
_NO_BODY = frozenset((204, 205, 304))
_STATUS = re.compile(rb"HTTP/[0-9](?:\.[0-9]+)?[ \t]+([0-9]{3})(?![0-9])", re.IGNORECASE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,15})[ \t\r]*(?:;.*)?", re.DOTALL)


class BadAnswerError(Exception):
    """No whole body can be made of what the server said."""


class Answer:
    """One answer, fed piece by piece. Holds at most a head of 64 KiB and one line of a chunk size."""

    def __init__(self) -> None:
        self.status: int | None = None
        """Status code; None before the head is there, and for an answer without head."""
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        """Whether status and headers are known (also when there are none)."""
        self.whole = False
        """Whether the body has ended; what comes later is not part of it."""
        self._held = bytearray()
        self._looked_at = 0
        self._interim = 0
        self._left: int | None = None
        """Bytes that the body, or the chunk, still lacks; None: up to the end of the connection."""
        self._chunked = False
        self._between_chunks = False
        self._framing = 0
        self._body = 0

    @property
    def length(self) -> int | None:
        """Bytes of body that the head announces, when it says so once and clearly."""
        said = {value for name, value in self.headers if name.lower() == b"content-length"}
        value = said.pop() if len(said) == 1 else b""
        return int(value) if re.fullmatch(rb"[0-9]{1,18}", value) else None

    @property
    def is_open_ended(self) -> bool:
        """Whether only the end of the connection ends the body."""
        return self.has_head and self._left is None

    def first(self, name: bytes) -> bytes | None:
        """The first header of that lower-case name."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def receive(self, data: bytes) -> bytes:
        """Take the next bytes; the bytes of body in them. O(len(data)), linear over all pieces.

        Raises:
            BadAnswerError: the head is too long, or a chunk has no size.
        """
        if not self.has_head:
            data = self._head(data)
        if not self.has_head or self.whole:
            return b""
        return self._of_chunks(data) if self._chunked else self._plain(data)

    def end(self) -> None:
        """The connection ended.

        Raises:
            BadAnswerError: before the body did.
        """
        if not self.has_head:
            if not self._held:
                raise BadAnswerError("connection ended without an answer")
            if _STATUS.match(self._held):
                raise BadAnswerError("connection ended in the head of the answer")
            raise BadAnswerError("answer is none of HTTP")
        if self._left is not None and not self.whole:
            raise BadAnswerError("connection ended before the body did")
        self.whole = True

    def _head(self, data: bytes) -> bytes:
        """Gather the head; what comes after it, when it is whole."""
        held = self._held
        held += data
        while _begins_like_http(held):
            found = _HEAD_END.search(held, max(0, self._looked_at - 3))
            if (found.start() if found else len(held)) > _MAX_HEAD_BYTES:
                raise BadAnswerError(f"head is longer than {_MAX_HEAD_BYTES} bytes")
            if found is None:
                self._looked_at = len(held)
                return b""
            head = bytes(held[: found.start()])
            del held[: found.end()]
            self._looked_at = 0
            if self._takes(head):
                break
        self.has_head = True
        self._held = bytearray()
        return bytes(held)

    def _takes(self, head: bytes) -> bool:
        """Read a head; False when another will follow."""
        first, *lines = head.split(b"\n")
        status = _STATUS.match(first)
        if status is None:
            raise BadAnswerError("first line has no status")
        code = int(status[1])
        if 100 <= code < 200 and code != 101:
            self._interim += 1
            if self._interim > _MAX_INTERIM:
                raise BadAnswerError("no end of interim answers")
            return False
        self.status = code
        self.headers = [header for line in lines if (header := _header(line))]
        coding = self.first(b"transfer-encoding") or b""
        self._chunked = coding.lower().replace(b" ", b"").split(b",")[-1] == b"chunked"
        self._between_chunks = self._chunked
        self._left = 0 if self._chunked else self.length
        self.whole = code in _NO_BODY or (self._left == 0 and not self._chunked)
        return True

    def _plain(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        body = data[: self._left]
        self._left -= len(body)
        self.whole = not self._left
        return body

    def _of_chunks(self, data: bytes) -> bytes:
        data, self._held = bytes(self._held) + data, bytearray()
        body: list[bytes] = []
        at = 0
        while at < len(data) and not self.whole:
            if self._between_chunks:
                end = data.find(b"\n", at)
                if end < 0:
                    self._held += data[at:]
                    break
                self._next_chunk(data[at:end])
                at = end + 1
            else:
                piece = data[at : at + (self._left or 0)]
                body.append(piece)
                at += len(piece)
                self._body += len(piece)
                self._left = (self._left or 0) - len(piece)
                self._between_chunks = not self._left
        if len(self._held) > _MAX_SIZE_LINE:
            raise BadAnswerError("chunk has no size")
        return b"".join(body)

    def _next_chunk(self, line: bytes) -> None:
        """Read the line before a chunk; the empty one is the end of the chunk before."""
        self._framing += len(line) + 1
        if self._framing > _MAX_FRAMING_BYTES + _MAX_FRAMING_RATIO * self._body:
            raise BadAnswerError("more lines between the chunks than chunks")
        if not line.strip():
            return
        found = _CHUNK.fullmatch(line)
        if found is None:
            raise BadAnswerError("chunk has no size")
        self._left = int(found[1], 16)
        self._between_chunks = False
        self.whole = not self._left


def _header(line: bytes) -> tuple[bytes, bytes] | None:
    """Name and value; None for a line that is no header, or the rest of a folded one."""
    name, colon, value = line.partition(b":")
    return (name.rstrip(), value.strip()) if colon and name.strip() and not name[:1].isspace() else None


def _begins_like_http(data: bytearray) -> bool:
    """Whether `data` is, or may become, an answer with a head."""
    return b"HTTP/".startswith(bytes(data[:5].upper()))
