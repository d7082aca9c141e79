# SPDX-License-Identifier: Apache-2.0
"""Compound commands: lists, pipelines, conditions, loops, functions.

**Source:** POSIX.1-2017, Shell Command Language §2.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mead.shell.ast import (
    AndOr,
    Background,
    Case,
    For,
    Function,
    Group,
    If,
    Loop,
    Node,
    Not,
    Pipeline,
    Redirected,
    Sequence,
    Subshell,
)  # fmt: skip
from mead.shell.control import BreakLoopError, ContinueLoopError, ExitShellError
from mead.shell.limits import LimitReachedError
from mead.shell.patterns import compile_pattern, matches
from mead.shell.process import Process
from mead.shell.redirect import redirect
from mead.shell.streams import Buffer, EndlessError, Source

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["HANDLERS", "and_or", "check_errors", "stage"]


def check_errors(command: Node, status: int, process: Process) -> None:
    """Leave the shell when a command failed and `set -e` says so."""
    if status and "e" in process.options and not isinstance(command, (AndOr, Not, If, Loop, Background)):
        raise ExitShellError(status)


def _sequence(shell: Interpreter, node: Sequence, process: Process) -> int:
    status = 0
    for command in node.commands:
        status = shell.run(command, process)
        check_errors(command, status, process)
    return status


def _and_or(shell: Interpreter, node: AndOr, process: Process) -> int:
    return and_or(shell, node, process, shell.run)


def and_or(shell: Interpreter, node: AndOr, process: Process, run: Callable[[Node, Process], int]) -> int:
    """Evaluate `&&` and `||`, and remember what only a successful download made unnecessary."""
    mark = len(shell.machine.offers)
    status = run(node.first, process)
    for index, (operator, command) in enumerate(node.rest):
        if (operator == "&&") == (status == 0):
            status = run(command, process)
        elif operator == "||" and len(shell.machine.offers) > mark:
            _alternative(shell, AndOr(command, node.rest[index + 1 :]), process, mark)
    return status


def _alternative(shell: Interpreter, node: Node, process: Process, mark: int) -> None:
    shell.machine.defer(node, process, set(shell.machine.offers[mark:]), after_failure=True)


def _not(shell: Interpreter, node: Not, process: Process) -> int:
    return int(shell.run(node.command, process) == 0)


def _background(shell: Interpreter, node: Background, process: Process) -> int:
    copy = shell.child(process)
    if copy.stdin.interactive:
        copy.stdin = Source()
    process.background = shell.machine.next_pid()
    try:
        shell.contained(node.command, copy)
    except EndlessError:
        shell.machine.limit(LimitReachedError("endless_output", 1, "commands"))
    return 0


def _group(shell: Interpreter, node: Group, process: Process) -> int:
    return shell.run(node.body, process)


def _subshell(shell: Interpreter, node: Subshell, process: Process) -> int:
    return shell.contained(node.body, shell.child(process))


def _if(shell: Interpreter, node: If, process: Process) -> int:
    for index, (condition, body) in enumerate(node.branches):
        mark = len(shell.machine.offers)
        if shell.run(condition, process) == 0:
            others = node.branches[index + 1 :]
            rest = If(others, node.otherwise) if others else node.otherwise
            if rest is not None and len(shell.machine.offers) > mark:
                _alternative(shell, rest, process, mark)
            return shell.run(body, process)
    return 0 if node.otherwise is None else shell.run(node.otherwise, process)


def _loop(shell: Interpreter, node: Loop, process: Process) -> int:
    status = 0
    while True:
        shell.machine.budget.charge()
        if (shell.run(node.condition, process) == 0) == node.until:
            return status
        goes_on, status = _turn(shell, node.body, process)
        if not goes_on:
            return status


def _for(shell: Interpreter, node: For, process: Process) -> int:
    words = process.arguments if node.words is None else shell.expander.words(node.words, process)
    status = 0
    for word in words:
        shell.machine.budget.charge()
        process.variables[node.name] = word
        goes_on, status = _turn(shell, node.body, process)
        if not goes_on:
            break
    return status


def _turn(shell: Interpreter, body: Node, process: Process) -> tuple[bool, int]:
    """One turn of a loop: whether it goes on, and the status."""
    process.in_loop += 1
    try:
        return True, shell.run(body, process)
    except BreakLoopError as error:
        if error.levels > 1 and process.in_loop > 1:
            raise BreakLoopError(error.levels - 1) from None
        return False, 0
    except ContinueLoopError as error:
        if error.levels > 1 and process.in_loop > 1:
            raise ContinueLoopError(error.levels - 1) from None
        return True, 0
    finally:
        process.in_loop -= 1


def _case(shell: Interpreter, node: Case, process: Process) -> int:
    subject = shell.expander.text(node.subject, process)
    for patterns, body in node.branches:
        for pattern in patterns:
            shell.machine.budget.charge_bytes(len(subject))
            if matches(compile_pattern(shell.expander.pattern(pattern, process)), subject):
                return shell.run(body, process)
    return 0


def _function(shell: Interpreter, node: Function, process: Process) -> int:
    del shell
    process.functions[node.name] = node.body
    return 0


def _pipeline(shell: Interpreter, node: Pipeline, process: Process) -> int:
    status = 0
    source = process.stdin
    last = len(node.commands) - 1
    for index, command in enumerate(node.commands):
        copy = shell.child(process)
        copy.stdin = source
        pipe = Buffer("pipe_bytes", shell.machine.limits.pipe_bytes)
        if index < last:
            copy.stdout = pipe
        status = stage(shell, command, copy)
        source = Source(bytes(pipe.data), pipe.waits)
    return status


def stage(shell: Interpreter, command: Node, process: Process) -> int:
    """Run one command of a pipeline, or of a substitution, in its subshell environment."""
    try:
        return shell.contained(command, process)
    except EndlessError:
        shell.machine.limit(LimitReachedError("endless_output", 1, "commands"))
    except LimitReachedError as error:
        if error.name != "pipe_bytes":
            raise
        shell.machine.limit(error)
    return 141


def _redirected(shell: Interpreter, node: Redirected, process: Process) -> int:
    streams = process.stdin, process.stdout, process.stderr
    try:
        if not redirect(shell, node.redirections, process):
            return 1
        return shell.run(node.command, process)
    finally:
        process.stdin, process.stdout, process.stderr = streams


HANDLERS: Final[dict[type, Callable[..., int]]] = {
    Pipeline: _pipeline, Redirected: _redirected, Sequence: _sequence, AndOr: _and_or, Not: _not,
    Background: _background, Group: _group, Subshell: _subshell, If: _if, Loop: _loop, For: _for,
    Case: _case, Function: _function,
}  # fmt: skip
