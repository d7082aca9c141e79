# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Regular expressions without a trap."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mead.shell.limits import Budget, LimitReachedError
from mead.shell.regex import Regex, RegexError


def regex(pattern: str, *, extended: bool = True, steps: int = 100_000, ignore_case: bool = False) -> Regex:
    return Regex(pattern, extended=extended, budget=Budget(steps), ignore_case=ignore_case)


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("b+", "abbc", "bb"), ("^a", "ba", None), ("c$", "abc", "c"), ("[0-9]{2,3}", "a1234", "123"), ("(ab)+", "ababa", "abab"),
        ("a|b|cd", "xcd", "cd"), ("a?b", "b", "b"), (r"\bfoo\b", "a foo b", "foo"), (r"\w+", "..ab_1", "ab_1"), ("[[:alpha:]]+", "12ab", "ab"),
        ("a{2}", "aaa", "aa"), ("", "abc", ""), (".*", "ab", "ab"), (r"\.", "a.b", "."), ("x*y", "xxy", "xxy"),
    ],
)  # fmt: skip
def test_a_pattern_finds_the_leftmost_match(pattern: str, text: str, found: str | None) -> None:
    match = regex(pattern).search(text)
    assert (match.group(0) if match else None) == found


def test_basic_expressions_have_their_operators_escaped() -> None:
    assert regex("a+", extended=False).search("aa+").group(0) == "a+"  # type: ignore[union-attr]
    match = regex(r"\(a*\)b\{2\}", extended=False).search("xaabb")
    assert match is not None
    assert (match.group(0), match.group(1), match.group(7)) == ("aabb", "aa", None)


def test_case_can_be_ignored() -> None:
    assert regex("ABC[d]", ignore_case=True).search("xabcD") is not None


@pytest.mark.parametrize("pattern", ["(", "a)", "[a", "a\\", "(" * 60 + ")" * 60, "(a{200}){200}"])
def test_what_is_no_pattern_is_said(pattern: str) -> None:
    with pytest.raises(RegexError):
        regex(pattern)


@pytest.mark.parametrize("pattern", ["(a+)+$b", "(a|a)*c", "(a*)*b", "a*a*a*a*a*a*b", "(.*)(.*)(.*)(.*)x$"])
def test_a_hostile_pattern_costs_no_more_than_the_budget(
    pattern: str, costs_less: Callable[[float], AbstractContextManager[None]]
) -> None:
    with costs_less(1), suppress(LimitReachedError):
        assert regex(pattern, steps=20_000).search("a" * 3_000) is None


@given(st.text(alphabet="ab|()*+?^$.", max_size=8), st.text(alphabet="ab", max_size=8))
def test_matches_agree_with_pythons(pattern: str, text: str) -> None:
    assume(not re.search(r"[*+?(][*+?]", pattern))  # Python has lazy, possessive and flags there
    try:
        ours = regex(pattern)
    except RegexError:
        return
    try:
        theirs = re.compile(pattern)
    except re.error:
        return
    found, expected = ours.search(text), theirs.search(text)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.start == expected.start()
