# SPDX-License-Identifier: Apache-2.0
"""Directories that are made when somebody looks into them: most sessions never do."""

from __future__ import annotations

from collections.abc import Callable

from mead.shell.nodes import Node

__all__ = ["Unseen"]


class Unseen(Node):
    """A directory whose content `make` gives at the first look."""

    __slots__ = ("_made", "_make")

    def __init__(self, mode: int, make: Callable[[], dict[str, Node]]) -> None:
        self._make = make
        super().__init__("dir", mode)
        self._made: dict[str, Node] | None = None

    @property
    def children(self) -> dict[str, Node]:
        """What is in it."""
        if self._made is None:
            self._made = self._make()
        return self._made

    @children.setter
    def children(self, children: dict[str, Node]) -> None:
        self._made = children
