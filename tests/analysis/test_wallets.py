# SPDX-License-Identifier: Apache-2.0
"""Wallets against published examples; one letter changed is none."""

from __future__ import annotations

import pytest

from mead.analysis.wallets import PATTERN, coin_of

WALLETS = [
    ("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "bitcoin"),
    ("3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy", "bitcoin"),
    ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bitcoin"),
    ("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0", "bitcoin"),
    ("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "ethereum"),
    ("0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359", "ethereum"),
    (
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",
        "monero",
    ),
]
"""From BIP 350, EIP-55, and the donation address that the Monero project publishes."""


@pytest.mark.parametrize(("text", "coin"), WALLETS)
def test_a_published_wallet_is_known(text: str, coin: str) -> None:
    match = PATTERN.search(f"pay {text} now".encode())
    assert match is not None
    assert coin_of(match) == coin


@pytest.mark.parametrize(("text", "coin"), WALLETS)
def test_a_changed_letter_is_no_wallet(text: str, coin: str) -> None:
    at = len(text) - 7
    changed = text[:at] + ("q" if text[at].lower() != "q" else "p") + text[at + 1 :]
    if coin == "ethereum":
        changed = text[:2] + text[2:].swapcase()
    match = PATTERN.search(f"pay {changed} now".encode())
    assert match is None or coin_of(match) is None


def test_an_address_of_ethereum_without_checksum_is_taken_unless_it_is_a_constant() -> None:
    for text, coin in (
        (b"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", "ethereum"),
        (b"0x" + b"00ff" * 10, None),
    ):
        match = PATTERN.search(text)
        assert match is not None
        assert coin_of(match) == coin
