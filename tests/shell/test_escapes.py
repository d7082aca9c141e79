# SPDX-License-Identifier: Apache-2.0
"""Backslash escapes of echo, printf and $'…'."""

from __future__ import annotations

import pytest

from mead.shell.escapes import ansi_c, echo_escapes, printf_escapes


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (r"\x41\x4", "A\x04"),
        (r"\0101\101", "AA"),
        (r"\n\t\\", "\n\t\\"),
        (r"\q\xg", r"\q\xg"),
        (r"\0", "\0"),
        ("\\", "\\"),
    ],
)
def test_echo_takes_both_octal_forms(text: str, result: str) -> None:
    assert echo_escapes(text) == (result, False)


def test_echo_ends_at_its_mark() -> None:
    assert echo_escapes(r"a\cb") == ("a", True)
    assert echo_escapes(r"a\\cb") == ("a\\cb", False)


def test_printf_and_quotes_take_three_digits() -> None:
    assert printf_escapes(r"\177ELF\1011") == "\x7fELFA1"
    assert ansi_c(r"it\'s\x41") == "it'sA"
