# SPDX-License-Identifier: Apache-2.0
"""Entropy and packer names."""

from __future__ import annotations

from mead.analysis.packing import PACKED_ENTROPY, entropy, packer_of


def test_entropy_of_known_bytes(noise: bytes) -> None:
    assert entropy(b"") == 0
    assert entropy(b"a" * 100) == 0
    assert entropy(bytes(range(256))) == 8
    assert entropy(noise) > PACKED_ENTROPY


def test_entropy_of_much_is_that_of_a_part(noise: bytes) -> None:
    assert entropy(noise * 300) > PACKED_ENTROPY
    words = b"".join(number.to_bytes(4, "little") for number in range(200_000))
    assert 3 < entropy(words) < 6.5
    assert entropy(bytes(1 << 22) + noise * 700) < PACKED_ENTROPY


def test_packers_are_named_with_their_reason() -> None:
    assert packer_of(["UPX0"], b"") == [("UPX", "section UPX0")]
    assert packer_of([], b"..UPX!") == [("UPX", "'UPX!' at offset 2")]
    assert not packer_of([".text"], b"nothing")
