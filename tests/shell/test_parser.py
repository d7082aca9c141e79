# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Commands become trees."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.shell.ast import (
    AndOr,
    Background,
    Case,
    For,
    Function,
    Group,
    If,
    Loop,
    Not,
    Pipeline,
    Redirected,
    Sequence,
    Simple,
    Subshell,
)
from mead.shell.parser import IncompleteError, Parser, ShellSyntaxError


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ls -l", Simple), ("a | b", Pipeline), ("! a", Not), ("a && b || c", AndOr), ("a &", Background), ("a; b", Sequence),
        ("{ a; }", Group), ("(a)", Subshell), ("if a; then b; elif c; then d; else e; fi", If), ("while a; do b; done", Loop),
        ("until a\ndo\nb\ndone", Loop), ("for i in a b; do c; done", For), ("for i; do c; done", For), ("case a in b|c) d;; *) e; esac", Case),
        ("f() { a; }", Function), ("function f { a; }", Function), ("{ a; } > f 2>&1", Redirected), ("a=b c=d", Simple), ("> f", Simple),
    ],
)  # fmt: skip
def test_a_command_is_recognised(text: str, kind: type) -> None:
    parser = Parser(text)
    assert type(parser.next_command()) is kind
    assert parser.next_command() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (")", 'syntax error: unexpected ")"'), ("a ) b", 'syntax error: unexpected ")"'), ("| a", 'syntax error: unexpected "|"'),
        ("a || || b", 'syntax error: unexpected "||"'), (";;", 'syntax error: unexpected ";;"'), ("fi", 'syntax error: unexpected "fi"'),
        ("if a; fi", 'syntax error: unexpected "fi" (expecting "then")'), ("for 1 in a; do b; done", "syntax error: bad for loop variable"),
        ("echo (a)", 'syntax error: unexpected word (expecting ")")'), ("a >", "syntax error: unexpected end of file"), ("a > ;", 'syntax error: unexpected ";"'),
    ],
)  # fmt: skip
def test_what_is_no_command_is_said_as_ash_says_it(text: str, message: str) -> None:
    with pytest.raises(ShellSyntaxError) as caught:
        Parser(text).next_command()
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "text",
    ["if a", "for i in", "while a; do", "{ a", "( a", "a &&", "a |", "case a", "f() {", "cat <<E\nx", "a \\"],
)
def test_what_goes_on_is_incomplete_and_can_be_read_again(text: str) -> None:
    parser = Parser(text, final=False)
    with pytest.raises(IncompleteError):
        parser.next_command()
    assert parser.position == 0


def test_commands_come_one_line_at_a_time() -> None:
    parser = Parser("a\n\n# comment\nb; c\n)\n")
    assert type(parser.next_command()) is Simple
    assert type(parser.next_command()) is Sequence
    with pytest.raises(ShellSyntaxError):
        parser.next_command()


def test_time_grows_with_the_length_only() -> None:
    def cost(count: int) -> float:
        text = "echo 'a' \"$b\" $(c) `d` <<E\nx $y\nE\n" * count
        begin = time.process_time()
        parser = Parser(text)
        while parser.next_command() is not None:
            pass
        return time.process_time() - begin

    cost(10)
    assert cost(2000) < 60 * max(cost(100), 0.001)


@given(st.text(alphabet="ab $`\"'\\(){}[]|&;<>\n#!=*?~-0", max_size=40), st.booleans())
def test_any_text_is_commands_or_an_error(text: str, final: bool) -> None:
    parser = Parser(text, final=final)
    try:
        while parser.next_command() is not None:
            pass
    except ShellSyntaxError:
        pass
