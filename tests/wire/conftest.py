# SPDX-License-Identifier: Apache-2.0
"""Builds frames and capture files, so that a test can say what is wrong with them."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest

ORDER_MAGIC = 0x1A2B3C4D


class Builder:
    """Frames and files, byte by byte."""

    ethernet = b"\x02" * 12 + b"\x08\x00"

    def pcap(self, *frames: bytes, link: int = 1, order: str = "<", magic: int = 0xA1B2C3D4) -> bytes:
        out = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65535, link)
        for number, frame in enumerate(frames):
            out += struct.pack(f"{order}IIII", 1000 + number, 5, len(frame), len(frame)) + frame
        return out

    def block(self, kind: int, body: bytes, order: str = "<") -> bytes:
        body += b"\0" * (-len(body) % 4)
        length = struct.pack(f"{order}I", len(body) + 12)
        return struct.pack(f"{order}I", kind) + length + body + length

    def section(self, order: str = "<") -> bytes:
        return self.block(0x0A0D0D0A, struct.pack(f"{order}IHHq", ORDER_MAGIC, 1, 0, -1), order)

    def interface(self, link: int = 1, snap: int = 0, options: bytes = b"", order: str = "<") -> bytes:
        return self.block(1, struct.pack(f"{order}HHI", link, 0, snap) + options, order)

    def enhanced(self, data: bytes, ticks: int = 0, index: int = 0, order: str = "<") -> bytes:
        head = struct.pack(f"{order}IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
        return self.block(6, head + data, order)

    def ipv4(
        self,
        payload: bytes,
        src: str = "10.0.0.1",
        dst: str = "10.0.0.2",
        protocol: int = 6,
        fragment: int = 0,
    ) -> bytes:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), 7, fragment, 64, protocol, 0)
        return head + ip_address(src).packed + ip_address(dst).packed + payload

    def ipv6(self, payload: bytes, protocol: int = 6, src: str = "2001:db8::1") -> bytes:
        head = struct.pack(">IHBB", 6 << 28, len(payload), protocol, 64)
        return head + ip_address(src).packed + ip_address("2001:db8::2").packed + payload

    def tcp(
        self, data: bytes = b"", sequence: int = 0, flags: int = 0x10, sport: int = 40000, dport: int = 80
    ) -> bytes:
        return struct.pack(">HHIIBBHHH", sport, dport, sequence % 2**32, 0, 0x50, flags, 0, 0, 0) + data

    def udp(self, data: bytes, length: int | None = None) -> bytes:
        return struct.pack(">HHHH", 40000, 53, 8 + len(data) if length is None else length, 0) + data


@pytest.fixture
def build() -> Builder:
    """The builder of frames and files."""
    return Builder()
