# SPDX-License-Identifier: Apache-2.0
"""Fields off the front of a message."""

from __future__ import annotations

import pytest

from mead.wire.cursor import Cursor, ShortError


def test_fields_come_in_order() -> None:
    cursor = Cursor(b"\x01\x00\x02abz")
    assert (cursor.number(1), cursor.block(2), cursor.left, cursor.position) == (1, b"ab", 1, 5)


def test_a_field_that_is_not_there() -> None:
    with pytest.raises(ShortError):
        Cursor(b"\x00\x05abc").block(2)
