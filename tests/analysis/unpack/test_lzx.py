# SPDX-License-Identifier: Apache-2.0
"""LZX by blocks that can be written by hand: the stored ones. The others are tested by real help files."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.analysis.unpack.budget import Damaged
from mead.analysis.unpack.lzx import Lzx


class _Bits:
    """Bits into little-endian words, highest first."""

    def __init__(self) -> None:
        self._text = ""
        self.out = b""

    def put(self, value: int, width: int) -> None:
        self._text += f"{value:0{width}b}"

    def align(self) -> None:
        self._text += "0" * (-len(self._text) % 16 or (16 if not self._text else 0))
        for at in range(0, len(self._text), 16):
            self.out += struct.pack("<H", int(self._text[at : at + 16], 2))
        self._text = ""


def _stored(*blocks: bytes) -> bytes:
    bits = _Bits()
    bits.put(0, 1)  # no translation of calls
    for block in blocks:
        bits.put(3, 3)
        bits.put(len(block), 24)
        bits.align()
        bits.out += struct.pack("<III", 1, 1, 1) + block + bytes(len(block) % 2)
    return bits.out


@pytest.mark.parametrize("blocks", [(b"even", b"more"), (b"odd", b"sizes", b"in a row."), (b"x",)])
def test_stored_blocks_of_every_size(blocks: tuple[bytes, ...]) -> None:
    whole = b"".join(blocks)
    assert Lzx(15).block(_stored(*blocks), len(whole)) == whole


def test_a_stored_block_that_is_cut_off_is_damage() -> None:
    with pytest.raises(Damaged):
        Lzx(15).block(_stored(b"a block")[:-4], 7)


@given(st.binary(max_size=400), st.integers(1, 2000))
def test_any_bytes_are_a_frame_or_damage(data: bytes, size: int) -> None:
    try:
        frame = Lzx(15).block(data, size)
    except (Damaged, struct.error):
        return
    assert len(frame) == size
