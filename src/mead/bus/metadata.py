# SPDX-License-Identifier: Apache-2.0
"""Finish what a killed nats-server had begun to write about its streams, before the next one starts.

A stream is described by `meta.inf`, and `meta.sum` holds the description's checksum; they are written one
after the other. A server that finds no checksum, or that of an earlier description, passes the stream over:
a stream made by its name again then takes messages, acknowledges them, and is passed over with all of
them at every later start. So where a description is whole, and younger than its checksum, the checksum is
written here.

Source: nats-server 2.15.1, `server/filestore.go` (writeStreamMeta) and `server/jetstream.go`; HighwayHash
(J. Alakuijala, B. Cox, J. Wassenberg, "Fast keyed hash/pseudo-random function using SIMD multiply and
permute"), 64 bits, keyed with the sha256 of the stream's name. Observed under `kill -9`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import struct
from pathlib import Path

from mead.bus.address import write_atomically

__all__ = ["checksum", "mend"]

_log = logging.getLogger(__name__)

_MASK = (1 << 64) - 1
_LOW = (1 << 32) - 1
_FIRST = (0xDBE6D5D5FE4CCE2F, 0xA4093822299F31D0, 0x13198A2E03707344, 0x243F6A8885A308D3)
_SECOND = (0x3BD39E10CB0EF593, 0xC0ACF169B5F18A8C, 0xBE5466CF34E90C6C, 0x452821E638D01377)
_LANES = struct.Struct("<4Q")
_PACKET = 32


def mend(store: Path) -> list[str]:
    """Write the checksums that are missing or outdated below a server's `store_dir`; the streams' names."""
    mended = []
    for description in sorted(store.glob("jetstream/*/streams/*/meta.inf")):
        folder = description.parent
        content = description.read_bytes()
        if not _describes(content, folder.name) or not _is_younger(description, folder / "meta.sum"):
            continue
        wanted = checksum(hashlib.sha256(folder.name.encode()).digest(), content).encode()
        if _read(folder / "meta.sum") != wanted:
            write_atomically(folder / "meta.sum", wanted)
            _sync(folder)
            mended.append(folder.name)
            _log.warning(
                "the description of %s was written half by a killed nats-server; mended", folder.name
            )
    return mended


def _describes(content: bytes, name: str) -> bool:
    try:
        said = json.loads(content)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("name") == name


def _is_younger(description: Path, sums: Path) -> bool:
    return not sums.exists() or description.stat().st_mtime_ns > sums.stat().st_mtime_ns


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checksum(key: bytes, data: bytes) -> str:
    """HighwayHash-64 under a key of 32 bytes, as hex in the order of its bytes."""
    state = _State(_LANES.unpack(key))
    whole = len(data) - len(data) % _PACKET
    for start in range(0, whole, _PACKET):
        state.update(_LANES.unpack_from(data, start))
    if whole < len(data):
        state.update_rest(data[whole:])
    return state.finished().to_bytes(8, "little").hex()


class _State:
    """Four vectors of four lanes of 64 bits."""

    def __init__(self, key: tuple[int, ...]) -> None:
        self.mul0, self.mul1 = list(_FIRST), list(_SECOND)
        self.v0 = [start ^ lane for start, lane in zip(_FIRST, key, strict=True)]
        self.v1 = [start ^ _halves_swapped(lane) for start, lane in zip(_SECOND, key, strict=True)]

    def update(self, lanes: tuple[int, ...]) -> None:
        v0, v1, mul0, mul1 = self.v0, self.v1, self.mul0, self.mul1
        for lane in range(4):
            v1[lane] = (v1[lane] + mul0[lane] + lanes[lane]) & _MASK
            mul0[lane] ^= (v1[lane] & _LOW) * (v0[lane] >> 32)
            v0[lane] = (v0[lane] + mul1[lane]) & _MASK
            mul1[lane] ^= (v0[lane] & _LOW) * (v1[lane] >> 32)
        for pair in (0, 2):
            _zip_and_add(v1, v0, pair)
        for pair in (0, 2):
            _zip_and_add(v0, v1, pair)

    def update_rest(self, rest: bytes) -> None:
        """The last 1 to 31 bytes, spread over a packet of their own."""
        length, odd = len(rest), len(rest) & 3
        self.v0 = [(lane + (length << 32) + length) & _MASK for lane in self.v0]
        self.v1 = [_halves_rotated(lane, length) for lane in self.v1]
        packet = bytearray(_PACKET)
        even = length - odd
        packet[:even] = rest[:even]
        if length & 16:
            packet[28:] = rest[length - 4 :]
        elif odd:
            packet[16:19] = bytes((rest[even], rest[even + (odd >> 1)], rest[length - 1]))
        self.update(_LANES.unpack(packet))

    def finished(self) -> int:
        for _ in range(4):
            self.update(tuple(_halves_swapped(self.v0[lane]) for lane in (2, 3, 0, 1)))
        return (self.v0[0] + self.v1[0] + self.mul0[0] + self.mul1[0]) & _MASK


def _zip_and_add(source: list[int], target: list[int], at: int) -> None:
    """Add the bytes of two lanes, in an order that mixes them, to two others."""
    low, high = source[at], source[at + 1]
    target[at] += (
        (((low & 0xFF000000) | (high & 0xFF00000000)) >> 24)
        | (((low & 0xFF0000000000) | (high & 0xFF000000000000)) >> 16)
        | (low & 0xFF0000)
        | ((low & 0xFF00) << 32)
        | ((high & 0xFF00000000000000) >> 8)
        | ((low << 56) & _MASK)
    )
    target[at + 1] += (
        (((high & 0xFF000000) | (low & 0xFF00000000)) >> 24)
        | (high & 0xFF0000)
        | ((high & 0xFF0000000000) >> 16)
        | ((high & 0xFF00) << 24)
        | ((low & 0xFF000000000000) >> 8)
        | ((high & 0xFF) << 48)
        | (low & 0xFF00000000000000)
    )
    target[at] &= _MASK
    target[at + 1] &= _MASK


def _halves_swapped(lane: int) -> int:
    return (lane >> 32) | ((lane & _LOW) << 32)


def _halves_rotated(lane: int, count: int) -> int:
    """Both halves of 32 bits rotated to the left by 1 to 31 bits."""
    high, low = lane >> 32, lane & _LOW
    high = ((high << count) | (high >> (32 - count))) & _LOW
    low = ((low << count) | (low >> (32 - count))) & _LOW
    return high << 32 | low
