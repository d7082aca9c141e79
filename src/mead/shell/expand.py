# SPDX-License-Identifier: Apache-2.0
"""Word expansion: parameters, commands, arithmetic, splitting, globbing.

**Source:** POSIX.1-2017, Shell Command Language §2.6; the substring, replacement and case forms that
BusyBox ash takes from bash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Protocol

from mead.shell import parameters
from mead.shell.arithmetic import ArithmeticFault, evaluate
from mead.shell.arrays import all_values, element, is_all, slice_of
from mead.shell.ast import (
    Arithmetic,
    Literal,
    Node,
    Parameter,
    Part,
    ProcessSubstitution,
    Substitution,
    Word,
    decode,
)
from mead.shell.bashisms import BashParser
from mead.shell.fields import Fields
from mead.shell.globbing import glob
from mead.shell.limits import LimitReachedError
from mead.shell.machine import Machine
from mead.shell.patterns import compile_pattern, escape
from mead.shell.process import Process
from mead.shell.variables import ArithmeticVariables, value_of

__all__ = ["Expander", "ExpansionError"]

_TILDE: Final = re.compile(r"~([A-Za-z0-9_-]*)(?=/|:|$)", re.ASCII)
_NO_OCTAL: Final = re.compile(r"0\d*[89]\d*$")
_FOR_ONE: Final = frozenset({"length", "bad", "-", "+", "=", "?", ":-", ":+", ":=", ":?"})
"""Operators that look at all values of `${a[@]}` as one."""
_EVERYTHING: Final = frozenset({"@", "*"})
_BLANKS: Final = " \t\n"


class ExpansionError(Exception):
    """What the shell says when a word cannot be expanded; the command is not run."""


def _as_bash(text: str, message: str) -> str:
    """What bash says about an expression that ash complains of with `message`."""
    token = text.strip()
    if message == "divide by zero":
        return f'{token}: division by 0 (error token is "{token[-1:]}")'
    if message == "exponent less than 0":
        return f'{token}: exponent less than 0 (error token is "{token[-1:]}")'
    if "recursion" in message:
        return f'{token}: expression recursion level exceeded (error token is "{token}")'
    if (octal := _NO_OCTAL.match(token)) is not None:
        return f'{octal[0]}: value too great for base (error token is "{octal[0]}")'
    last = token[-1:] if token[-1:] in "+-*/%&|^<>=!(" else token.rsplit(" ", 1)[-1]
    what = "syntax error: operand expected" if token[-1:] in "+-*/%&|^<>=!(" else "syntax error in expression"
    return f'{token}: {what} (error token is "{last}")'


class Runner(Protocol):
    """What expansion needs of the interpreter."""

    machine: Machine

    def substitute(self, body: Node, process: Process) -> bytes:
        """Output of a command substitution."""

    def process_substitution(self, body: Node, process: Process) -> str:
        """Path at which the output of `<(…)` can be read."""


def _is_all(part: Part) -> bool:
    """Whether it is `"$@"` (or `"${a[@]}"`), which is no field at all when there are no arguments."""
    return type(part) is Parameter and part.quoted and part.operator == "" and part.name[-2:] in {"@", "@]"}


@lru_cache(maxsize=1_024)
def _subscript(text: str) -> Word:
    return BashParser("", bash=True).document(text)


class Expander:
    """Expands words in the environment of a process."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._machine = runner.machine

    def words(self, words: Iterable[Word], process: Process) -> list[str]:
        """Fields of the words of a command."""
        fields: list[str] = []
        for word in words:
            if word.plain is not None:
                fields.append(word.plain)
            else:
                fields.extend(self.fields(word, process))
            if len(fields) > self._machine.limits.words:
                raise LimitReachedError("words", self._machine.limits.words, "words")
        return fields

    def fields(self, word: Word, process: Process) -> list[str]:
        """Fields of one word: split and globbed."""
        fields = Fields(self._machine.limits.word_bytes)
        for index, part in enumerate(word.parts):
            self._add(part, fields, process, first=index == 0)
        fields.end()
        if fields.done == [("", None)] and self._is_nothing(word, process):
            return []
        result: list[str] = []
        for text, pattern in fields.done:
            found = [] if pattern is None or "f" in process.options else self.glob(pattern, process)
            result.extend(found or [text])
        return result

    @staticmethod
    def _is_nothing(word: Word, process: Process) -> bool:
        names = [part.name for part in word.parts if _is_all(part) and isinstance(part, Parameter)]
        return bool(names) and not any(all_values(name, process) for name in names)

    def glob(self, pattern: str, process: Process) -> list[str]:
        """Sorted paths that match; empty when none does."""
        return glob(self._machine, pattern, process.cwd)

    def _add(self, part: Part, fields: Fields, process: Process, *, first: bool) -> None:
        if type(part) is Literal:
            fields.add(
                self._tilde(part.text, process) if first and not part.quoted else part.text,
                quoted=part.quoted,
            )
        elif type(part) is Parameter and part.operator not in _FOR_ONE and is_all(part.name):
            self._add_all(part, fields, process)
        elif (
            type(part) is Parameter and not part.quoted and (word := self._word_of(part, process)) is not None
        ):
            for index, inner in enumerate(word.parts):
                self._add_unquoted(inner, fields, process, first=first and index == 0)
        elif isinstance(part, (Parameter, Substitution, Arithmetic)):
            text = self._text_of(part, process)
            if part.quoted:
                fields.add(text, quoted=True)
            else:
                fields.add_split(text, process.variables.get("IFS", _BLANKS))
        else:
            fields.add(self._text_of(part, process), quoted=True)

    def _add_all(self, part: Parameter, fields: Fields, process: Process) -> None:
        """`$@` and `$*`: each argument is a field of its own, unless it is `"$*"`."""
        values = self._all(part, process)
        if part.quoted and part.name.endswith(("*", "*]")):
            fields.add(process.variables.get("IFS", " ")[:1].join(values), quoted=True)
            return
        for index, argument in enumerate(values):
            if index:
                fields.end()
            if part.quoted:
                fields.add(argument, quoted=True)
            else:
                fields.add_split(argument, process.variables.get("IFS", _BLANKS))

    def _all(self, part: Parameter, process: Process) -> list[str]:
        """The values that `${a[@]}` stands for, each changed as the operator says."""
        if part.operator == ":" and part.argument is not None:
            first, _, second = self.text(part.argument, process).partition(":")
            count = self.calculate(second, process) if second else None
            return slice_of(part.name, self.calculate(first, process), count, process)
        values = all_values(part.name, process)
        if part.operator == "" or part.argument is None:
            return values
        self._machine.budget.charge_bytes(sum(map(len, values)))
        return [self._changed(part, part.argument, value, process) for value in values]

    def key(self, array: str, subscript: str, process: Process) -> str:
        """What a subscript comes to: a number, or a text where the array is a map.

        Raises:
            ExpansionError: it is no expression.
        """
        text = subscript
        if not subscript.isalnum():
            text = self.text(_subscript(subscript), process)
        if array in process.maps:
            quoted = text[:1] in {'"', "'"} and text[-1:] == text[:1]
            return text[1:-1] if quoted else text
        return text if text.isdecimal() else str(self.calculate(text, process))

    def _add_unquoted(self, part: Part, fields: Fields, process: Process, *, first: bool) -> None:
        if type(part) is Literal and not part.quoted:
            fields.add_split(
                self._tilde(part.text, process) if first else part.text,
                process.variables.get("IFS", _BLANKS),
            )
        else:
            self._add(part, fields, process, first=first)

    def _word_of(self, part: Parameter, process: Process) -> Word | None:
        """The word that stands for a parameter that is (or is not) set, keeping its quotes."""
        if part.operator not in {":-", "-", ":+", "+"} or part.argument is None:
            return None
        value = self.value(part.name, process)
        absent = value is None or (value == "" and part.operator[0] == ":")
        return part.argument if absent == part.operator.endswith("-") else None

    def text(self, word: Word, process: Process, *, assigned: bool = False) -> str:
        """The word as one text: neither split nor globbed; an assigned one has a tilde behind each colon."""
        if word.plain is not None and not assigned:
            return word.plain
        pieces: list[str] = []
        size = 0
        for index, part in enumerate(word.parts):
            if type(part) is Literal:
                piece = self._literal(part, process, first=index == 0, assigned=assigned)
            else:
                piece = self._text_of(part, process)
            size += len(piece)
            pieces.append(piece)
        self._check(size)
        return "".join(pieces)

    def _literal(self, part: Literal, process: Process, *, first: bool, assigned: bool) -> str:
        if part.quoted or "~" not in part.text:
            return part.text
        text = self._tilde(part.text, process) if first else part.text
        if not assigned:
            return text
        return ":".join(
            self._tilde(piece, process) if index else piece for index, piece in enumerate(text.split(":"))
        )

    def pattern(self, word: Word, process: Process) -> str:
        """The word as a pattern: what is quoted matches only itself."""
        pieces: list[str] = []
        for part in word.parts:
            quoted = not isinstance(part, ProcessSubstitution) and part.quoted
            text = part.text if type(part) is Literal else self._text_of(part, process)
            pieces.append(escape(text) if quoted else text)
        self._check(sum(map(len, pieces)))
        return "".join(pieces)

    def calculate(self, text: str, process: Process) -> int:
        """The value of an arithmetic expression.

        Raises:
            ExpansionError: it is none.
        """
        self._machine.budget.charge_bytes(len(text))
        try:
            return evaluate(text, ArithmeticVariables(process), arrays=process.bash)
        except ArithmeticFault as error:
            raise ExpansionError(_as_bash(text, str(error)) if process.bash else str(error)) from error

    def _text_of(self, part: Part, process: Process) -> str:
        if type(part) is Parameter:
            return self._parameter(part, process)
        if type(part) is Substitution:
            return decode(self._runner.substitute(part.body, process).replace(b"\0", b"").rstrip(b"\n"))
        if type(part) is Arithmetic:
            return str(self.calculate(self.text(part.expression, process), process))
        if type(part) is ProcessSubstitution:
            return self._runner.process_substitution(part.body, process)
        assert type(part) is Literal
        return part.text

    def _parameter(self, part: Parameter, process: Process) -> str:
        operator = part.operator
        if operator == "bad":
            raise ExpansionError(f"{part.name}: bad substitution")
        if process.bash and operator not in _FOR_ONE and is_all(part.name):
            values = self._all(part, process)
            mark = " " if part.name[-2:] in {"@", "@]"} else process.variables.get("IFS", " ")[:1]
            return mark.join(values)
        value = self.value(part.name, process)
        if operator == "":
            if value is None and "u" in process.options and part.name not in _EVERYTHING:
                raise ExpansionError(self._unset(part.name, process))
            return value or ""
        if operator == "length":
            return str(self._length(part.name, value, process))
        assert part.argument is not None
        if operator.lstrip(":") in {"-", "+", "=", "?"}:
            return self._conditional(part, part.argument, value, process)
        self._machine.budget.charge_bytes(len(value or ""))
        return self._changed(part, part.argument, value or "", process)

    @staticmethod
    def _unset(name: str, process: Process) -> str:
        return f"{name}: unbound variable" if process.bash else f"{name}: parameter not set"

    def _length(self, name: str, value: str | None, process: Process) -> int:
        if name[-2:] in {"@]", "*]"} or (process.bash and name in _EVERYTHING):
            return len(all_values(name, process))
        if value is None and "u" in process.options and name not in _EVERYTHING:
            raise ExpansionError(self._unset(name, process))
        return len(value or "")

    def _conditional(self, part: Parameter, argument: Word, value: str | None, process: Process) -> str:
        absent = value is None or (value == "" and part.operator[0] == ":")
        sign = part.operator[-1]
        if sign == "+":
            return "" if absent else self.text(argument, process)
        if not absent:
            return value or ""
        text = self.text(argument, process)
        if sign == "?":
            nothing = "parameter not set" if part.operator == "?" else "parameter not set or null"
            nothing = nothing.replace("not set or null", "null or not set") if process.bash else nothing
            raise ExpansionError(f"{part.name}: {text or nothing}")
        if sign == "=":
            process.assign(part.name, text)
        return text

    def _changed(self, part: Parameter, argument: Word, value: str, process: Process) -> str:
        operator = part.operator
        if operator in {"#", "##", "%", "%%"}:
            pattern = compile_pattern(self.pattern(argument, process))
            return parameters.trimmed(value, pattern, operator, self._machine.budget)
        if operator in {"/", "//"}:
            text = self.pattern(argument, process)
            if process.bash and operator == "/" and text[:1] in {"#", "%"}:
                return self._replaced_at_edge(part, value, text, process)
            pattern = compile_pattern(text)
            replacement = self.text(part.replacement, process) if part.replacement else ""
            limit = self._machine.limits.word_bytes
            return parameters.replaced(
                value, pattern, replacement, self._machine.budget, everywhere=operator == "//", limit=limit
            )
        if operator == ":":
            return self._substring(value, self.text(argument, process), process)
        if operator[0] == "@":
            return parameters.transformed(value, operator[1])
        chosen = self.pattern(argument, process)
        return parameters.recased(value, operator, compile_pattern(chosen) if chosen else None)

    def _replaced_at_edge(self, part: Parameter, value: str, text: str, process: Process) -> str:
        """`${x/#a/b}` and `${x/%a/b}` of bash."""
        sign = "##" if text[0] == "#" else "%%"
        new = self.text(part.replacement, process) if part.replacement else ""
        if len(text) == 1:
            return new + value if sign == "##" else value + new
        rest = parameters.trimmed(value, compile_pattern(text[1:]), sign, self._machine.budget)
        if len(rest) == len(value):
            return value
        return new + rest if sign == "##" else rest + new

    def _substring(self, value: str, text: str, process: Process) -> str:
        first, _, second = text.partition(":")
        start = self.calculate(first, process)
        length = self.calculate(second, process) if second else len(value)
        start = max(0, start + len(value)) if start < 0 else start
        end = start + length if length >= 0 else len(value) + length
        return value[start : max(start, end)]

    def value(self, name: str, process: Process) -> str | None:
        """The value of a variable or special parameter; None when it is not set."""
        if process.bash and name.endswith("]") and name[:1] != "!":
            array, _, subscript = name[:-1].partition("[")
            if subscript in _EVERYTHING:
                return " ".join(all_values(name, process)) or None
            return element(array, self.key(array, subscript, process), process)
        return value_of(name, process, self._machine)

    def _tilde(self, text: str, process: Process) -> str:
        if not text.startswith("~") or not (found := _TILDE.match(text)):
            return text
        if not found[1]:
            home = process.variables.get("HOME")
            if home is None and process.bash:
                home = self._machine.persona.home_of(self._machine.username)
            return text if home is None else home + text[1:]
        known = self._machine.persona.home_of(found[1])
        return text if known is None else known + text[found.end() :]

    def _check(self, size: int) -> None:
        if size > self._machine.limits.word_bytes:
            raise LimitReachedError("word_bytes", self._machine.limits.word_bytes, "bytes")
        if size > 512:
            self._machine.budget.charge_bytes(size)
