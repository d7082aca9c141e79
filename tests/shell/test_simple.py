# SPDX-License-Identifier: Apache-2.0
"""Simple commands and what stands between them."""

from __future__ import annotations

import pytest

from mead.shell.ast import Document, Simple
from mead.shell.parser import IncompleteError, Parser


def parsed(text: str) -> Simple:
    node = Parser(text).next_command()
    assert isinstance(node, Simple)
    return node


def test_assignments_words_and_redirections_are_told_apart() -> None:
    node = parsed("A=1 B+=2 cmd x=y >out 2>>err <in")
    assert [(item.name, item.value.plain, item.append) for item in node.assignments] == [
        ("A", "1", False),
        ("B", "2", True),
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
    assert entry.target.body.plain == "line\n"
    with pytest.raises(IncompleteError):
        Parser("cat <<E\nline", final=False).next_command()


def test_comments_and_carriage_returns_at_line_ends_are_blank() -> None:
    assert [word.plain for word in parsed("echo a#b # c\r\n").words] == ["echo", "a#b"]
    parser = Parser("a\r\nb\r\n")
    assert [word.plain for word in parser.next_command().words] == ["a"]  # type: ignore[union-attr]


def test_commands_know_their_lines() -> None:
    parser = Parser("a\n\nb\n")
    assert [parser.next_command().line, parser.next_command().line] == [1, 3]  # type: ignore[union-attr]
