# SPDX-License-Identifier: Apache-2.0
"""Digests are written in one way."""

from __future__ import annotations

import pytest

from mead.model.artifact import is_sha256


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("0123456789abcdef" * 4, True),
        ("0123456789ABCDEF" * 4, False),
        ("0" * 63, False),
        ("0" * 65, False),
        ("0" * 64 + "\n", False),
        ("*", False),
        ("", False),
    ],
)
def test_a_digest_is_64_hex_digits_in_lower_case(text: str, digest: bool) -> None:
    assert is_sha256(text) is digest
