"""The key encapsulation agrees with a slow one written from the specification's definitions."""

from __future__ import annotations

import random

import pytest

from mead.sensors.openssh import sntrup
from mead.sensors.openssh.sntrup import P, Q

DRAW = random.Random(1)


@pytest.mark.parametrize(
    "left", [[DRAW.randrange(-2295, 2296) for _ in range(P)], [2295] * P, [-2295] * P, [0] * P]
)
def test_the_product_is_that_of_the_ring(left: list[int]) -> None:
    small = sntrup._short()
    raw = [0] * (2 * P - 1)
    for j, sign in enumerate(small):
        if sign:
            for i, value in enumerate(left):
                raw[i + j] += value * sign
    for i in range(2 * P - 2, P - 1, -1):
        raw[i - P] += raw[i]
        raw[i - P + 1] += raw[i]
    assert sntrup._multiply([value + 2295 for value in left], small) == [
        (v + 2295) % Q - 2295 for v in raw[:P]
    ]


def test_encoding_and_decoding_are_inverse_and_have_the_specified_length() -> None:
    values = [random.Random(2).randrange(Q) for _ in range(P)]
    encoded = sntrup._encode(values, [Q] * P)
    assert len(encoded) == sntrup.PUBLIC_KEY_BYTES
    assert sntrup._decode(encoded, (Q,) * P) == values


def test_small_polynomials_have_their_weight() -> None:
    small = sntrup._short()
    assert sum(map(abs, small)) == 286
    assert len(sntrup._encode_small(small)) == 191


def test_any_public_key_gives_a_fresh_secret() -> None:
    key = random.Random(3).randbytes(sntrup.PUBLIC_KEY_BYTES)
    (one, first), (two, second) = sntrup.encapsulate(key), sntrup.encapsulate(key)
    assert len(first) == sntrup.CIPHERTEXT_BYTES
    assert len(one) == 32
    assert (one, first) != (two, second)
    with pytest.raises(ValueError, match="1158"):
        sntrup.encapsulate(key[:-1])
