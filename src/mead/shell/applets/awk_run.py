# SPDX-License-Identifier: Apache-2.0
"""awk: running a program that `mead.shell.applets.awk` has read. Numbers are floats, as in awk."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from mead.shell.applets.awk import AwkError, Rule, Tree, parse
from mead.shell.applets.awk_values import AwkValues, ReturnValueError, number, text_of
from mead.shell.ast import decode, encode
from mead.shell.call import Call, FailedError
from mead.shell.escapes import printf_escapes
from mead.shell.regex import RegexError
from mead.shell.streams import Source

__all__ = ["run_awk"]


class _NextError(Exception):
    pass


class _ExitError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class _LoopError(Exception):
    def __init__(self, *, again: bool) -> None:
        super().__init__(again)
        self.again = again


class _Machine(AwkValues):
    """Runs the rules of a program."""

    def __init__(self, call: Call, program: str) -> None:
        self._rules, functions = parse(program)
        super().__init__(call, functions)
        self._ranges: set[int] = set()
        self._pipes: dict[tuple[str, str], list[str]] = {}

    def run(self, names: list[str]) -> int:
        try:
            self._special("BEGIN")
            wanted = any(rule.pattern != "BEGIN" for rule in self._rules)
            status = self._records(names) if wanted else 0
        except _ExitError as leave:
            status = leave.status
        try:
            self._special("END")
        except _ExitError as leave:
            status = leave.status
        self._flush()
        return status

    def _special(self, which: str) -> None:
        for rule in self._rules:
            if rule.pattern == which and rule.action:
                self._do(rule.action)

    def _records(self, names: list[str]) -> int:
        files = [name for name in names if not self._assigned(name)]
        data, status = self._call.all_input(files)
        separator = text_of(self.variables["RS"]) or "\n\n"
        text = decode(data)
        records = text.removesuffix(separator).split(separator) if text else []
        for record in records:
            self._call.machine.budget.charge()
            self.variables["NR"] = self.variables["FNR"] = number(self.variables["NR"]) + 1
            self._set_record(record)
            try:
                for index, rule in enumerate(self._rules):
                    if not isinstance(rule.pattern, str) and self._selected(index, rule):
                        self._act(rule)
            except _NextError:
                continue
        return status

    def _assigned(self, word: str) -> bool:
        found = re.fullmatch(r"([A-Za-z_]\w*)=(.*)", word, re.ASCII | re.DOTALL)
        if found:
            self.variables[found[1]] = printf_escapes(found[2])
        return found is not None

    def _act(self, rule: Rule) -> None:
        if rule.action is None:
            self._call.write(self._fields[0] + text_of(self.variables["ORS"]))
        else:
            self._do(rule.action)

    def _selected(self, index: int, rule: Rule) -> bool:
        if rule.pattern is None:
            return True
        assert not isinstance(rule.pattern, str)
        if rule.until is None:
            return self._true(rule.pattern)
        if index not in self._ranges and not self._true(rule.pattern):
            return False
        self._ranges.add(index)
        if self._true(rule.until):
            self._ranges.discard(index)
        return True

    # Statements

    def _do(self, tree: Tree) -> None:
        self._call.machine.budget.charge()
        self._STATEMENTS[tree[0]](self, tree)

    def _block(self, tree: Tree) -> None:
        for statement in tree[1]:
            self._do(statement)

    def _expression(self, tree: Tree) -> None:
        self.value(tree[1])

    def _if(self, tree: Tree) -> None:
        if self._true(tree[1]):
            self._do(tree[2])
        elif tree[3] is not None:
            self._do(tree[3])

    def _turn(self, body: Tree) -> bool:
        try:
            self._do(body)
        except _LoopError as error:
            return error.again
        return True

    def _while(self, tree: Tree) -> None:
        while self._true(tree[1]) and self._turn(tree[2]):
            self._call.machine.budget.charge()

    def _do_while(self, tree: Tree) -> None:
        while self._turn(tree[1]) and self._true(tree[2]):
            self._call.machine.budget.charge()

    def _for(self, tree: Tree) -> None:
        _, first, condition, step, body = tree
        if first is not None:
            self.value(first)
        while (condition is None or self._true(condition)) and self._turn(body):
            self._call.machine.budget.charge()
            if step is not None:
                self.value(step)

    def _each(self, tree: Tree) -> None:
        for key in list(self._arrays.get(tree[2], {})):
            self.variables[tree[1]] = key
            if not self._turn(tree[3]):
                break

    def _print(self, tree: Tree) -> None:
        words = [text_of(self.value(argument)) for argument in tree[1]] or [self._fields[0]]
        self._emit(text_of(self.variables["OFS"]).join(words) + text_of(self.variables["ORS"]), tree[2])

    def _printf(self, tree: Tree) -> None:
        words = [text_of(self.value(argument)) for argument in tree[1]]
        self._emit(self._format(words), tree[2])

    def _emit(self, text: str, target: tuple[str, Tree] | None) -> None:
        if target is None:
            self._call.write(text)
            return
        name = text_of(self.value(target[1]))
        self._call.machine.budget.charge_bytes(len(text))
        self._pipes.setdefault((target[0], name), []).append(text)

    def _flush(self) -> None:
        for (operator, name), pieces in self._pipes.items():
            data = encode("".join(pieces))
            if operator != "|":
                self._call.save(name, data, growing=operator == ">>")
                continue
            copy = self._call.shell.child(self._call.process)
            copy.stdin = Source(data)
            self._call.shell.evaluate(name, copy)
        self._pipes.clear()

    def _next(self, tree: Tree) -> None:
        del tree
        raise _NextError

    def _exit(self, tree: Tree) -> None:
        raise _ExitError(0 if tree[1] is None else int(number(self.value(tree[1]))) & 0xFF)

    def _return(self, tree: Tree) -> None:
        raise ReturnValueError("" if tree[1] is None else self.value(tree[1]))

    def _delete(self, tree: Tree) -> None:
        array = self._arrays.setdefault(tree[1], {})
        if tree[2] is None:
            array.clear()
        else:
            array.pop(text_of(self.value(tree[2])), None)

    def _break(self, tree: Tree) -> None:
        raise _LoopError(again=tree[0] == "continue")

    _STATEMENTS: ClassVar[dict[str, Any]] = {
        "block": _block, "expression": _expression, "if": _if, "while": _while,
        "do": _do_while, "for": _for, "each": _each, "print": _print,
        "printf": _printf, "next": _next, "exit": _exit, "return": _return,
        "delete": _delete, "break": _break, "continue": _break,
    }  # fmt: skip


def run_awk(call: Call, program: str, names: list[str], settings: dict[str, str]) -> int:
    """Run an awk program over files or standard input.

    Raises:
        FailedError: the program is none.
    """
    try:
        machine = _Machine(call, program)
        machine.variables.update({key: printf_escapes(value) for key, value in settings.items()})
        return machine.run(names)
    except (AwkError, RegexError) as error:
        raise FailedError(f"cmd. line:1: {error}") from error
    except (IndexError, KeyError, RecursionError) as error:
        raise FailedError("cmd. line:1: Unexpected token") from error
