# SPDX-License-Identifier: Apache-2.0
"""Text that hides in other text: UTF-16, and base64 that speaks of a place.

Base64 is only looked into where the letters of `http` show in one of its three alignments, so that keys
and pictures cost nothing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

__all__ = ["base64_texts", "wide_texts"]

MAX_RUN_BYTES = 64 * 1024

_WIDE = re.compile(rb"(?:[\x20-\x7e\t\r\n]\0){6,}[\x20-\x7e]?")
_RUN = re.compile(rb"[A-Za-z0-9+/]{24,}")


def _marks() -> tuple[bytes, ...]:
    """What base64 makes of `http` and of its UTF-16 form, whatever number of bytes stands before."""
    marks = []
    for text in (b"http", "http".encode("utf-16-le")):
        for before in range(3):
            encoded = base64.b64encode(bytes(before) + text)
            first, last = (0, 2, 3)[before], (before + len(text)) * 8 // 6
            marks.append(encoded[first:last])
    return tuple(marks)


_MARKS = _marks()


def wide_texts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and letters of each run of UTF-16 text, in either order of bytes. O(bytes)."""
    for match in _WIDE.finditer(data):
        yield match.start(), match.group()[::2]


def base64_texts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset of the run, and what it decodes to, for each run of base64 that speaks of `http`. O(bytes)."""
    for match in _RUN.finditer(data):
        run = match.group()[:MAX_RUN_BYTES]
        if any(mark in run for mark in _MARKS):
            text = _decoded(run)
            if text:
                yield match.start(), text


def _decoded(run: bytes) -> bytes:
    """The decoding that has the word in it; letters before the encoded part shift it."""
    for shift in range(4):
        piece = run[shift:]
        text = base64.b64decode(piece[: len(piece) - (len(piece) % 4 == 1)] + b"===")
        if b"http" in text:
            return text
        if b"h\0t\0t\0p" in text:
            return text[text.index(b"h\0t\0t\0p") % 2 :][::2]
    return b""
