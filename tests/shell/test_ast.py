# SPDX-License-Identifier: Apache-2.0
"""Text of the shell: one character per byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mead.shell.ast import decode, encode


@given(st.binary())
def test_bytes_survive_as_text(data: bytes) -> None:
    assert encode(decode(data)) == data
