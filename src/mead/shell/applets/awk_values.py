# SPDX-License-Identifier: Apache-2.0
"""awk: fields, variables and the value of expressions. Numbers are floats, as in awk."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final

from mead.shell.applets.awk import AwkError, Tree
from mead.shell.applets.awk_functions import FUNCTIONS, Value, number, text_of
from mead.shell.applets.printf import formatted
from mead.shell.call import Call
from mead.shell.escapes import printf_escapes
from mead.shell.limits import LimitReachedError
from mead.shell.regex import Match, Regex

__all__ = ["AwkValues", "ReturnValueError", "Value", "number", "text_of"]

_NUMBER: Final = re.compile(r"\s*[-+]?(?:\d{1,300}\.?\d{0,300}|\.\d{1,300})(?:[eE][-+]?\d{1,3})?", re.ASCII)
_DIRECTIVE: Final = re.compile(r"%[-+ #0-9.*]*(.)", re.DOTALL)
_ORDER: Final = {
    "<": lambda order: order < 0, "<=": lambda order: order <= 0, "==": lambda order: order == 0,
    "!=": lambda order: order != 0, ">": lambda order: order > 0, ">=": lambda order: order >= 0,
}  # fmt: skip


class ReturnValueError(Exception):
    """`return` from a function."""

    def __init__(self, value: Value) -> None:
        super().__init__(value)
        self.value = value


def _filled(replacement: str, found: Match) -> str:
    return re.sub(r"\\&|&", lambda part: "&" if part[0] == "\\&" else found.group(0) or "", replacement)


def _compared(left: Value, right: Value) -> int:
    numeric = all(
        isinstance(value, float) or (value != "" and _NUMBER.fullmatch(value)) for value in (left, right)
    )
    if numeric:
        return (number(left) > number(right)) - (number(left) < number(right))
    first, second = text_of(left), text_of(right)
    return (first > second) - (first < second)


def _calculated(left: float, operator: str, right: float) -> float:
    try:
        if operator == "+":
            return left + right
        if operator == "-":
            return left - right
        if operator == "*":
            return left * right
        if operator == "^":
            return float(left**right) if left >= 0 or right == int(right) else 0.0
        if right == 0:
            raise AwkError("Division by zero")
        return left / right if operator == "/" else left - right * int(left / right)
    except (OverflowError, ValueError, ZeroDivisionError):
        return 0.0


class AwkValues:
    """Evaluates expressions on the fields, variables and arrays of a running program."""

    def __init__(self, call: Call, functions: dict[str, tuple[list[str], Tree]]) -> None:
        self._call = call
        self._functions = functions
        self.variables: dict[str, Value] = {
            "FS": " ", "OFS": " ", "ORS": "\n", "RS": "\n", "SUBSEP": "\x1c", "NR": 0.0,
            "NF": 0.0, "FNR": 0.0, "ARGC": 1.0,
        }  # fmt: skip
        process = call.process
        self._arrays: dict[str, dict[str, Value]] = {
            "ENVIRON": {
                name: process.variables[name] for name in process.exported & process.variables.keys()
            },
            "ARGV": {"0": "awk"},
        }
        self._fields: list[str] = [""]
        self._regexes: dict[str, Regex] = {}
        self._calls = 0

    def _do(self, tree: Tree) -> None:
        """Run a statement; whoever runs programs knows how."""
        raise NotImplementedError

    # Fields

    def _set_record(self, record: str) -> None:
        separator = text_of(self.variables["FS"])
        if separator == " ":
            fields = re.findall(r"[^ \t\n]+", record)
        elif record == "":
            fields = []
        elif len(separator) <= 1 or separator == "\\t":
            fields = record.split(printf_escapes(separator)) if separator else list(record)
        else:
            fields = self._split(record, separator)
        self._fields = [record, *fields]
        self.variables["NF"] = float(len(fields))

    def _split(self, text: str, separator: str) -> list[str]:
        regex = self._regex(separator)
        pieces: list[str] = []
        position = 0
        while (found := regex.search(text, position)) is not None and found.end > found.start:
            pieces.append(text[position : found.start])
            position = found.end
        return [*pieces, text[position:]]

    def _field(self, index: float) -> str:
        at = int(index) if abs(index) < 1e9 else -1
        if at < 0:
            raise AwkError("Access to negative field")
        return self._fields[at] if at < len(self._fields) else ""

    def _set_field(self, index: float, value: str) -> None:
        at = int(index) if 0 <= index < 10_000 else 0
        if at == 0:
            self._set_record(value)
            return
        self._fields += [""] * (at + 1 - len(self._fields))
        self._fields[at] = value
        self.variables["NF"] = float(len(self._fields) - 1)
        self._fields[0] = text_of(self.variables["OFS"]).join(self._fields[1:])

    def _regex(self, pattern: str) -> Regex:
        found = self._regexes.get(pattern)
        if found is None:
            found = self._regexes[pattern] = Regex(pattern, extended=True, budget=self._call.machine.budget)
        return found

    # Expressions

    def _true(self, tree: Tree) -> bool:
        value = self.value(tree)
        if isinstance(value, str) and tree[0] != "constant" and _NUMBER.fullmatch(value):
            return number(value) != 0
        return value not in {"", 0.0}

    def value(self, tree: Tree) -> Value:
        value: Value = self._EXPRESSIONS[tree[0]](self, tree)
        return value

    def _constant(self, tree: Tree) -> Value:
        value = tree[1]
        return (
            printf_escapes(value.replace('\\"', '"').replace("\\/", "/"))
            if isinstance(value, str)
            else float(value)
        )

    def _matched_regex(self, tree: Tree) -> Value:
        return float(self._regex(tree[1]).search(self._fields[0]) is not None)

    def _field_value(self, tree: Tree) -> Value:
        return self._field(number(self.value(tree[1])))

    def _variable(self, tree: Tree) -> Value:
        return self.variables.get(tree[1], "")

    def _element(self, tree: Tree) -> Value:
        return self._arrays.setdefault(tree[1], {}).setdefault(text_of(self.value(tree[2])), "")

    def _subscript(self, tree: Tree) -> Value:
        return text_of(self.variables["SUBSEP"]).join(text_of(self.value(part)) for part in tree[1])

    def _group(self, tree: Tree) -> Value:
        return self.value(tree[1][0]) if len(tree[1]) == 1 else self._subscript(tree)

    def _in(self, tree: Tree) -> Value:
        return float(text_of(self.value(tree[1])) in self._arrays.get(tree[2], {}))

    def _concat(self, tree: Tree) -> Value:
        text = text_of(self.value(tree[1])) + text_of(self.value(tree[2]))
        if len(text) > self._call.machine.limits.word_bytes:
            raise LimitReachedError("word_bytes", self._call.machine.limits.word_bytes, "bytes")
        self._call.machine.budget.charge(len(text) >> 8)
        return text

    def _choice(self, tree: Tree) -> Value:
        return self.value(tree[2] if self._true(tree[1]) else tree[3])

    def _unary(self, tree: Tree) -> Value:
        if tree[1] == "!":
            return float(not self._true(tree[2]))
        value = number(self.value(tree[2]))
        return -value if tree[1] == "-" else value

    def _binary(self, tree: Tree) -> Value:
        _, operator, left, right = tree
        if operator == "&&":
            return float(self._true(left) and self._true(right))
        if operator == "||":
            return float(self._true(left) or self._true(right))
        if operator in {"~", "!~"}:
            pattern = right[1] if right[0] == "regex" else text_of(self.value(right))
            found = self._regex(pattern).search(text_of(self.value(left)))
            return float((found is not None) == (operator == "~"))
        first, second = self.value(left), self.value(right)
        if operator in _ORDER:
            return float(_ORDER[operator](_compared(first, second)))
        return _calculated(number(first), operator, number(second))

    def _assign(self, tree: Tree) -> Value:
        _, operator, target, source = tree
        value = self.value(source)
        if operator:
            value = _calculated(number(self.value(target)), operator, number(value))
        self._store(target, value)
        return value

    def _store(self, target: Tree, value: Value) -> None:
        if target[0] == "field":
            self._set_field(number(self.value(target[1])), text_of(value))
        elif target[0] == "element":
            array = self._arrays.setdefault(target[1], {})
            if len(array) > 50_000:
                raise LimitReachedError("words", 50_000, "words")
            array[text_of(self.value(target[2]))] = value
        elif target[0] == "variable":
            self.variables[target[1]] = value

    def _step(self, tree: Tree) -> Value:
        _, sign, target, prefix = tree
        before = number(self.value(target))
        after = before + (1 if sign == "++" else -1)
        self._store(target, after)
        return after if prefix else before

    def _called(self, tree: Tree) -> Value:
        _, name, arguments = tree
        if name in self._functions:
            return self._user_function(name, [self.value(argument) for argument in arguments])
        if name in {"sub", "gsub", "split"}:
            return self._substitute(name, arguments) if name != "split" else self._split_into(arguments)
        if name == "match":
            return self._match(arguments)
        if (
            name == "length"
            and arguments
            and arguments[0][0] == "variable"
            and arguments[0][1] in self._arrays
        ):
            return float(len(self._arrays[arguments[0][1]]))
        values = [self.value(argument) for argument in arguments]
        self._call.machine.budget.charge()
        return self._builtin(name, values)

    def _user_function(self, name: str, values: list[Value]) -> Value:
        names, body = self._functions[name]
        self._calls += 1
        if self._calls > 24:
            raise LimitReachedError("nesting", 24, "levels")
        saved = dict(self.variables)
        for index, parameter in enumerate(names):
            self.variables[parameter] = values[index] if index < len(values) else ""
        try:
            self._do(body)
        except ReturnValueError as error:
            return error.value
        finally:
            self._calls -= 1
            for parameter in names:
                self.variables[parameter] = saved.get(parameter, "")
        return ""

    def _builtin(self, name: str, values: list[Value]) -> Value:
        if name == "sprintf":
            return self._format(values)
        if name == "system":
            return self._system(text_of(values[0]) if values else "")
        if name == "close":
            return self._close(text_of(values[0]) if values else "")
        if name in {"systime", "time"}:
            return float(int(self._call.machine.now().timestamp()))
        if name in {"rand", "srand"}:
            return int.from_bytes(self._call.machine.random(4), "big") / (1 << 32) if name == "rand" else 0.0
        function = FUNCTIONS.get(name)
        if function is None:
            raise AwkError("Call to undefined function")
        return function(values or [self._fields[0]], self._call.machine.now())

    def _system(self, command: str) -> float:
        """Run a command; whoever runs programs knows how."""
        raise NotImplementedError

    def _close(self, name: str) -> float:
        """End a file or pipe; whoever runs programs knows how."""
        raise NotImplementedError

    def _getline(self, tree: Tree) -> Value:
        """Read a record; whoever runs programs knows how."""
        raise NotImplementedError

    def _match(self, arguments: list[Tree]) -> Value:
        text = text_of(self.value(arguments[0]))
        pattern = arguments[1][1] if arguments[1][0] == "regex" else text_of(self.value(arguments[1]))
        found = self._regex(pattern).search(text)
        self.variables["RSTART"] = float(found.start + 1) if found else 0.0
        self.variables["RLENGTH"] = float(found.end - found.start) if found else -1.0
        return self.variables["RSTART"]

    def _split_into(self, arguments: list[Tree]) -> Value:
        text = text_of(self.value(arguments[0]))
        separator = text_of(self.variables["FS"])
        if len(arguments) > 2:
            separator = arguments[2][1] if arguments[2][0] == "regex" else text_of(self.value(arguments[2]))
        if separator == " ":
            pieces = re.findall(r"[^ \t\n]+", text)
        elif len(separator) == 1:
            pieces = text.split(separator) if text else []
        else:
            pieces = self._split(text, separator) if separator else list(text)
        self._arrays[arguments[1][1]] = {str(index): piece for index, piece in enumerate(pieces, 1)}
        return float(len(pieces))

    def _substitute(self, name: str, arguments: list[Tree]) -> Value:
        pattern = arguments[0][1] if arguments[0][0] == "regex" else text_of(self.value(arguments[0]))
        replacement = text_of(self.value(arguments[1]))
        target: Tree = arguments[2] if len(arguments) > 2 else ("field", ("constant", 0.0))
        text = text_of(self.value(target))
        regex = self._regex(pattern)
        pieces: list[str] = []
        position = count = 0
        while position <= len(text) and (found := regex.search(text, position)) is not None:
            self._call.machine.budget.charge()
            pieces += [text[position : found.start], _filled(replacement, found)]
            count += 1
            position = found.end
            if found.end == found.start:
                pieces.append(text[position : position + 1])
                position += 1
            if name == "sub":
                break
        if count:
            self._store(target, "".join(pieces) + text[position:])
        return float(count)

    def _format(self, values: list[Value]) -> str:
        """What `printf` makes of its values: the first is the format, which is used once."""
        if not values:
            return ""
        template, words = text_of(values[0]), list(map(text_of, values[1:]))
        kinds = [found[1] for found in _DIRECTIVE.finditer(template.replace("%%", ""))]
        for at, (kind, value) in enumerate(zip(kinds, values[1:], strict=False)):
            if kind == "c":
                words[at] = (
                    chr(int(value) & 0xFF) if isinstance(value, float) and abs(value) < 1e9 else words[at][:1]
                )
            elif kind in "dioxXu":
                words[at] = str(int(max(-9.2e18, min(number(value), 9.2e18))))
            elif kind in "eEfFgG":
                words[at] = repr(number(value))
        return formatted(self._call, template, words[: len(kinds)] + [""] * (len(kinds) - len(words)))

    _EXPRESSIONS: ClassVar[dict[str, Any]] = {
        "constant": _constant, "regex": _matched_regex, "field": _field_value,
        "variable": _variable, "element": _element, "subscript": _subscript,
        "group": _group, "in": _in, "concat": _concat, "choice": _choice,
        "unary": _unary, "binary": _binary, "assign": _assign, "step": _step,
        "call": _called, "getline": lambda self, tree: self._getline(tree),
    }  # fmt: skip
