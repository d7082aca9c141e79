# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""What bash reads and ash does not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from mead.shell import Shell
from mead.shell.ast import Literal
from mead.shell.bashisms import BashParser, braces

COMPARED = ("bash",)


@pytest.mark.tool("bash")
def test_a_script_does_what_it_does_in_bash(compared: str, same_as_bash: Callable[[str], None]) -> None:
    same_as_bash(compared)


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("[[ abc == a* && ! -e /nosuch ]] && echo yes", "yes\n"),
        ('x="a b"; [[ $x == "a b" ]] && echo yes; [[ $x == "a*" ]] || echo no', "yes\nno\n"),
        ("[[ a1b =~ ^a([0-9])b$ ]] && echo yes; [[ -z $nosuch || x > y ]] && echo yes", "yes\nyes\n"),
        ("((x = 3 * 4)); echo $x; ((0)) || echo no", "12\nno\n"),
        ("for ((i = 0; i < 3; i++)); do echo $i; done", "0\n1\n2\n"),
        ("for ((i=9;;)); do ((i--)); [ $i = 5 ] && break; done; echo $i", "5\n"),
        ("ls /nosuch |& wc -l", "1\n"),
        ("case a in a) echo 1 ;& b) echo 2 ;;& *) echo 3;; esac", "1\n2\n3\n"),
        ("a-b() { echo dash; }; function c.d { echo dot; }; a-b; c.d", "dash\ndot\n"),
        ("echo )", "-bash: syntax error near unexpected token `)'\n"),
        ("if true; fi", "-bash: syntax error near unexpected token `fi'\n"),
    ],
)
def test_a_line_of_bash(server: Shell, line: str, output: str) -> None:
    assert server.run(line.encode()).output == output.encode()


def shown(text: str) -> list[str]:
    return ["".join(part.text for part in parts) for parts in braces((Literal(text, quoted=False),))]  # type: ignore[union-attr]  # only text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a{b,c}d", ["abd", "acd"]), ("{1..4}", ["1", "2", "3", "4"]), ("{a..c}", ["a", "b", "c"]), ("{3..1}", ["3", "2", "1"]),
        ("{0..10..5}", ["0", "5", "10"]), ("{a,{b,c}}", ["a", "b", "c"]), ("{a}", ["{a}"]), ("{a,b", ["{a,b"]), ("{,}", ["", ""]),
        ("{1..a}", ["{1..a}"]), ("x{a,b}{c,d}", ["xac", "xad", "xbc", "xbd"]),
    ],
)  # fmt: skip
def test_braces_make_words(text: str, words: list[str]) -> None:
    assert shown(text) == words


@pytest.mark.parametrize(
    "text", ["{a,b}" * 40, "{1..999999999}", "{" * 5_000, "{a," * 500 + "}" * 500, "{,}" * 300]
)
def test_braces_cannot_be_made_to_cost(
    text: str, costs_less: Callable[[float], AbstractContextManager[None]]
) -> None:
    with costs_less(1):
        assert len(braces((Literal(text, quoted=False),))) <= 4_096


@pytest.mark.parametrize("text", ["((", "for ((i=0;", "[[ a", "a=(b"])
def test_what_goes_on_is_incomplete(text: str) -> None:
    from mead.shell.parser import IncompleteError

    with pytest.raises(IncompleteError):
        BashParser(text, final=False, bash=True).next_command()
