# SPDX-License-Identifier: Apache-2.0
"""Words, assignments, redirections, here-documents, aliases and what stands between them."""

from __future__ import annotations

import pytest

from mead.shell.ast import Document, Simple
from mead.shell.bashisms import BashParser
from mead.shell.parser import IncompleteError, Parser, ShellSyntaxError


def parsed(text: str) -> Simple:
    node = Parser(text).next_command()
    assert isinstance(node, Simple)
    return node


def test_assignments_words_and_redirections_are_told_apart() -> None:
    node = parsed("A=1 B=2 cmd x=y >out 2>>err <in")
    assert [(item.name, item.value.plain, item.append) for item in node.assignments] == [
        ("A", "1", False),
        ("B", "2", False),
    ]
    assert [word.plain for word in node.words] == ["cmd", "x=y"]
    assert [(item.fd, item.operator) for item in node.redirections] == [(1, ">"), (2, ">>"), (0, "<")]


def test_a_here_document_belongs_to_its_redirection() -> None:
    (entry,) = parsed("cat <<E\nline\nE\n").redirections
    assert isinstance(entry.target, Document)
    assert entry.target.body.plain == "line\n"


def test_a_here_document_without_its_end_is_taken_as_it_is_at_the_end() -> None:
    (entry,) = parsed("cat <<E\nline").redirections
    assert isinstance(entry.target, Document)
    assert entry.target.body.plain == "line"
    with pytest.raises(IncompleteError):
        Parser("cat <<E\nline", final=False).next_command()


def test_comments_and_carriage_returns_at_line_ends_are_blank() -> None:
    assert [word.plain for word in parsed("echo a#b # c\r\n").words] == ["echo", "a#b"]
    parser = Parser("a\r\nb\r\n")
    assert [word.plain for word in parser.next_command().words] == ["a"]  # type: ignore[union-attr]


def test_commands_know_their_lines() -> None:
    parser = Parser("a\n\nb\n")
    assert [parser.next_command().line, parser.next_command().line] == [1, 3]  # type: ignore[union-attr]


def test_an_alias_stands_for_its_text_once() -> None:
    node = Parser("ls ls", aliases={"ls": "ls -l "}).next_command()
    assert isinstance(node, Simple)
    assert [word.plain for word in node.words] == ["ls", "-l", "ls", "-l"]
    node = Parser("a x", aliases={"a": "b ", "b": "a c"}).next_command()
    assert isinstance(node, Simple)
    assert [word.plain for word in node.words] == ["a", "c", "x"]


def test_aliases_cannot_grow_without_end() -> None:
    parser = Parser("a\n" * 3_000, aliases={"a": "b b b b", "b": "c"})
    while parser.next_command() is not None:
        pass
    assert len(parser.text) < 30_000


def test_bash_adds_to_variables_and_knows_arrays() -> None:
    node = BashParser("A+=1 B=(x 'y z') C[2]=q", bash=True).next_command()
    assert isinstance(node, Simple)
    first, second, third = node.assignments
    assert (first.append, third.name) == (True, "C[2]")
    assert [word.plain for word in second.items or ()] == ["x", "y z"]


@pytest.mark.parametrize(("text", "line"), [("a\n\n)", 3), ("if a\n\n", 3), ("echo 'a\n\n", 3), ("f(\n", 2)])
def test_an_error_knows_its_line(text: str, line: int) -> None:
    with pytest.raises(ShellSyntaxError) as caught:
        list(iter(Parser(text).next_command, None))
    assert caught.value.line == line
