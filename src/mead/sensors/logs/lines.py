# SPDX-License-Identifier: Apache-2.0
"""Lines out of a log that may be compressed, cut off, or written by an attacker.

Memory is bounded by one line and one piece; what is longer than a line may be is skipped up to its end and
counted.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mead.model.codec import excerpt

__all__ = ["MAX_LINE_BYTES", "BrokenLine", "lines_of"]

MAX_LINE_BYTES = 4 * 1024 * 1024
_PIECE_BYTES = 256 * 1024
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line, or a record in it, that could not be used."""

    line: int
    """Number of the line, from 1."""
    reason: str
    excerpt: str

    @classmethod
    def of(cls, line: int, reason: str, data: bytes) -> BrokenLine:
        return cls(line, reason, excerpt(data))


def lines_of(
    stream: Iterable[bytes], *, max_line_bytes: int = MAX_LINE_BYTES
) -> Iterator[tuple[int, bytes] | BrokenLine]:
    """Numbered lines without their ends. O(bytes read)."""
    number, pending, skipping = 1, bytearray(), False
    for piece in _plain(stream):
        if isinstance(piece, str):
            yield BrokenLine.of(number, piece, bytes(pending))
            pending.clear()
            break
        *whole, rest = piece.split(b"\n")
        for part in whole:
            pending += part
            if not skipping and len(pending) <= max_line_bytes:
                yield number, bytes(pending).removesuffix(b"\r")
            else:
                yield BrokenLine.of(
                    number, f"line is longer than {max_line_bytes} bytes", bytes(pending[:64])
                )
            pending.clear()
            skipping = False
            number += 1
        pending += rest
        if len(pending) > max_line_bytes:
            del pending[64:]
            skipping = True
    if skipping:
        yield BrokenLine.of(number, f"line is longer than {max_line_bytes} bytes", bytes(pending[:64]))
    elif pending:
        yield number, bytes(pending).removesuffix(b"\r")


def _plain(stream: Iterable[bytes]) -> Iterator[bytes | str]:
    """Uncompressed pieces; text says why the rest cannot be had."""
    pieces = _bounded(stream)
    first = next(pieces, b"")
    while len(first) < len(_GZIP) and (more := next(pieces, b"")):
        first += more
    if first.startswith(_GZIP):
        yield from _gunzipped(first, pieces)
        return
    yield first
    yield from pieces


def _bounded(stream: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of bounded size: a file without line ends would otherwise be one piece."""
    read = getattr(stream, "read", None)
    if read is not None:
        while piece := read(_PIECE_BYTES):
            yield piece
        return
    for piece in stream:
        for start in range(0, len(piece), _PIECE_BYTES):
            yield piece[start : start + _PIECE_BYTES]


def _gunzipped(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes | str]:
    """Members one after the other, in bounded pieces; zeros after a member are padding."""
    data: bytes | None = first
    while data is not None:
        unpacker = zlib.decompressobj(wbits=31)
        while not unpacker.eof:
            if data is None:
                yield "gzip data is cut off"
                return
            try:
                out = unpacker.decompress(data, _PIECE_BYTES)
            except zlib.error:
                yield "gzip data is damaged"
                return
            if out:
                yield out
            data = unpacker.unconsumed_tail
            if not data and len(out) < _PIECE_BYTES and not unpacker.eof:
                data = next(pieces, None)
        data = _next_member(unpacker.unused_data, pieces)


def _next_member(data: bytes, pieces: Iterator[bytes]) -> bytes | None:
    while not (data := data.lstrip(b"\0")):
        more = next(pieces, None)
        if more is None:
            return None
        data = more
    return data
