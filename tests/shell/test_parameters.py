# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Parameter forms."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from mead.shell.limits import Budget, LimitReachedError
from mead.shell.parameters import lower, recased, replaced, trimmed, upper
from mead.shell.patterns import compile_pattern


@pytest.mark.parametrize(
    ("value", "operator", "pattern", "result"),
    [
        ("/a/b.c", "##", "*/", "b.c"), ("/a/b.c", "#", "*/", "a/b.c"), ("b.c.d", "%", ".*", "b.c"), ("b.c.d", "%%", ".*", "b"),
        ("abab", "#", "a?", "ab"), ("abab", "%%", "[ab]*", ""), ("abc", "#", "x", "abc"), ("abc", "##", "a*b", "c"),
    ],
)  # fmt: skip
def test_ends_are_cut_off(value: str, operator: str, pattern: str, result: str) -> None:
    assert trimmed(value, compile_pattern(pattern), operator, Budget(1000)) == result


@pytest.mark.parametrize(
    ("value", "pattern", "text", "everywhere", "result"),
    [
        ("abcabc", "b", "X", False, "aXcabc"), ("abcabc", "b", "X", True, "aXcaXc"), ("abcabc", "[bc]", "", True, "aa"),
        ("abcabc", "b*", "X", False, "aX"), ("abcabc", "?c", "-", True, "a-a-"), ("abc", "", "X", True, "abc"),
    ],
)  # fmt: skip
def test_matches_are_replaced(value: str, pattern: str, text: str, everywhere: bool, result: str) -> None:
    assert (
        replaced(value, compile_pattern(pattern), text, Budget(1000), everywhere=everywhere, limit=100)
        == result
    )


def test_a_replacement_that_grows_is_stopped_before_it_is_made() -> None:
    with pytest.raises(LimitReachedError):
        replaced("a" * 1000, compile_pattern("a"), "b" * 1000, Budget(10**6), everywhere=True, limit=10_000)


def test_a_hostile_pattern_costs_no_more_than_the_budget(
    costs_less: Callable[[float], AbstractContextManager[None]],
) -> None:
    with costs_less(0.5), pytest.raises(LimitReachedError):
        trimmed("a" * 200_000, compile_pattern("*a*a*a*a*b"), "##", Budget(20_000))


def test_only_ascii_changes_case() -> None:
    assert (upper("a\xe4\xff"), lower("A\xc4")) == ("A\xe4\xff", "a\xc4")
    assert (
        recased("abc", "^", None),
        recased("abc", "^^", None),
        recased("ABC", ",", None),
        recased("ABC", ",,", None),
    ) == (
        "Abc",
        "ABC",
        "aBC",
        "abc",
    )
