# SPDX-License-Identifier: Apache-2.0
"""One registry for services, analysers, guests and exporters.

Built-ins are an explicit, ordered tuple that can be found with grep; others come from entry points
(`mead.services`, `mead.analysers`, …). An entry whose dependency is missing stays listed, with the
command that would make it available.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from mead.errors import ConfigError, MissingTool

__all__ = ["Entry", "Registry"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """One named thing: where it lives, what it does, which extra it needs."""

    name: str
    target: str
    """`package.module:attribute`, imported only when the entry is loaded."""
    summary: str
    needs: str = ""
    """The extra (`static`) or the program that must be there; empty when nothing is needed."""


class Registry(Generic[T]):
    """Names to lazily imported objects of one kind."""

    def __init__(self, kind: str, builtin: tuple[Entry, ...], *, group: str) -> None:
        self.kind = kind
        self._entries = {entry.name: entry for entry in builtin}
        self._group = group
        self._discovered = False

    def entries(self) -> Iterator[Entry]:
        """All entries: built-ins in their order, then those of entry points."""
        self._discover()
        yield from self._entries.values()

    def load(self, name: str) -> T:
        """Import and return the object called `name`.

        Raises:
            ConfigError: there is no such entry; the message names the nearest one.
            MissingTool: the entry's dependency is not installed.
        """
        self._discover()
        entry = self._entries.get(name)
        if entry is None:
            near = get_close_matches(name, self._entries, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(self._entries)}"
            raise ConfigError(f"no {self.kind} is called {name!r}{hint}")
        module, _, attribute = entry.target.partition(":")
        try:
            loaded = cast("Callable[[], T] | T", getattr(import_module(module), attribute))
        except ImportError as error:
            need = f"mead-deck[{entry.needs}]" if entry.needs else error.name or "a dependency"
            message = f"{self.kind} {name} is unavailable: pip install '{need}' ({error})"
            raise MissingTool(message) from error
        return cast("T", loaded)

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        for point in entry_points(group=self._group):
            self._entries.setdefault(point.name, Entry(point.name, point.value, "plugin"))
