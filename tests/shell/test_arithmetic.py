# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Arithmetic: the values of C, the complaints of ash."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.shell.arithmetic import ArithmeticFault, evaluate
from mead.shell.limits import LimitReachedError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0), ("1+2*3", 7), ("(1+2)*3", 9), ("-7/2", -3), ("-7%3", -1), ("010", 8), ("0x1F", 31), ("2**10", 1024),
        ("1<<4|1", 17), ("5>3&&2<1", 0), ("!0", 1), ("~0", -1), ("1?2:3", 2), ("x=5,x*2", 10), ("y+=3", 3),
        ("9223372036854775807+1", -(1 << 63)), ("1<<65", 2),
    ],
)  # fmt: skip
def test_an_expression_has_the_value_of_c(text: str, value: int) -> None:
    assert evaluate(text, {}) == value


def test_assignments_go_into_the_variables() -> None:
    variables = {"a": "3"}
    assert evaluate("b = a++ + ++a", variables) == 8
    assert variables == {"a": "5", "b": "8"}


@pytest.mark.parametrize("text", ["1/0", "1%0", "1+", "(1", "1 2", "$", "08", "x", "2**-1"])
def test_what_cannot_be_evaluated_is_a_fault(text: str) -> None:
    with pytest.raises(ArithmeticFault):
        evaluate(text, {"x": "no number"})


@pytest.mark.parametrize("text", ["(" * 200, "-" * 500 + "1", "1+" * 3_000 + "1", "a"])
def test_what_is_too_much_reaches_a_limit(text: str) -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    variables = {name: f"{after}+{after}" for name, after in itertools.pairwise(names)} | {"z": "1"}
    with pytest.raises(LimitReachedError):
        evaluate(text, variables)


def test_variables_hold_expressions() -> None:
    assert evaluate("a*2", {"a": "b+1", "b": "16#f"}) == 32
    assert evaluate("1--1", {}) == 2
    with pytest.raises(ArithmeticFault, match="loop"):
        evaluate("a", {"a": "b", "b": "a"})


@given(st.text(alphabet="0123456789abx+-*/%<>=!&|^~?:(), ", max_size=60))
def test_any_text_has_a_value_or_a_fault(text: str) -> None:
    with suppress(ArithmeticFault, LimitReachedError):
        assert -(1 << 63) <= evaluate(text, {}) < 1 << 63
