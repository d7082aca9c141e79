# SPDX-License-Identifier: Apache-2.0
"""Typed lines as commands."""

from __future__ import annotations

from mead.shell.ast import Simple
from mead.shell.lines import parsed, remaining
from mead.shell.parser import Parser


def test_the_same_line_is_parsed_once() -> None:
    assert parsed("echo a; echo b\n", bash=False) is parsed("echo a; echo b\n", bash=False)
    assert len(parsed("echo a\necho b\n", bash=False)) == 2


def test_what_is_left_ends_at_the_first_error() -> None:
    nodes = remaining(Parser("echo a\necho b\n)\necho c\n"))
    assert [type(node) for node in nodes] == [Simple, Simple]
