# SPDX-License-Identifier: Apache-2.0
"""Places in UTF-16 and in base64 are found, whatever stands before them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.analysis.encodings import base64_texts, wide_texts

URL = b"http://203.0.113.9/payload.sh"


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("wide", [False, True])
def test_base64_in_every_alignment(before: int, *, wide: bool) -> None:
    letters = "utf-16-le" if wide else "ascii"
    inner = b"x" * before + URL.decode().encode(letters)
    ((offset, text),) = base64_texts(b'run("' + base64.b64encode(inner) + b'")')
    assert offset == 5
    assert URL in text


def test_letters_before_the_encoded_part_do_not_hide_it() -> None:
    for shift in range(4):
        run = b"A" * shift + base64.b64encode(b"x " + URL)
        assert any(URL in text for _, text in base64_texts(run))


def test_other_base64_is_left_alone() -> None:
    assert not list(base64_texts(base64.b64encode(bytes(range(256)) * 50)))


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_wide_text(order: str) -> None:
    ((offset, text),) = wide_texts(b"\x01\x02" + URL.decode().encode(order) + b"\xff\xff")
    assert text == URL
    assert offset in {2, 3}


@given(st.binary(max_size=3000))
def test_any_bytes(data: bytes) -> None:
    for _, text in [*base64_texts(data), *wide_texts(data)]:
        assert isinstance(text, bytes)
