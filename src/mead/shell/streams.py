# SPDX-License-Identifier: Apache-2.0
"""What commands read from and write to: terminal, pipes, files, devices.

A stream may *wait* for a URL: its content is a body that was offered and has not arrived. Whoever reads
it is run again when the body is delivered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mead.shell.limits import LimitReachedError
from mead.shell.nodes import PathError

__all__ = [
    "Broken",
    "Buffer",
    "Closed",
    "Duplex",
    "Endless",
    "EndlessError",
    "NeedsInputError",
    "Null",
    "Sink",
    "Source",
    "Terminal",
    "Typed",
]

_KEPT_BYTES = 1 << 16
"""What was taken is kept until it is so much."""


class NeedsInputError(Exception):
    """A command reads the terminal and the peer has not typed enough.

    `want` is a number of bytes, 0 for one line, or None for all up to the end of file.
    """

    def __init__(self, want: int | None) -> None:
        super().__init__("needs input")
        self.want = want


class EndlessError(Exception):
    """A command would write for ever to something that swallows it; it ends here."""


class Sink(Protocol):
    """Takes what a command writes."""

    waits: str | None

    def write(self, data: bytes) -> None:
        """Take `data`."""


class Buffer:
    """Output kept in memory: the terminal, a pipe, a command substitution."""

    __slots__ = ("_limit", "_name", "data", "waits")

    def __init__(self, name: str, limit: int) -> None:
        self.data = bytearray()
        self.waits: str | None = None
        self._name, self._limit = name, limit

    def write(self, data: bytes) -> None:
        room = self._limit - len(self.data)
        if len(data) > room:
            self.data += data[:room]
            raise LimitReachedError(self._name, self._limit, "bytes")
        self.data += data


class Null:
    """Swallows everything; so much of a stream that never ends is enough."""

    __slots__ = ("_left", "waits")

    def __init__(self) -> None:
        self.waits: str | None = None
        self._left = 64 << 20

    def write(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise EndlessError


class Closed:
    """Where nothing can be written: a closed descriptor, a full device."""

    __slots__ = ("_reason", "waits")

    def __init__(self, reason: str = "Bad file descriptor") -> None:
        self.waits: str | None = None
        self._reason = reason

    def write(self, data: bytes) -> None:
        if data:
            raise PathError(f"write error: {self._reason}")


class Source:
    """Input with a position, shared by the commands of a loop or group."""

    __slots__ = ("_data", "_position", "waits")

    def __init__(self, data: bytes = b"", waits: str | None = None) -> None:
        self._data = data
        self._position = 0
        self.waits = waits

    @property
    def interactive(self) -> bool:
        """Whether it is the terminal."""
        return False

    def read(self, size: int | None = None) -> bytes:
        """Up to `size` bytes; everything that is left when no size is given."""
        start = self._position
        self._position = len(self._data) if size is None else min(len(self._data), start + size)
        return self._data[start : self._position]

    def line(self) -> bytes:
        """The next line with its end; empty at the end of input."""
        start = self._position
        end = self._data.find(b"\n", start)
        self._position = len(self._data) if end < 0 else end + 1
        return self._data[start : self._position]


class Broken(Source):
    """What can be opened but not read: a directory."""

    __slots__ = ("_reason",)

    def __init__(self, reason: str) -> None:
        super().__init__()
        self._reason = reason

    def read(self, size: int | None = None) -> bytes:
        del size
        raise PathError(f"read error: {self._reason}")

    def line(self) -> bytes:
        return b""


class Duplex(Source):
    """Open to read and to write (`<>`): a file, or a connection."""

    __slots__ = ("_sink",)

    def __init__(self, source: Source, sink: Sink) -> None:
        super().__init__(source.read(), source.waits)
        self._sink = sink

    def write(self, data: bytes) -> None:
        """Take `data`; what was read stays read."""
        self._sink.write(data)
        self._data = self._data[: self._position] + data + self._data[self._position + len(data) :]
        self._position += len(data)


class Typed:
    """What the peer has typed for running commands, and whether more may come.

    It only grows at its end and is taken from its beginning, so that to come back to a place costs nothing.
    """

    __slots__ = ("_data", "_searched", "_start", "ended")

    def __init__(self) -> None:
        self._data = bytearray()
        self._start = 0
        self._searched = 0
        self.ended = False

    def __len__(self) -> int:
        return len(self._data) - self._start

    def add(self, data: bytes) -> None:
        """Take what the peer sent. O(len(data)), on average."""
        if self._start > _KEPT_BYTES:
            del self._data[: self._start]
            self._start = self._searched = 0
        self._data += data

    def take(self, size: int | None = None) -> bytes:
        """The next bytes, up to `size`; all of them when no size is given."""
        end = len(self._data) if size is None else min(len(self._data), self._start + size)
        data = bytes(self._data[self._start : end])
        self._start = end
        return data

    def line_bytes(self) -> int:
        """Length of the next line with its end; 0 when none is whole."""
        found = self._data.find(b"\n", max(self._start, self._searched))
        self._searched = len(self._data) if found < 0 else found
        return found + 1 - self._start if found >= 0 else 0

    def place(self) -> int:
        """Where one is, to come back to until more is added."""
        return self._start

    def back(self, place: int) -> None:
        """Give back what was taken since `place`."""
        self._start = place
        self._searched = min(self._searched, place)

    def clear(self) -> None:
        """Forget everything; more may come."""
        self._data.clear()
        self._start = self._searched = 0
        self.ended = False


class Terminal(Source):
    """Standard input of the session; reading more than there is asks the peer for it."""

    __slots__ = ("_typed",)

    def __init__(self, typed: Typed) -> None:
        super().__init__()
        self._typed = typed

    @property
    def interactive(self) -> bool:
        return True

    def read(self, size: int | None = None) -> bytes:
        typed = self._typed
        if not typed.ended and (size is None or len(typed) < size):
            raise NeedsInputError(size)
        return typed.take(size)

    def line(self) -> bytes:
        typed = self._typed
        size = typed.line_bytes()
        if not size and not typed.ended:
            raise NeedsInputError(0)
        return typed.take(size or None)


class Endless(Source):
    """A device that never runs dry: /dev/zero, /dev/urandom."""

    __slots__ = ("_produce",)

    def __init__(self, produce: Callable[[int], bytes]) -> None:
        super().__init__()
        self._produce = produce

    def read(self, size: int | None = None) -> bytes:
        return self._produce(min(size, 32 << 20) if size is not None else 1 << 16)

    def line(self) -> bytes:
        return self._produce(256)
