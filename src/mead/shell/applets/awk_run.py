# SPDX-License-Identifier: Apache-2.0
"""awk: running a program that `mead.shell.applets.awk` has read. Numbers are floats, as in awk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Final

from mead.shell.applets.awk import AwkError, Rule, Tree, parse
from mead.shell.applets.awk_values import AwkValues, ReturnValueError, Value, number, text_of
from mead.shell.ast import decode, encode
from mead.shell.call import Call, FailedError
from mead.shell.escapes import printf_escapes
from mead.shell.nodes import PathError
from mead.shell.regex import RegexError
from mead.shell.streams import Buffer, Source

__all__ = ["run_awk", "split_records"]

_MAX_READERS: Final = 32


def split_records(text: str, separator: str) -> list[str]:
    """Records between separators; no separator means paragraphs."""
    if separator == "":
        return [part for part in re.split(r"\n{2,}", text.strip("\n")) if part]
    return text.removesuffix(separator[0]).split(separator[0]) if text else []


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
        self._begun: set[str] = set()
        self._readers: dict[tuple[str, str], Iterator[str]] = {}
        self._files: list[str] = []
        self._records: Iterator[str] | None = None
        self._status = 0

    def run(self, names: list[str]) -> int:
        self._files = [name for name in names if not self._assigned(name)]
        try:
            self._special("BEGIN")
            if any(rule.pattern != "BEGIN" for rule in self._rules):
                self._main()
        except _ExitError as leave:
            self._status = leave.status
        try:
            self._special("END")
        except _ExitError as leave:
            self._status = leave.status
        self._flush()
        return self._status

    def _special(self, which: str) -> None:
        for rule in self._rules:
            if rule.pattern == which and rule.action:
                self._do(rule.action)

    def _next_record(self) -> str | None:
        """The next record of the main input; None at its end."""
        if self._records is None:
            data, self._status = self._call.all_input(self._files, "{}: {}")
            self._records = iter(split_records(decode(data), text_of(self.variables["RS"])))
        record = next(self._records, None)
        if record is not None:
            self._call.machine.budget.charge()
            self.variables["NR"] = self.variables["FNR"] = number(self.variables["NR"]) + 1
        return record

    def _main(self) -> None:
        while (record := self._next_record()) is not None:
            self._set_record(record)
            try:
                for index, rule in enumerate(self._rules):
                    if not isinstance(rule.pattern, str) and self._selected(index, rule):
                        self._act(rule)
            except _NextError:
                continue

    def _getline(self, tree: Tree) -> Value:
        """`getline`, from the input, a file or a command: 1, 0 at the end, -1 when there is none."""
        _, target, kind, source = tree
        if kind == "":
            record = self._next_record()
        else:
            name = text_of(self.value(source))
            if (kind, name) not in self._readers and not self._open(kind, name):
                return -1.0
            record = next(self._readers[kind, name], None)
        if record is None:
            return 0.0
        self._call.machine.budget.charge()
        if target is None:
            self._set_record(record)
        else:
            self._store(target, record)
        return 1.0

    def _open(self, kind: str, name: str) -> bool:
        if len(self._readers) >= _MAX_READERS:
            return False
        if kind == "|":
            data = self._output_of(name)
        else:
            self._flush(name)
            try:
                data = self._call.read(name)
            except PathError:
                return False
        self._readers[kind, name] = iter(split_records(decode(data), text_of(self.variables["RS"])))
        return True

    def _output_of(self, command: str) -> bytes:
        copy = self._call.shell.child(self._call.process)
        output = Buffer("pipe_bytes", self._call.machine.limits.pipe_bytes)
        copy.stdout = output
        self._call.shell.run_text(command, copy)
        return bytes(output.data)

    def _system(self, command: str) -> float:
        self._flush()
        return float(self._call.shell.run_text(command, self._call.shell.child(self._call.process)))

    def _close(self, name: str) -> float:
        self._flush(name)
        for kind in ("|", "<"):
            self._readers.pop((kind, name), None)
        return 0.0

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
        self._emit(self._format([self.value(argument) for argument in tree[1]]), tree[2])

    def _emit(self, text: str, target: tuple[str, Tree] | None) -> None:
        if target is None:
            self._call.write(text)
            return
        name = text_of(self.value(target[1]))
        self._call.machine.budget.charge_bytes(len(text))
        self._pipes.setdefault((target[0], name), []).append(text)

    def _flush(self, only: str | None = None) -> None:
        """Write what was printed to files and pipes, to one of them or to all."""
        for operator, name in [key for key in self._pipes if only in (None, key[1])]:
            data = encode("".join(self._pipes.pop((operator, name))))
            if operator == "|":
                copy = self._call.shell.child(self._call.process)
                copy.stdin = Source(data)
                self._call.shell.run_text(name, copy)
            elif name in {"/dev/stdout", "/dev/stderr", "-"}:
                (self._call.process.stderr if name.endswith("err") else self._call.stdout).write(data)
            else:
                append = operator == ">>" or name in self._begun
                self._begun.add(name)
                self._call.save(name, data, growing=append)

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
    except PathError as error:
        raise FailedError(error.reason) from error
    except (IndexError, KeyError, RecursionError) as error:
        raise FailedError("cmd. line:1: Unexpected token") from error
