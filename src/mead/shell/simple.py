# SPDX-License-Identifier: Apache-2.0
"""Simple commands: their words, assignments and redirections, in the order in which ash takes them.

**Source:** POSIX.1-2017, Shell Command Language §2.9.1; the trace of `set -x` observed from BusyBox ash 1.35.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mead.shell.applets import ASSIGNING, SPECIAL
from mead.shell.arrays import parted, set_all, set_element
from mead.shell.ast import Assignment, Simple, Word
from mead.shell.control import FaultError
from mead.shell.expand import ExpansionError
from mead.shell.limits import LimitReachedError
from mead.shell.process import Process
from mead.shell.redirect import redirect
from mead.shell.variables import traced

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["run_simple"]


def run_simple(shell: Interpreter, node: Simple, process: Process) -> int:
    """Run a simple command and return its status.

    Raises:
        FaultError: one of its words cannot be expanded.
    """
    shell.machine.budget.charge()
    process.line = node.line
    process.substituted = None
    try:
        argv = _words(shell, node.words, process)
        if process.options and "x" in process.options:
            _trace(shell, node, argv, process)
        if not node.redirections:
            return _command(shell, node, argv, process)
        return _with_streams(shell, node, argv, process)
    except ExpansionError as error:
        process.complain(str(error))
        raise FaultError(1 if process.bash else 2) from None


def _words(shell: Interpreter, words: tuple[Word, ...], process: Process) -> list[str]:
    """The words of a command; what follows `export` and looks like an assignment is not split."""
    if not words or words[0].plain not in ASSIGNING:
        return shell.expander.words(words, process)
    argv = [words[0].plain]
    for word in words[1:]:
        if word.assigns:
            argv.append(shell.expander.text(word, process, assigned=True))
        else:
            argv.extend(shell.expander.words((word,), process))
    return argv


def _trace(shell: Interpreter, node: Simple, argv: list[str], process: Process) -> None:
    shown = [
        f"{entry.name}={traced(shell.expander.text(entry.value, process))}" for entry in node.assignments
    ]
    shown += map(traced, argv)
    if shown:
        mark = process.variables.get("PS4", "+ ")
        process.stderr.write(f"{mark}{' '.join(shown)}\n".encode("latin-1", "replace"))


def _with_streams(shell: Interpreter, node: Simple, argv: list[str], process: Process) -> int:
    streams = process.stdin, process.stdout, process.stderr
    kept = argv[:1] == ["exec"] and len(argv) == 1
    fds = process.fds
    process.fds = dict(fds)
    try:
        if not redirect(shell, node.redirections, process, argv):
            shell.machine.ran(argv, 1, process.depth)
            if argv and argv[0] in SPECIAL and not process.bash:
                raise FaultError(1)
            return 1
        return _command(shell, node, argv, process)
    finally:
        if not kept:
            process.stdin, process.stdout, process.stderr = streams
            process.fds = fds


def _command(shell: Interpreter, node: Simple, argv: list[str], process: Process) -> int:
    if not argv:
        for assignment in node.assignments:
            _assign(shell, assignment, process)
        return process.substituted or 0
    status = _with_variables(shell, node.assignments, argv, process)
    process.statuses = ()
    if process.bash:
        process.variables["_"] = argv[-1]
    shell.machine.ran(argv, status, process.depth)
    return status


def _assign(shell: Interpreter, assignment: Assignment, process: Process) -> None:
    name = assignment.name
    if assignment.items is not None:
        values = shell.expander.words(assignment.items, process)
        set_all(process, name, values, append=assignment.append)
        return
    value = shell.expander.text(assignment.value, process, assigned=True)
    if (reference := parted(name)) is not None:
        array, subscript = reference
        key = shell.expander.key(array, subscript, process)
        set_element(process, array, key, value, append=assignment.append)
        return
    if assignment.append and name not in process.integers:
        value = process.variables.get(name, "") + value
        if len(value) > shell.machine.limits.word_bytes:
            raise LimitReachedError("word_bytes", shell.machine.limits.word_bytes, "bytes")
    if name in process.integers:
        before = f"{process.variables.get(name, '0')}+" if assignment.append else ""
        value = str(shell.expander.calculate(f"{before}({value or 0})", process))
    if name in process.arrays:
        set_element(process, name, "0", value)
        return
    process.assign(name, value)


def _with_variables(
    shell: Interpreter, assignments: tuple[Assignment, ...], argv: list[str], process: Process
) -> int:
    if not assignments:
        return shell.invoke(argv, process)
    if argv[0] in ASSIGNING and any(assignment.items is not None for assignment in assignments):
        status = shell.invoke(argv, process)
        for assignment in assignments:
            _assign(shell, assignment, process)
        return status
    names = [assignment.name for assignment in assignments]
    saved = {name: process.variables.get(name) for name in names}
    exported = set(process.exported)
    for assignment in assignments:
        _assign(shell, assignment, process)
    process.exported.update(names)
    try:
        return shell.invoke(argv, process)
    finally:
        if argv[0] not in SPECIAL or process.bash:
            process.restore(saved)
            process.exported = exported
