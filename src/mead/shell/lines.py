# SPDX-License-Identifier: Apache-2.0
"""Typed lines as commands. Bots type the same lines at every sensor: their trees are kept."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from mead.shell.ast import Node
from mead.shell.bashisms import BashParser
from mead.shell.parser import Parser, ShellSyntaxError

__all__ = ["MAX_CACHED_LENGTH", "parsed", "remaining"]

MAX_CACHED_LENGTH: Final = 1_024
"""Longer texts are parsed each time, so that the cache stays small."""


@lru_cache(maxsize=2_048)
def parsed(text: str, *, bash: bool) -> tuple[Node, ...]:
    """The commands of a short complete text. Trees are immutable, so sessions may share them."""
    parser = (BashParser if bash else Parser)(text, final=False, bash=bash)
    nodes: list[Node] = []
    while (node := parser.next_command()) is not None:
        nodes.append(node)
    return tuple(nodes)


def remaining(parser: Parser) -> list[Node]:
    """The commands that are left, as far as they are any."""
    nodes: list[Node] = []
    try:
        while (node := parser.next_command()) is not None:
            nodes.append(node)
    except ShellSyntaxError:
        pass
    return nodes
