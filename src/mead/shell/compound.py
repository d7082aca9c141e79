# SPDX-License-Identifier: Apache-2.0
"""Compound commands: lists, pipelines, conditions, loops, functions.

**Source:** POSIX.1-2017, Shell Command Language §2.9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from mead.shell.applets import testing
from mead.shell.ast import (
    AndOr,
    Background,
    Calculation,
    Case,
    CountingFor,
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
    Test,
    Word,
)  # fmt: skip
from mead.shell.background import run_background
from mead.shell.control import BreakLoopError, ContinueLoopError, FaultError
from mead.shell.expand import ExpansionError
from mead.shell.limits import LimitReachedError
from mead.shell.patterns import compile_pattern, matches
from mead.shell.process import Process
from mead.shell.redirect import redirect
from mead.shell.streams import Buffer, EndlessError, Source

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["HANDLERS", "and_or", "stage", "tested"]


def tested(shell: Interpreter, node: Node, process: Process) -> int:
    """Run a condition: `set -e` does not look at how it ends."""
    process.tested += 1
    try:
        return shell.run(node, process)
    finally:
        process.tested -= 1


def _sequence(shell: Interpreter, node: Sequence, process: Process) -> int:
    status = 0
    for command in node.commands:
        status = shell.run(command, process)
    return status


def _and_or(shell: Interpreter, node: AndOr, process: Process) -> int:
    return and_or(shell, node, process, shell.run)


def and_or(shell: Interpreter, node: AndOr, process: Process, run: Callable[[Node, Process], int]) -> int:
    """Evaluate `&&` and `||`; remember what a download made unnecessary, or a missing body impossible."""
    machine = shell.machine
    mark, deferred = len(machine.offers), len(machine.deferred)
    last = len(node.rest) - 1
    process.tested += 1
    try:
        status = run(node.first, process)
        for index, (operator, command) in enumerate(node.rest):
            if index == last:
                process.tested -= 1
            if (operator == "&&") == (status == 0):
                deferred = len(machine.deferred)
                status = run(command, process)
            elif operator == "&&" and len(machine.deferred) > deferred:
                machine.then(AndOr(command, node.rest[index + 1 :]))
                deferred = len(machine.deferred)
            elif operator == "||" and len(machine.offers) > mark:
                _alternative(shell, AndOr(command, node.rest[index + 1 :]), process, mark)
            if index == last:
                process.tested += 1
    finally:
        process.tested -= 1
    return status


def _alternative(shell: Interpreter, node: Node, process: Process, mark: int) -> None:
    shell.machine.defer(node, process, set(shell.machine.offers[mark:]), after_failure=True)


def _not(shell: Interpreter, node: Not, process: Process) -> int:
    return int(tested(shell, node.command, process) == 0)


def _background(shell: Interpreter, node: Background, process: Process) -> int:
    return run_background(shell, node, process)


def _group(shell: Interpreter, node: Group, process: Process) -> int:
    return shell.run(node.body, process)


def _subshell(shell: Interpreter, node: Subshell, process: Process) -> int:
    return shell.contained(node.body, shell.child(process))


def _if(shell: Interpreter, node: If, process: Process) -> int:
    for index, (condition, body) in enumerate(node.branches):
        mark = len(shell.machine.offers)
        if tested(shell, condition, process) == 0:
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
        goes_on, holds = _turn(shell, node.condition, process, tested)
        if not goes_on or (holds == 0) == node.until:
            return status
        goes_on, status = _turn(shell, node.body, process)
        if not goes_on:
            return status


def _for(shell: Interpreter, node: For, process: Process) -> int:
    words = process.arguments if node.words is None else _list(shell, node, process)
    status = 0
    for word in words:
        shell.machine.budget.charge()
        process.assign(node.name, word)
        goes_on, status = _turn(shell, node.body, process)
        if not goes_on:
            break
    return status


def _list(shell: Interpreter, node: For, process: Process) -> list[str]:
    assert node.words is not None
    try:
        return shell.expander.words(node.words, process)
    except ExpansionError as error:
        raise _fault(error, process) from None


def _fault(error: ExpansionError, process: Process) -> FaultError:
    process.complain(str(error))
    return FaultError(1 if process.bash else 2)


def _counting_for(shell: Interpreter, node: CountingFor, process: Process) -> int:
    def value(expression: str) -> int:
        shell.machine.budget.charge()
        return shell.expander.calculate(expression, process) if expression.strip() else 1

    status = 0
    try:
        value(shell.expander.text(node.first, process))
        while value(shell.expander.text(node.condition, process)):
            goes_on, status = _turn(shell, node.body, process)
            if not goes_on:
                break
            value(shell.expander.text(node.step, process))
    except ExpansionError as error:
        raise _fault(error, process) from None
    return status


def _turn(
    shell: Interpreter,
    body: Node,
    process: Process,
    run: Callable[[Interpreter, Node, Process], int] | None = None,
) -> tuple[bool, int]:
    """One turn of a loop: whether it goes on, and the status."""
    process.in_loop += 1
    try:
        return True, shell.run(body, process) if run is None else run(shell, body, process)
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
    status, through = 0, False
    try:
        subject = shell.expander.text(node.subject, process)
        for patterns, body, ending in node.branches:
            if not through and not _chosen(shell, patterns, subject, process):
                continue
            status = 0 if body is None else shell.run(body, process)
            through = ending == ";&" and process.bash
            if not through and not (ending == ";;&" and process.bash):
                return status
    except ExpansionError as error:
        raise _fault(error, process) from None
    return status


def _chosen(shell: Interpreter, patterns: tuple[Word, ...], subject: str, process: Process) -> bool:
    for pattern in patterns:
        shell.machine.budget.charge_bytes(len(subject))
        if matches(compile_pattern(shell.expander.pattern(pattern, process)), subject):
            return True
    return False


def _function(shell: Interpreter, node: Function, process: Process) -> int:
    del shell
    process.functions[node.name] = node.body
    return 0


def _test(shell: Interpreter, node: Test, process: Process) -> int:
    """`[[ … ]]`: its words are neither split nor globbed; what is unquoted behind `==` is a pattern."""
    process.line = node.line
    argv = ["[["]
    try:
        for index, word in enumerate(node.words):
            before = node.words[index - 1].plain if index else ""
            if before in {"=", "==", "!="}:
                argv.append(shell.expander.pattern(word, process))
            else:
                argv.append(shell.expander.text(word, process))
    except ExpansionError as error:
        raise _fault(error, process) from None
    return shell.builtin(testing.TABLE["[["], [*argv, "]]"], process)


def _calculation(shell: Interpreter, node: Calculation, process: Process) -> int:
    process.line = node.line
    try:
        return int(shell.expander.calculate(shell.expander.text(node.expression, process), process) == 0)
    except ExpansionError as error:
        process.complain(f"((: {error}")
        return 1


def _pipeline(shell: Interpreter, node: Pipeline, process: Process) -> int:
    statuses: list[int] = []
    source = process.stdin
    last = len(node.commands) - 1
    for index, command in enumerate(node.commands):
        copy = shell.child(process)
        copy.stdin = source
        pipe = Buffer("pipe_bytes", shell.machine.limits.pipe_bytes)
        if index < last:
            copy.stdout = pipe
        statuses.append(stage(shell, command, copy))
        source = Source(bytes(pipe.data), pipe.waits)
    process.statuses = tuple(statuses)
    if "pipefail" in process.options:
        return next((status for status in reversed(statuses) if status), 0)
    return statuses[-1]


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
    fds = process.fds
    process.fds = dict(fds)
    try:
        if not redirect(shell, node.redirections, process):
            return 1
        return shell.run(node.command, process)
    except ExpansionError as error:
        raise _fault(error, process) from None
    finally:
        process.stdin, process.stdout, process.stderr = streams
        process.fds = fds


HANDLERS: Final[dict[type, Callable[..., int]]] = {
    Pipeline: _pipeline, Redirected: _redirected, Sequence: _sequence, AndOr: _and_or, Not: _not,
    Background: _background, Group: _group, Subshell: _subshell, If: _if, Loop: _loop, For: _for,
    Case: _case, Function: _function, Test: _test, Calculation: _calculation, CountingFor: _counting_for,
}  # fmt: skip
