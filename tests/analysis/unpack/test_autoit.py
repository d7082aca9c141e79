# SPDX-License-Identifier: Apache-2.0
"""The ciphers of AutoIt in pieces are those in one piece, and no length outlasts the clock."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from mead.analysis.unpack import autoit
from mead.analysis.unpack.budget import BudgetSpent

Keys = Callable[[int, int], Iterator[bytes]]


def test_the_twister_gives_the_bytes_of_its_numbers() -> None:
    state = [0x22AF]
    for n in range(1, 624):
        state.append((n + 0x6C078965 * (state[-1] ^ state[-1] >> 30)) & 0xFFFFFFFF)
    generator = random.Random()
    generator.setstate((3, (*state, 624), None))
    expected = bytes(generator.getrandbits(32) >> 1 & 0xFF for _ in range(3000))
    assert b"".join(autoit._twister(0x22AF, 3000)) == expected


@pytest.mark.parametrize("keys", [autoit._twister, autoit._lagged])
def test_pieces_do_not_change_the_bytes(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = b"".join(keys(77, 5000))
    monkeypatch.setattr(autoit, "CHUNK", 64)
    pieces = list(keys(77, 5000))
    assert len(pieces) > 70
    assert b"".join(pieces) == whole
    assert len(whole) == 5000


def test_the_clock_is_looked_at_while_much_is_decrypted() -> None:
    def spent() -> None:
        raise BudgetSpent

    reader = autoit._Reader(bytes(200_000), 0, autoit._VERSIONS[b"EA06"], spent)
    with pytest.raises(BudgetSpent):
        reader.plain(200_000, 1)
