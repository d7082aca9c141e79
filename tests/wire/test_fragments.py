# SPDX-License-Identifier: Apache-2.0
"""Fragments in any order, overlapping, missing, and too many."""

from __future__ import annotations

from ipaddress import ip_address
from itertools import permutations

from mead.wire.fragments import MAX_PIECES, Fragments
from mead.wire.packet import IpPacket


def piece(offset: int, data: bytes, *, more: bool = True, ident: int = 1) -> IpPacket:
    return IpPacket(ip_address("10.0.0.1"), ip_address("10.0.0.2"), 17, data, ident, offset, more)


def test_any_order_gives_the_packet() -> None:
    pieces = [piece(0, b"A" * 8), piece(8, b"B" * 8), piece(16, b"C", more=False)]
    for order in permutations(pieces):
        fragments = Fragments(4)
        results = [fragments.add(item) for item in order]
        assert results[:2] == [None, None]
        assert results[2] is not None
        assert results[2].payload == b"A" * 8 + b"B" * 8 + b"C"
        assert not results[2].is_fragment
        assert fragments.dropped == 0


def test_where_fragments_overlap_the_first_byte_counts() -> None:
    fragments = Fragments(4)
    fragments.add(piece(0, b"A" * 16))
    fragments.add(piece(0, b"X" * 16))
    whole = fragments.add(piece(8, b"B" * 16, more=False))
    assert whole is not None
    assert whole.payload == b"A" * 16 + b"B" * 8


def test_a_hole_is_no_packet() -> None:
    fragments = Fragments(4)
    assert fragments.add(piece(0, b"A" * 8)) is None
    assert fragments.add(piece(64, b"B" * 64)) is None
    assert fragments.add(piece(128, b"C", more=False)) is None
    fragments.leave()
    assert fragments.dropped == 1


def test_overlap_that_hides_a_hole_is_no_packet() -> None:
    fragments = Fragments(4)
    fragments.add(piece(0, b"A" * 8))
    fragments.add(piece(24, b"B" * 32))
    assert fragments.add(piece(24, b"", more=False)) is None
    assert fragments.add(piece(16, b"C" * 8)) is None


def test_bounds() -> None:
    fragments = Fragments(1)
    fragments.add(piece(0, b"A" * 8, ident=1))
    fragments.add(piece(0, b"A" * 8, ident=2))
    assert fragments.dropped == 1
    assert fragments.add(piece(65528, b"A" * 64, ident=2)) is None
    assert fragments.dropped == 2
    for number in range(MAX_PIECES + 1):
        fragments.add(piece(8 + 16 * number, b"A" * 8, ident=3))
    assert fragments.dropped == 3
