# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.sensors.logs.lines import BrokenLine, lines_of


def test_lines_are_numbered_and_lose_their_ends() -> None:
    assert list(lines_of([b"a\r\nb", b"c\n\nd"])) == [(1, b"a"), (2, b"bc"), (3, b""), (4, b"d")]


@pytest.mark.parametrize("cut", [1, 2, 5, 1000])
def test_gzip_is_taken_off_wherever_the_pieces_end(cut: int) -> None:
    packed = gzip.compress(b"one\ntwo\n") + gzip.compress(b"three\n") + b"\0" * 10
    pieces = [packed[start : start + cut] for start in range(0, len(packed), cut)]
    assert list(lines_of(pieces)) == [(1, b"one"), (2, b"two"), (3, b"three")]


def test_a_large_gzip_file_is_read_whole() -> None:
    packed = gzip.compress(b"".join(b"%d\n" % n for n in range(300_000)))
    assert [line for line in lines_of(io.BytesIO(packed)) if isinstance(line, BrokenLine)] == []
    assert sum(1 for _ in lines_of(io.BytesIO(packed))) == 300_000


def test_a_cut_off_gzip_file_gives_what_is_there_and_says_so() -> None:
    packed = gzip.compress(b"".join(b"%d\n" % (n * 7919) for n in range(1000)))
    *lines, last = lines_of([packed[: len(packed) // 2]])
    assert len(lines) > 10
    assert isinstance(last, BrokenLine)
    assert last.reason == "gzip data is cut off"


def test_damaged_gzip_data_is_one_broken_line() -> None:
    packed = bytearray(gzip.compress(b"a\n" * 1000))
    packed[12] ^= 0xFF
    assert [line.reason for line in lines_of([bytes(packed)]) if isinstance(line, BrokenLine)]


def test_a_line_without_end_is_skipped_and_the_next_one_read() -> None:
    found = list(lines_of([b"x" * 60, b"y" * 60, b"z\nshort\n" + b"q" * 200], max_line_bytes=100))
    assert found[1] == (2, b"short")
    assert [line.line for line in found if isinstance(line, BrokenLine)] == [1, 3]


def test_a_gzip_bomb_of_one_line_stays_small() -> None:
    packed = gzip.compress(b"A" * 50_000_000 + b"\nnext\n")
    broken, following = lines_of([packed], max_line_bytes=1000)
    assert isinstance(broken, BrokenLine)
    assert following == (2, b"next")


@given(st.lists(st.binary(max_size=50), max_size=8), st.integers(1, 40))
def test_any_bytes_give_lines_or_broken_lines(pieces: list[bytes], limit: int) -> None:
    for line in lines_of(pieces, max_line_bytes=limit):
        assert isinstance(line, BrokenLine) or len(line[1]) <= limit
