# SPDX-License-Identifier: Apache-2.0
"""Streamlined NTRU Prime 761, encapsulation only: the half that a server needs for `sntrup761x25519`.

OpenSSH since 8.9 offers this key exchange and its clients since 9.0 prefer it, so that a server that
claims to be one has to do it. No library of ours has it. This is not made to resist side channels: the
sessions that it protects are those of attackers.

Source: NTRU Prime specification 2020-10-07 §3 and §4; draft-josefsson-ntruprime-ssh.
"""

from __future__ import annotations

import secrets
import sys
from array import array
from functools import lru_cache
from hashlib import sha512
from itertools import accumulate

__all__ = ["CIPHERTEXT_BYTES", "PUBLIC_KEY_BYTES", "encapsulate"]

P, Q, W = 761, 4591, 286
_HALF = (Q - 1) // 2
_SLOT = 32
"""Bits of a coefficient when a polynomial is packed into one integer: a product stays under 2^24."""
_SLOT_LIFT = 1 << 24
_LIFT = sum(_SLOT_LIFT << _SLOT * place for place in range(2 * P - 1))
PUBLIC_KEY_BYTES = 1158
CIPHERTEXT_BYTES = 1039
_LIMIT = 16384


def encapsulate(public_key: bytes) -> tuple[bytes, bytes]:
    """A fresh 32-byte secret and its ciphertext for the owner of `public_key`.

    Raises:
        ValueError: the key has the wrong length.
    """
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise ValueError(f"a public key has {PUBLIC_KEY_BYTES} bytes, this one {len(public_key)}")
    small = _short()
    encoded_small = _encode_small(small)
    product = _multiply(_decode(public_key, (Q,) * P), small)
    body = _encode([_third(value) for value in product], [(Q + 2) // 3] * P)
    confirm = _hash(2, _hash(3, encoded_small) + _hash(4, public_key))
    ciphertext = body + confirm
    return _hash(1, _hash(3, encoded_small) + ciphertext), ciphertext


def _hash(prefix: int, data: bytes) -> bytes:
    return sha512(bytes((prefix,)) + data).digest()[:32]


def _short() -> list[int]:
    """W coefficients of ±1 at random places, the others 0: places are drawn by sorting random words."""
    small = [0] * P
    words = array("I", secrets.token_bytes(4 * P))
    for place in sorted(range(P), key=words.__getitem__)[:W]:
        small[place] = ((words[place] & 1) << 1) - 1
    return small


def _encode_small(small: list[int]) -> bytes:
    """Four coefficients in a byte, each plus one."""
    padded = [value + 1 for value in small] + [0] * (-P % 4)
    return bytes(
        padded[i] | padded[i + 1] << 2 | padded[i + 2] << 4 | padded[i + 3] << 6
        for i in range(0, len(padded), 4)
    )


def _multiply(shifted: list[int], small: list[int]) -> list[int]:
    """Product modulo x^761 - x - 1 and 4591, centred; the first factor is stored plus 2295.

    Both are packed into integers (Kronecker substitution), so that the machine's long multiplication
    does the work; a constant in each slot of the product keeps it from becoming negative.
    """
    signed = _pack([value == 1 for value in small]) - _pack([value == -1 for value in small])
    slots = _unpack(_pack(shifted) * signed + _LIFT)
    raw = [slot - extra for slot, extra in zip(slots, _convolved_shift(small), strict=True)]
    high = raw[P:]
    folded = zip(raw[:P], [*high, 0], [0, *high], strict=True)
    return [(value + same + before + _HALF) % Q - _HALF for value, same, before in folded]


def _convolved_shift(small: list[int]) -> list[int]:
    """What `_LIFT` and the 2295 added to each coefficient contributed to the product.

    The latter is 2295 times the product with 1 + x + … + x^760: sums of runs of coefficients.
    """
    runs = list(accumulate(small))
    runs += [runs[-1] - run for run in runs[:-1]]
    return [run * _HALF + _SLOT_LIFT for run in runs]


def _pack(values: list[int] | list[bool]) -> int:
    slots = array("I", values)
    if sys.byteorder == "big":
        slots.byteswap()
    return int.from_bytes(slots.tobytes(), "little")


def _unpack(value: int) -> list[int]:
    slots = array("I", value.to_bytes((2 * P - 1) * _SLOT // 8, "little"))
    if sys.byteorder == "big":
        slots.byteswap()
    return slots.tolist()


def _third(value: int) -> int:
    """Round to the nearest multiple of three, as the index that is encoded."""
    remainder = (value + 1) % 3 - 1
    return (value - remainder + _HALF) // 3


@lru_cache(maxsize=4)
def _levels(moduli: tuple[int, ...]) -> tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]:
    """For each level of the encoding: its moduli, and how many bytes each pair gives off."""
    levels = []
    while len(moduli) > 1:
        following: list[int] = []
        counts: list[int] = []
        for i in range(0, len(moduli) - 1, 2):
            product, count = moduli[i] * moduli[i + 1], 0
            while product >= _LIMIT:
                product, count = (product + 255) >> 8, count + 1
            following.append(product)
            counts.append(count)
        if len(moduli) % 2:
            following.append(moduli[-1])
        levels.append((moduli, tuple(counts)))
        moduli = tuple(following)
    levels.append((moduli, ()))
    return tuple(levels)


def _encode(values: list[int], moduli: list[int]) -> bytes:
    """The specification's Encode: pairs are joined, whole bytes fall out at the low end."""
    out = bytearray()
    *pairs, (last, _) = _levels(tuple(moduli))
    for level, counts in pairs:
        following: list[int] = []
        for pair, count in enumerate(counts):
            joined = values[2 * pair] + values[2 * pair + 1] * level[2 * pair]
            for _ in range(count):
                out.append(joined & 255)
                joined >>= 8
            following.append(joined)
        if len(values) % 2:
            following.append(values[-1])
        values = following
    rest, modulus = values[0], last[0]
    while modulus > 1:
        out.append(rest & 255)
        rest, modulus = rest >> 8, (modulus + 255) >> 8
    return bytes(out)


def _decode(data: bytes, moduli: tuple[int, ...]) -> list[int]:
    """The specification's Decode; values that no encoder makes are reduced."""
    *pairs, (last, _) = _levels(moduli)
    position = 0
    bottoms: list[list[int]] = []
    for _, counts in pairs:
        bottom: list[int] = []
        for count in counts:
            bottom.append(int.from_bytes(data[position : position + count], "little"))
            position += count
        bottoms.append(bottom)
    values = [int.from_bytes(data[position:], "little") % last[0]]
    for (level, counts), bottom in zip(reversed(pairs), reversed(bottoms), strict=True):
        out: list[int] = []
        for pair, count in enumerate(counts):
            joined = bottom[pair] + (values[pair] << 8 * count)
            high, low = divmod(joined, level[2 * pair])
            out += (low, high % level[2 * pair + 1])
        if len(level) % 2:
            out.append(values[-1])
        values = out
    return values
