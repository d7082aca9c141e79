# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Commands as text again."""

from __future__ import annotations

import pytest

from mead.shell.parser import Parser
from mead.shell.shown import shown


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("sleep 100", "sleep 100"), ("a=b c | d && e || f", "a=b c | d && e || f"), ("{ a; b; }", "a; b"), ("(a)", "(a)"),
        ("while true; do a; done", "while true; do a; done"), ("a > f 2>&1", "a >f 2>&1"), ("echo $x $(y) $((1))", "echo ${x} $(...) $((...))"),
        ("if a; then b; fi", "if a; then b; fi"), ("! a", "! a"), ("f() { a; }", "f() { ... }"), ("for i in a; do b; done", "for i in ..."),
    ],
)  # fmt: skip
def test_a_command_is_shown(text: str, line: str) -> None:
    node = Parser(text).next_command()
    assert node is not None
    assert shown(node) == line


def test_deep_and_long_ones_are_cut() -> None:
    node = Parser("(" * 30 + "a" + ")" * 30).next_command()
    assert node is not None
    assert len(shown(node)) < 121
