# SPDX-License-Identifier: Apache-2.0
"""Paths that match a pattern, in the order and the spelling of ash."""

from __future__ import annotations

import re

from mead.shell.fields import MAGIC
from mead.shell.limits import LimitReachedError
from mead.shell.machine import Machine
from mead.shell.patterns import compile_pattern, matches
from mead.shell.vfs import PathError

__all__ = ["glob"]


def glob(machine: Machine, pattern: str, cwd: str) -> list[str]:
    """Sorted paths that match; empty when none does. Each directory that is read is charged.

    Raises:
        LimitReachedError: too many match.
    """
    candidates = [""]
    for part in re.findall(r"/+|[^/]+", pattern):
        following: list[str] = []
        for prefix in candidates:
            machine.budget.charge()
            following.extend(_step(machine, prefix, part, cwd))
        candidates = following
        if len(candidates) > machine.limits.words:
            raise LimitReachedError("words", machine.limits.words, "words")
    return sorted(candidates)


def _step(machine: Machine, prefix: str, part: str, cwd: str) -> list[str]:
    if part[0] == "/":
        at_end = prefix == "" or machine.fs.is_directory(_at(prefix, cwd))
        return [prefix + part] if at_end else []
    if not MAGIC.search(part):
        path = prefix + re.sub(r"\\(.)", r"\1", part)
        return [path] if machine.fs.exists(_at(path, cwd), follow=False) else []
    try:
        names = machine.fs.names(_at(prefix or ".", cwd))
    except PathError:
        return []
    machine.budget.charge(1 + len(names) // 8)
    compiled = compile_pattern(part)
    if part.startswith("."):
        names = [".", "..", *names]
        return [prefix + name for name in names if name[0] == "." and matches(compiled, name)]
    return [prefix + name for name in names if name[0] != "." and matches(compiled, name)]


def _at(path: str, cwd: str) -> str:
    return path if path.startswith("/") else f"{cwd}/{path}"
