# SPDX-License-Identifier: Apache-2.0
"""Blocks of pcapng, as written and as broken."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from mead.wire.pcapng import Blocks, FormatError, Frame


def frames(data: bytes, max_interfaces: int = 4) -> list[Frame]:
    blocks, buffer, found = Blocks(100_000, max_interfaces), bytearray(data), []
    while buffer:
        count, frame = blocks.take(buffer)
        if not count:
            break
        del buffer[:count]
        found += [frame] if frame else []
    return found


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders(build: Any, order: str) -> None:
    data = (
        build.section(order)
        + build.interface(1, order=order)
        + build.enhanced(b"abcde", 1_000_000, order=order)
    )
    assert frames(data) == [Frame(10**9, 1, b"abcde", 5)]


@pytest.mark.parametrize(
    ("options", "time_ns"),
    [
        (b"", 8_000_000_000),
        (struct.pack("<HHBxxx", 9, 1, 9), 8_000_000),
        (struct.pack("<HHBxxx", 9, 1, 0x80 | 10), 7812 * 10**9 + 500_000_000),
        (struct.pack("<HHBxxx", 9, 1, 255), 0),
        (struct.pack("<HHq", 14, 8, 100), 108_000_000_000),
        (struct.pack("<HHq", 14, 8, -8), 0),
        (struct.pack("<HH4s", 2, 4, b"eth0") + struct.pack("<HHBxxx", 9, 1, 3), 8_000_000_000_000),
        (struct.pack("<HH", 9, 0), 8_000_000_000),
        (struct.pack("<HHxxxx", 14, 4), 8_000_000_000),
    ],
)
def test_clocks(build: Any, options: bytes, time_ns: int) -> None:
    data = build.section() + build.interface(options=options) + build.enhanced(b"", 8_000_000)
    assert frames(data)[0].time_ns == time_ns


def test_an_old_packet_block(build: Any) -> None:
    body = struct.pack("<HHIIII", 0, 0, 0, 3_000_000, 3, 60) + b"abc"
    data = build.section() + build.interface(7) + build.block(2, body)
    assert frames(data) == [Frame(3 * 10**9, 7, b"abc", 60)]


def test_a_simple_packet_is_cut_at_the_snap_length(build: Any) -> None:
    simple = build.block(3, struct.pack("<I", 6) + b"abcdef")
    assert frames(build.section() + build.interface(1, 4) + simple) == [Frame(0, 1, b"abcd", 6)]
    assert frames(build.section() + build.interface(1, 0) + simple) == [Frame(0, 1, b"abcdef", 6)]
    assert frames(build.section() + simple) == []


def test_a_packet_of_an_unknown_interface_is_passed_over(build: Any) -> None:
    data = build.section() + build.interface() + build.enhanced(b"x", index=1) + build.enhanced(b"y")
    assert [frame.data for frame in frames(data)] == [b"y"]


def test_unknown_and_short_blocks_are_passed_over(build: Any) -> None:
    data = build.section() + build.interface() + build.block(0xBAD, b"1234") + build.block(6, b"123")
    assert frames(data) == []


def test_a_new_section_has_new_interfaces(build: Any) -> None:
    data = build.section() + build.interface(1) + build.section(">") + build.interface(9, order=">")
    assert frames(data + build.enhanced(b"x", order=">")) == [Frame(0, 9, b"x", 1)]


def test_broken_files_are_format_errors(build: Any) -> None:
    with pytest.raises(FormatError, match="no byte order"):
        frames(b"\x0a\x0d\x0d\x0a\x1c\0\0\0abcd")
    with pytest.raises(FormatError, match="no block"):
        frames(build.interface())
    with pytest.raises(FormatError, match="too many interfaces"):
        frames(build.section() + build.interface() * 5)
