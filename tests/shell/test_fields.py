# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Splitting at IFS."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from mead.shell.fields import Fields
from mead.shell.limits import LimitReachedError


def split(text: str, separators: str) -> list[str]:
    fields = Fields(1 << 20)
    fields.add_split(text, separators)
    fields.end()
    return [field for field, _ in fields.done]


@pytest.mark.parametrize(
    ("text", "separators", "words"),
    [
        (" a  b ", " \t\n", ["a", "b"]), ("a:b::c", ":", ["a", "b", "", "c"]), (":a", ":", ["", "a"]), ("a:", ":", ["a"]),
        ("a : b:: c ", " :", ["a", "b", "", "c"]), ("a b", "", ["a b"]), ("", ":", []), ("a]b^c", "]^", ["a", "b", "c"]),
    ],
)  # fmt: skip
def test_text_is_split(text: str, separators: str, words: list[str]) -> None:
    assert split(text, separators) == words


def test_a_quoted_piece_makes_a_field_and_no_pattern() -> None:
    fields = Fields(100)
    fields.add("*", quoted=True)
    fields.add("?", quoted=False)
    fields.end()
    fields.add("", quoted=True)
    fields.end()
    assert fields.done == [("*?", "\\*?"), ("", None)]


def test_a_word_has_a_limit() -> None:
    with pytest.raises(LimitReachedError):
        Fields(3).add("abcd", quoted=True)


def test_the_cost_grows_with_the_length_only(
    costs_less: Callable[[float], AbstractContextManager[None]],
) -> None:
    with costs_less(1):
        split(": " * 200_000, " :")
