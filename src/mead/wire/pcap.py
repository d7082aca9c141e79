# SPDX-License-Identifier: Apache-2.0
"""Packet captures, classic and pcapng, read as a stream: whatever is whole comes out, what is not is counted.

**Source:** draft-ietf-opsawg-pcap (classic, both byte orders, micro- and nanoseconds);
draft-ietf-opsawg-pcapng (section, interface, enhanced, simple and the obsolete packet block).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from msgspec import Struct

from mead.wire.core import Fact, Limit, Output, PeerError
from mead.wire.pcapng import Blocks, FormatError, Frame

__all__ = ["CaptureEnd", "CaptureLimits", "CaptureReader", "Frame"]

_CLASSIC: dict[bytes, tuple[Literal["little", "big"], int]] = {
    b"\xd4\xc3\xb2\xa1": ("little", 1000), b"\xa1\xb2\xc3\xd4": ("big", 1000),
    b"\x4d\x3c\xb2\xa1": ("little", 1), b"\xa1\xb2\x3c\x4d": ("big", 1),
    b"\x34\xcd\xb2\xa1": ("little", 1000), b"\xa1\xb2\xcd\x34": ("big", 1000),
}  # fmt: skip
"""Byte order, and nanoseconds in a unit of the fraction."""
_MODIFIED = frozenset({b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34"})
_NG = b"\x0a\x0d\x0d\x0a"
_FILE_HEADER_BYTES = 24
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class CaptureEnd(Fact):
    """The capture was read to its end."""

    frames: int
    truncated_bytes: int
    """Bytes at the end that are no whole packet; 0: the file is whole."""


class CaptureLimits(Struct, frozen=True, kw_only=True):
    """Bounds of one capture.

    Attributes:
        max_frame_bytes: longest packet (or block) that is believed; a longer one ends the reading.
        max_interfaces: interfaces of one pcapng section.
    """

    max_frame_bytes: int = 4 * 1024 * 1024
    max_interfaces: int = 1024


class CaptureReader:
    """Takes the bytes of a capture file and gives its frames. O(bytes received), holds one frame."""

    def __init__(self, limits: CaptureLimits | None = None) -> None:
        self._limits = limits or CaptureLimits()
        self._buffer = bytearray()
        self._offset = 0
        self._dropped = 0
        self._frames = 0
        self._failed = False
        self._order: Literal["little", "big"] = "little"
        self._unit = 1000
        self._link = 0
        self._record_header_bytes = 0
        self._blocks: Blocks | None = None

    def receive(self, data: bytes) -> list[Output]:
        """Take a piece of the file; empty `data`: that was all."""
        out: list[Output] = []
        if not data:
            self._end(out)
        elif self._failed:
            self._dropped += len(data)
        else:
            self._buffer += data
            while self._advance(out):
                pass
        return out

    def _end(self, out: list[Output]) -> None:
        if not self._failed and self._buffer:
            out.append(PeerError(self._offset, "capture is truncated", b""))
        out.append(CaptureEnd(self._frames, self._dropped + len(self._buffer)))
        self._buffer.clear()

    def _advance(self, out: list[Output]) -> bool:
        if self._failed or len(self._buffer) < 4:
            return False
        if self._blocks is not None:
            return self._next_block(out)
        if self._record_header_bytes:
            return self._next_record(out)
        return self._open(out)

    def _open(self, out: list[Output]) -> bool:
        magic = bytes(self._buffer[:4])
        if magic == _NG:
            self._blocks = Blocks(self._limits.max_frame_bytes, self._limits.max_interfaces)
            return True
        if magic not in _CLASSIC:
            return self._fail("no capture file", magic, out)
        if len(self._buffer) < _FILE_HEADER_BYTES:
            return False
        self._order, self._unit = _CLASSIC[magic]
        self._link = int.from_bytes(self._buffer[20:24], self._order) & 0xFFFF
        self._record_header_bytes = 24 if magic in _MODIFIED else 16
        self._consume(_FILE_HEADER_BYTES)
        return True

    def _next_record(self, out: list[Output]) -> bool:
        start = self._record_header_bytes
        if len(self._buffer) < start:
            return False
        seconds, fraction, kept, sent = (
            int.from_bytes(self._buffer[i : i + 4], self._order) for i in range(0, 16, 4)
        )
        if kept > self._limits.max_frame_bytes:
            out.append(Limit("frame", self._limits.max_frame_bytes, "bytes"))
            return self._fail("packet too long", bytes(self._buffer[:16]), out)
        if len(self._buffer) < start + kept:
            return False
        data = bytes(self._buffer[start : start + kept])
        self._frames += 1
        out.append(Frame(seconds * _NANO + fraction * self._unit, self._link, data, max(sent, kept)))
        self._consume(start + kept)
        return True

    def _next_block(self, out: list[Output]) -> bool:
        assert self._blocks is not None
        try:
            count, frame = self._blocks.take(self._buffer)
        except FormatError as error:
            if error.limit is not None:
                out.append(error.limit)
            return self._fail(str(error), bytes(self._buffer[:8]), out)
        if frame is not None:
            self._frames += 1
            out.append(frame)
        self._consume(count)
        return count > 0

    def _consume(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count

    def _fail(self, reason: str, shown: bytes, out: list[Output]) -> bool:
        """There is no way to find the next packet: the rest is counted."""
        out.append(PeerError(self._offset, reason, shown))
        self._failed = True
        return False
