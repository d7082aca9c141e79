# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Shell patterns."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.shell.patterns import compile_pattern, escape, matches


@pytest.mark.parametrize(
    ("pattern", "text", "result"),
    [
        ("a*c", "abc", True), ("a?c", "abc", True), ("[a-c]x", "bx", True), ("[!a-c]x", "bx", False), ("[^a]", "b", True), ("[]]", "]", True),
        ("[a", "[a", True), ("\\*", "*", True), ("\\*", "a", False), ("*", "", True), ("**b", "aab", True), ("[[:digit:]]", "5", True), ("[a-]", "-", True),
        ("", "", True), ("?", "", False),
    ],
)  # fmt: skip
def test_a_pattern_matches(pattern: str, text: str, result: bool) -> None:
    assert matches(compile_pattern(pattern), text) is result


@given(st.text(alphabet="ab*?", max_size=8), st.text(alphabet="ab", max_size=8))
def test_patterns_mean_what_fnmatch_means(pattern: str, text: str) -> None:
    assert matches(compile_pattern(pattern), text) is fnmatchcase(text, pattern)


@given(st.text(alphabet="ab*?[]\\!-", max_size=12))
def test_an_escaped_text_matches_itself(text: str) -> None:
    assert matches(compile_pattern(escape(text)), text)


def test_a_hostile_pattern_costs_no_more_than_length_times_length(
    costs_less: Callable[[float], AbstractContextManager[None]],
) -> None:
    with costs_less(1):
        assert not matches(compile_pattern("*a" * 50 + "*b"), "a" * 5_000)
