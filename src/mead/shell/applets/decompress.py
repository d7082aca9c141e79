# SPDX-License-Identifier: Apache-2.0
"""Streams of gzip, bzip2, xz and lzma taken apart, never to more than a pipe may hold."""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from mead.shell.call import Call
from mead.shell.limits import LimitReachedError

__all__ = ["Unpacked", "unpacked"]


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool:
        """Whether the stream is complete."""

    @property
    def unused_data(self) -> bytes:
        """What follows the end of the stream."""

    def decompress(self, data: bytes, max_length: int = ...) -> bytes:
        """Up to `max_length` bytes."""


def _gzip() -> _Decompressor:
    return zlib.decompressobj(wbits=47)


_FORMATS: Final[tuple[tuple[str, bytes, Callable[[], _Decompressor]], ...]] = (
    ("gzip", b"\x1f\x8b", _gzip), ("bzip2", b"BZh", bz2.BZ2Decompressor),
    ("xz", b"\xfd7zXZ", lzma.LZMADecompressor), ("lzma", b"\x5d\0\0", lzma.LZMADecompressor),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out of a stream."""

    data: bytes
    fault: str = ""
    """What the tool says when the stream was cut off or broken."""


def unpacked(call: Call, data: bytes) -> Unpacked | None:
    """What a compressed stream holds; None when it is none.

    Raises:
        LimitReachedError: it holds more than a pipe may.
    """
    found = next((entry for entry in _FORMATS if data.startswith(entry[1])), None)
    if found is None:
        return None
    limit = call.machine.limits.pipe_bytes
    pieces: list[bytes] = []
    room, fault = limit, ""
    while data.startswith(found[1]) and not fault:
        decompressor = found[2]()
        try:
            piece = decompressor.decompress(data, room + 1)
        except (zlib.error, OSError, EOFError, lzma.LZMAError, ValueError):
            fault = "corrupted data"
            break
        pieces.append(piece)
        room -= len(piece)
        if room < 0:
            raise LimitReachedError("pipe_bytes", limit, "bytes")
        if not decompressor.eof:
            fault = "unexpected end of file" if len(data) > 10 else "corrupted data"
        data = decompressor.unused_data
    result = b"".join(pieces)
    call.machine.budget.charge_copy(len(result))
    call.machine.decoded(found[0], result)
    return Unpacked(result, fault)
