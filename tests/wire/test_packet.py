# SPDX-License-Identifier: Apache-2.0
"""Frames of every link type down to what they carry."""

from __future__ import annotations

import struct
from ipaddress import ip_address
from typing import Any

import pytest

from mead.wire.packet import Datagram, IpPacket, Segment, ip_packet, transport


@pytest.mark.parametrize(
    ("link", "head"),
    [
        (1, b"\x02" * 12 + b"\x08\x00"),
        (1, b"\x02" * 12 + b"\x81\x00\x00\x05\x08\x00"),
        (1, b"\x02" * 12 + b"\x88\xa8\x00\x05\x81\x00\x00\x06\x08\x00"),
        (101, b""),
        (12, b""),
        (228, b""),
        (0, b"\x02\x00\x00\x00"),
        (108, b"\x00\x00\x00\x02"),
        (113, b"\0" * 14 + b"\x08\x00"),
        (276, b"\x08\x00" + b"\0" * 18),
    ],
)
def test_link_types(build: Any, link: int, head: bytes) -> None:
    packet = ip_packet(link, head + build.ipv4(b"payload", protocol=17) + b"padding")
    assert packet is not None
    assert (str(packet.src), str(packet.dst), packet.protocol) == ("10.0.0.1", "10.0.0.2", 17)
    assert (packet.payload, packet.cut_bytes, packet.is_fragment) == (b"payload", 0, False)


@pytest.mark.parametrize(
    ("link", "data"),
    [
        (1, b""),
        (1, b"\x02" * 12 + b"\x08\x06" + b"\0" * 28),
        (1, b"\x02" * 12 + b"\x81\x00"),
        (113, b"\0" * 40),
        (276, b"\0" * 40),
        (147, b"\x45" * 40),
        (101, b"\x45\x00"),
        (101, b"\x44" + b"\0" * 30),
        (101, b"\x60" + b"\0" * 20),
        (101, b"\x70" + b"\0" * 40),
    ],
)
def test_what_is_no_ip_is_nothing(link: int, data: bytes) -> None:
    assert ip_packet(link, data) is None


def test_a_cut_packet_counts_what_is_missing(build: Any) -> None:
    packet = ip_packet(101, build.ipv4(b"0123456789")[:-4])
    assert packet is not None
    assert (packet.payload, packet.cut_bytes) == (b"012345", 4)


def test_a_length_of_zero_is_segmentation_offload(build: Any) -> None:
    data = bytearray(build.ipv4(b"payload"))
    data[2:4] = b"\0\0"
    packet = ip_packet(101, bytes(data))
    assert packet is not None
    assert packet.payload == b"payload"


def test_an_ipv4_fragment(build: Any) -> None:
    packet = ip_packet(101, build.ipv4(b"x", fragment=0x2000 | 3))
    assert packet is not None
    assert (packet.fragment_offset, packet.more_fragments, packet.is_fragment) == (24, True, True)


def test_ipv6_headers_are_passed_over(build: Any) -> None:
    hop = bytes((60, 0)) + b"\0" * 6
    options = bytes((17, 1)) + b"\0" * 14
    packet = ip_packet(101, build.ipv6(hop + options + b"payload", protocol=0))
    assert packet is not None
    assert (packet.protocol, packet.payload, str(packet.src)) == (17, b"payload", "2001:db8::1")


def test_an_ipv6_fragment(build: Any) -> None:
    first = ip_packet(101, build.ipv6(struct.pack(">BBHI", 17, 0, 1, 99) + b"x" * 8, protocol=44))
    later = ip_packet(101, build.ipv6(struct.pack(">BBHI", 60, 0, 8, 99) + b"y" * 8, protocol=44))
    assert first is not None
    assert later is not None
    assert (first.protocol, first.identification, first.fragment_offset, first.more_fragments) == (
        17,
        99,
        0,
        True,
    )
    assert (later.protocol, later.fragment_offset, later.payload) == (60, 8, b"y" * 8)


def test_a_chain_of_headers_that_ends_early(build: Any) -> None:
    packet = ip_packet(101, build.ipv6(b"\0\0", protocol=43))
    assert packet is not None
    assert packet.protocol == 43


def whole(payload: bytes, protocol: int, cut_bytes: int = 0) -> IpPacket:
    return IpPacket(ip_address("::1"), ip_address("::2"), protocol, payload, cut_bytes=cut_bytes)


def test_a_datagram(build: Any) -> None:
    expected = Datagram(5, (ip_address("::1"), 40000), (ip_address("::2"), 53), b"abc")
    assert transport(whole(build.udp(b"abc") + b"padding", 17), 5) == expected
    assert transport(whole(build.udp(b"abc", length=0), 17), 5) == expected
    cut = transport(whole(build.udp(b"abc", length=20), 17), 5)
    assert isinstance(cut, Datagram)
    assert (cut.data, cut.cut_bytes) == (b"abc", 9)


def test_a_segment(build: Any) -> None:
    segment = transport(whole(build.tcp(b"abc", 77, 0x18), 6, cut_bytes=2), 5)
    assert segment == Segment(
        (ip_address("::1"), 40000), (ip_address("::2"), 80), 77, 0, 0x18, b"abc", cut_bytes=2
    )


@pytest.mark.parametrize(
    ("payload", "protocol"),
    [(b"short", 17), (b"short", 6), (b"\0" * 20, 6), (b"\xf0" * 20, 6), (b"x" * 20, 1)],
)
def test_what_is_broken_is_nothing(payload: bytes, protocol: int) -> None:
    assert transport(whole(payload, protocol), 0) is None
