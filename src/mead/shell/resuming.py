# SPDX-License-Identifier: Apache-2.0
"""Running again what waited for a body, among the files that it had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mead.shell.machine import Deferred
from mead.shell.nodes import Node, directory
from mead.shell.shadow import unseen
from mead.shell.tree import Tree

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter
    from mead.shell.process import Process

__all__ = ["resume"]


def resume(shell: Interpreter, entry: Deferred) -> None:
    """Run a command that waited; one that was done unseen is done so again. O(files)."""
    fs = shell.machine.fs
    if entry.unseen:
        files = fs.snapshot()
        fs.restore(entry.files)
        try:
            unseen(shell, entry.process, lambda copy: _run(shell, entry, copy))
        finally:
            fs.restore(files)
        return
    lent = [top for path, node in _waiting(entry) if (top := _lend(shell, path, node)) is not None]
    try:
        _run(shell, entry, entry.process)
    finally:
        for path in lent:
            node = fs.node(path) if fs.exists(path) else None
            if node is not None and (node.kind == "dir" or node.waits in entry.urls):
                fs.uninstall(path)


def _run(shell: Interpreter, entry: Deferred, process: Process) -> int:
    """The command, where `cd` would have led by now, and what follows it if it succeeds.

    What follows did not run before: what it does is noted.
    """
    if process.bound_for and shell.machine.fs.is_directory(process.bound_for):
        process.cwd = process.variables["PWD"] = process.bound_for
        process.bound_for = ""
    status = shell.run(entry.command, process)
    if entry.then is None or status:
        return status
    shell.machine.resume(process.depth - 1)
    return shell.run(entry.then, process)


def _waiting(entry: Deferred) -> Iterator[tuple[str, Node]]:
    """Files that were to hold the bodies when the command was first run."""
    tree = Tree(entry.files[0], ())
    return ((path, node) for path, node in tree.walk("/") if node.waits in entry.urls)


def _lend(shell: Interpreter, path: str, node: Node) -> str | None:
    """Put back a file that was removed since (`sh s; rm s`); the first part of its path that was missing."""
    fs = shell.machine.fs
    parts = path.split("/")[1:]
    ancestors = ["/" + "/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    missing = [each for each in ancestors if not fs.exists(each, follow=False)]
    if not missing or not fs.is_directory(missing[0].rpartition("/")[0] or "/"):
        return None
    for each in missing[:-1]:
        fs.install(each, directory())
    fs.install(path, replace(node, data=bytearray(node.content())))
    return missing[0]
