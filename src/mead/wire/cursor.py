# SPDX-License-Identifier: Apache-2.0
"""Reads big-endian fields off the front of a message."""

from __future__ import annotations

__all__ = ["Cursor", "ShortError"]


class ShortError(ValueError):
    """The message ends before the field does."""


class Cursor:
    """A position in a message; each read moves it or raises `ShortError`."""

    def __init__(self, data: bytes) -> None:
        self.position = 0
        self._data = data

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self._data) - self.position

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        if count > self.left:
            raise ShortError
        self.position += count
        return self._data[self.position - count : self.position]

    def since(self, start: int) -> bytes:
        """What was read since `position` was `start`."""
        return self._data[start : self.position]

    def number(self, count: int) -> int:
        """The next `count` bytes as a number."""
        return int.from_bytes(self.take(count), "big")

    def block(self, count: int) -> bytes:
        """A length of `count` bytes and what it counts."""
        return self.take(self.number(count))
