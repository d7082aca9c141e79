# SPDX-License-Identifier: Apache-2.0
"""The body of an HTTP request: by length or in chunks, kept up to a bound and counted beyond it.

**Source:** RFC 9112 §6 and §7.
"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["Body", "ChunkError"]

MAX_CHUNK_LINE_BYTES = 1024
MAX_TRAILER_BYTES = 16384
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")


class ChunkError(ValueError):
    """The peer's chunk framing is broken; the message says how."""


class Body:
    """Takes the bytes of one body. O(bytes received)."""

    __slots__ = ("_left", "_max_bytes", "_read", "_trailer_bytes", "done", "kept", "seen_bytes")

    def __init__(self, *, length: int | None, max_bytes: int) -> None:
        self.kept = bytearray()
        self.seen_bytes = 0
        self.done = length == 0
        self._left = length or 0
        self._trailer_bytes = 0
        self._max_bytes = max_bytes
        # Functions, not methods: a body that holds itself would wait for the garbage collector.
        self._read: Callable[[Body, bytearray], bool] = Body._size if length is None else Body._content

    @property
    def overflowing(self) -> bool:
        """Whether bytes were dropped."""
        return self.seen_bytes > len(self.kept)

    def take(self, buffer: bytearray) -> None:
        """Take what belongs to the body off the front of `buffer`.

        Raises:
            ChunkError: the chunk framing is broken; nothing more can be read.
        """
        while not self.done and self._read(self, buffer):
            pass

    def _keep(self, buffer: bytearray) -> None:
        count = min(self._left, len(buffer))
        room = max(0, min(count, self._max_bytes - len(self.kept)))
        self.kept += buffer[:room]
        self.seen_bytes += count
        self._left -= count
        del buffer[:count]

    def _content(self, buffer: bytearray) -> bool:
        self._keep(buffer)
        self.done = not self._left
        return False

    def _line(self, buffer: bytearray) -> bytes | None:
        end = buffer.find(b"\n", 0, MAX_CHUNK_LINE_BYTES)
        if end < 0:
            if len(buffer) >= MAX_CHUNK_LINE_BYTES:
                raise ChunkError("line too long")
            return None
        line = bytes(buffer[:end]).rstrip(b"\r")
        del buffer[: end + 1]
        return line

    def _size(self, buffer: bytearray) -> bool:
        line = self._line(buffer)
        if line is None:
            return False
        size = _SIZE.match(line.strip())
        if size is None:
            raise ChunkError(f"chunk size {line[:24]!r}")
        self._left = int(size[0], 16)
        self._read = Body._chunk if self._left else Body._trailer
        return True

    def _chunk(self, buffer: bytearray) -> bool:
        self._keep(buffer)
        if self._left:
            return False
        self._read = Body._chunk_end
        return True

    def _chunk_end(self, buffer: bytearray) -> bool:
        line = self._line(buffer)
        if line is None:
            return False
        if line:
            raise ChunkError(f"{line[:24]!r} where a chunk should end")
        self._read = Body._size
        return True

    def _trailer(self, buffer: bytearray) -> bool:
        line = self._line(buffer)
        if line is None:
            return False
        self._trailer_bytes += len(line) + 1
        if self._trailer_bytes > MAX_TRAILER_BYTES:
            raise ChunkError("too many trailers")
        self.done = not line
        return not self.done
