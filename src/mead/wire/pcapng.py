# SPDX-License-Identifier: Apache-2.0
"""The blocks of a pcapng file.

**Source:** draft-ietf-opsawg-pcapng §4.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from mead.wire.core import Fact, Limit

__all__ = ["Blocks", "FormatError", "Frame"]

_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_ORDER_MAGIC = b"\x1a\x2b\x3c\x4d"
_TSRESOL, _TSOFFSET = 9, 14
_NANO = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_NS = int((datetime(9999, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds()) * _NANO


@dataclass(frozen=True, slots=True)
class Frame(Fact):
    """A captured frame."""

    time_ns: int
    """Nanoseconds since 1970, as the capture says."""
    link: int
    """Link type (LINKTYPE_…)."""
    data: bytes
    sent_bytes: int
    """Length on the wire; more than `len(data)` when the capture cut it."""

    @property
    def time(self) -> datetime:
        """Its time in UTC; a time that no calendar has is brought to the nearest that one has."""
        return _EPOCH + timedelta(microseconds=max(0, min(self.time_ns, _LAST_NS)) // 1000)


@dataclass(frozen=True, slots=True)
class Interface:
    """Where packets were captured."""

    link: int
    snap_bytes: int
    ticks: int = 1_000_000
    """Units of a timestamp in a second."""
    offset_seconds: int = 0


class FormatError(ValueError):
    """The file breaks its format; the next block cannot be found."""

    def __init__(self, reason: str, limit: Limit | None = None) -> None:
        super().__init__(reason)
        self.limit = limit


class Blocks:
    """Reads one block after another; keeps the section's byte order and interfaces."""

    def __init__(self, max_block_bytes: int, max_interfaces: int) -> None:
        self._max_block_bytes = max_block_bytes
        self._max_interfaces = max_interfaces
        self._order: Literal["little", "big"] = "little"
        self._interfaces: list[Interface] = []
        self._in_section = False

    def take(self, buffer: bytearray) -> tuple[int, Frame | None]:
        """Read the block at the front of `buffer`: its length (0: more is needed) and its frame, if any.

        Raises:
            FormatError: no further block can be found.
        """
        if len(buffer) < 12:
            return 0, None
        if buffer[:4] == b"\x0a\x0d\x0d\x0a":
            self._begin_section(bytes(buffer[8:12]))
        kind, length = self._number(buffer, 0, 4), self._number(buffer, 4, 4)
        if length < 12 or length % 4 or not self._in_section:
            raise FormatError("no block")
        if length > self._max_block_bytes:
            raise FormatError("block too long", Limit("block", self._max_block_bytes, "bytes"))
        if len(buffer) < length:
            return 0, None
        return length, self._read(kind, bytes(buffer[8 : length - 4]))

    def _begin_section(self, magic: bytes) -> None:
        if magic not in {_ORDER_MAGIC, _ORDER_MAGIC[::-1]}:
            raise FormatError("no byte order")
        self._order = "big" if magic == _ORDER_MAGIC else "little"
        self._in_section = True
        self._interfaces = []

    def _read(self, kind: int, body: bytes) -> Frame | None:
        if kind == _INTERFACE:
            self._add_interface(body)
        elif kind == _ENHANCED and len(body) >= 20:
            return self._packet(self._number(body, 0, 4), body)
        elif kind == _OLD_PACKET and len(body) >= 20:
            return self._packet(self._number(body, 0, 2), body)
        elif kind == _SIMPLE and len(body) >= 4 and self._interfaces:
            sent = self._number(body, 0, 4)
            kept = min(sent, self._interfaces[0].snap_bytes or sent)
            return Frame(0, self._interfaces[0].link, body[4 : 4 + kept], sent)
        return None

    def _packet(self, index: int, body: bytes) -> Frame | None:
        if index >= len(self._interfaces):
            return None
        interface = self._interfaces[index]
        ticks = self._number(body, 4, 4) << 32 | self._number(body, 8, 4)
        time_ns = ticks * _NANO // interface.ticks + interface.offset_seconds * _NANO
        data = body[20 : 20 + self._number(body, 12, 4)]
        return Frame(time_ns, interface.link, data, max(self._number(body, 16, 4), len(data)))

    def _add_interface(self, body: bytes) -> None:
        if len(self._interfaces) == self._max_interfaces:
            limit = Limit("interfaces", self._max_interfaces, "interfaces")
            raise FormatError("too many interfaces", limit)
        ticks, offset = 1_000_000, 0
        position = 8
        while position + 4 <= len(body):
            code, length = self._number(body, position, 2), self._number(body, position + 2, 2)
            value = body[position + 4 : position + 4 + length]
            if code == _TSRESOL and value:
                ticks = 2 ** (value[0] & 0x7F) if value[0] & 0x80 else 10 ** min(value[0], 30)
            elif code == _TSOFFSET and len(value) == 8:
                offset = int.from_bytes(value, self._order, signed=True)
            position += 4 + length + -length % 4
        self._interfaces.append(Interface(self._number(body, 0, 2), self._number(body, 4, 4), ticks, offset))

    def _number(self, data: bytes | bytearray, position: int, count: int) -> int:
        return int.from_bytes(data[position : position + count], self._order)
