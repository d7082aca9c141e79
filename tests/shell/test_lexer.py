# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Words and their quotes."""

from __future__ import annotations

import pytest

from mead.shell.ast import Arithmetic, Literal, Parameter, ProcessSubstitution, Substitution
from mead.shell.bashisms import BashParser
from mead.shell.lexer import IncompleteError, ShellSyntaxError
from mead.shell.limits import LimitReachedError
from mead.shell.parser import Parser


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("abc", "abc"), ("'a b'", "a b"), ('"a b"', "a b"), (r"a\ b", "a b"), (r"'a\b'", r"a\b"), (r'"a\b\""', r'a\b"'),
        ("a'b'\"c\"", "abc"), ("a\\\nb", "ab"), ("'*'", "*"), ("*", None), ("~", None), ("$x", None), ('""', ""), ("$'\\x41'", "A"),
        ("a#b", "a#b"), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_a_word_without_expansions_is_plain(text: str, plain: str | None) -> None:
    assert Parser(text).word().plain == plain


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("$x", Parameter), ("${x:-y}", Parameter), ("${#x}", Parameter), ("$?", Parameter), ("$(ls)", Substitution), ("`ls`", Substitution),
        ("$((1+2))", Arithmetic), ("$", Literal), ("$%", Literal),
    ],
)  # fmt: skip
def test_an_expansion_is_recognised(text: str, kind: type) -> None:
    assert type(Parser(text).word().parts[0]) is kind


def test_bash_reads_more() -> None:
    assert type(BashParser("<(ls)", bash=True).word().parts[0]) is ProcessSubstitution
    with pytest.raises(ShellSyntaxError):
        Parser("cat <(ls)").next_command()
    with pytest.raises(ShellSyntaxError):
        Parser("${x^^}").word()
    assert type(BashParser("${x^^}", bash=True).word().parts[0]) is Parameter


@pytest.mark.parametrize("text", ["'a", '"a', "`a", "$(a", "${a", "$((1", "$'a", "${a:-b"])
def test_a_word_that_does_not_end_is_incomplete(text: str) -> None:
    with pytest.raises(IncompleteError):
        Parser(text).word()


@pytest.mark.parametrize("text", ["${}", "${a b}", "${%}"])
def test_what_is_no_word_is_an_error(text: str) -> None:
    with pytest.raises(ShellSyntaxError):
        Parser(text).word()


def test_what_is_nested_too_deeply_reaches_a_limit() -> None:
    with pytest.raises(LimitReachedError):
        Parser("$(" * 100).word()
