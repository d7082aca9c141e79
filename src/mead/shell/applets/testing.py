# SPDX-License-Identifier: Apache-2.0
"""Conditions: test, `[`, `[[` and expr."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mead.shell.call import Applet, BuiltinFaultError, Call, FailedError, UsageError
from mead.shell.patterns import compile_pattern, matches
from mead.shell.regex import Regex, RegexError
from mead.shell.vfs import Node, PathError

__all__ = ["TABLE"]

_NUMERIC: Final[dict[str, Callable[[int, int], bool]]] = {
    "-eq": lambda a, b: a == b, "-ne": lambda a, b: a != b, "-lt": lambda a, b: a < b,
    "-le": lambda a, b: a <= b, "-gt": lambda a, b: a > b, "-ge": lambda a, b: a >= b,
}  # fmt: skip
_KINDS: Final = {"-f": "file", "-d": "dir", "-b": "block", "-c": "char", "-p": "fifo", "-S": "socket"}
_UNARY: Final = frozenset({
    "-e", "-f", "-d", "-b", "-c", "-p", "-S", "-h", "-L", "-r", "-w", "-x", "-s", "-n", "-z", "-t",
    "-u", "-g", "-k", "-O", "-G",
})  # fmt: skip


class _Condition:
    """A recursive-descent reading of test's operands."""

    def __init__(self, call: Call, words: list[str], *, extended: bool) -> None:
        self._call, self._words, self._extended = call, words, extended
        self._index = 0

    def result(self) -> bool:
        if not self._words:
            return False
        if len(self._words) == 3 and (found := self._binary(*self._words)) is not None:
            return found
        value = self._either()
        if self._index < len(self._words):
            if self._call.process.bash:
                few = len(self._words) == 2
                text = f"{self._words[0]}: unary operator expected" if few else "too many arguments"
                raise BuiltinFaultError(text)
            raise FailedError(f"{self._words[self._index]}: unknown operand", 2)
        return value

    def _peek(self, ahead: int = 0) -> str | None:
        index = self._index + ahead
        return self._words[index] if index < len(self._words) else None

    def _either(self) -> bool:
        value = self._both()
        while self._peek() in {"-o", "||"}:
            self._index += 1
            value = self._both() or value
        return value

    def _both(self) -> bool:
        value = self._negated()
        while self._peek() in {"-a", "&&"}:
            self._index += 1
            value = self._negated() and value
        return value

    def _negated(self) -> bool:
        negated = False
        while self._peek() == "!" and self._peek(1) is not None:
            self._index += 1
            negated = not negated
        return self._primary() != negated

    def _primary(self) -> bool:
        word, operator, other = self._peek(), self._peek(1), self._peek(2)
        if word is None:
            raise FailedError("argument expected", 2)
        if (
            operator is not None
            and other is not None
            and (found := self._binary(word, operator, other)) is not None
        ):
            self._index += 3
            return found
        if operator in _NUMERIC and other is None:
            if self._call.process.bash:
                raise BuiltinFaultError(f"{word}: unary operator expected")
            raise FailedError(f"{operator}: argument expected", 2)
        if word == "(" and operator is not None:
            self._index += 1
            value = self._either()
            if self._peek() != ")":
                raise FailedError("closing paren expected", 2)
            self._index += 1
            return value
        if operator is not None and (word in _UNARY or (word == "-v" and self._call.process.bash)):
            self._index += 2
            return self._unary(word, operator)
        self._index += 1
        return word != ""

    def _binary(self, left: str, operator: str, right: str) -> bool | None:
        if operator in {"=", "==", "!="}:
            same = matches(compile_pattern(right), left) if self._extended else left == right
            return same == (operator != "!=")
        if operator in _NUMERIC:
            return _NUMERIC[operator](self._number(left), self._number(right))
        if operator in {"<", ">"}:
            return left < right if operator == "<" else left > right
        if operator == "=~" and self._extended:
            return self._found(left, right)
        if operator in {"-nt", "-ot", "-ef"}:
            return self._compared(left, operator, right)
        return None

    def _found(self, text: str, pattern: str) -> bool:
        """`=~`: what was found stays in BASH_REMATCH."""
        process = self._call.process
        try:
            regex = Regex(pattern, extended=True, budget=self._call.machine.budget)
        except RegexError:
            return False
        found = regex.search(text)
        groups = [] if found is None else [found.group(number) or "" for number in range(regex.groups + 1)]
        process.arrays["BASH_REMATCH"] = {str(number): group for number, group in enumerate(groups)}
        return found is not None

    def _number(self, word: str) -> int:
        if not re.fullmatch(r"\s*[-+]?\d{1,400}\s*", word, re.ASCII):
            if self._call.process.bash:
                raise BuiltinFaultError(f"{word}: integer expression expected")
            raise FailedError(f"{word}: bad number" if word else "bad number", 2)
        value = int(word)
        if not -(1 << 63) <= value < 1 << 63:
            raise FailedError(f"{word}: out of range", 2)
        return value

    def _node(self, name: str, *, follow: bool = True) -> Node | None:
        try:
            return self._call.node(name, follow=follow) if name else None
        except PathError:
            return None

    def _compared(self, left: str, operator: str, right: str) -> bool:
        first, second = self._node(left), self._node(right)
        if first is None or second is None:
            return False
        if operator == "-ef":
            return first is second
        return (first.modified > second.modified) == (operator == "-nt") and first.modified != second.modified

    def _unary(self, operator: str, word: str) -> bool:
        if operator in {"-n", "-z"}:
            return (word != "") == (operator == "-n")
        if operator == "-v":
            return word in self._call.process.variables or word in self._call.process.arrays
        if operator == "-t":
            return self._call.stdin.interactive
        node = self._node(word, follow=operator not in {"-h", "-L"})
        if node is None:
            return False
        if operator in _KINDS:
            return node.kind == _KINDS[operator]
        if operator in {"-h", "-L"}:
            return node.kind == "link"
        if operator == "-s":
            return node.kind == "dir" or node.size > 0 or node.waits is not None
        if operator == "-x":
            return bool(node.mode & 0o111)
        if operator in {"-u", "-g", "-k"}:
            return bool(node.mode & {"-u": 0o4000, "-g": 0o2000, "-k": 0o1000}[operator])
        return True


def _test(call: Call) -> int:
    words = call.argv[1:]
    if call.name in {"[", "[["}:
        closing = "]" if call.name == "[" else "]]"
        if words[-1:] != [closing]:
            if call.process.bash:
                raise BuiltinFaultError(f"missing `{closing}'")
            raise FailedError(f"missing {closing}", 2)
        words = words[:-1]
    call.machine.budget.charge_bytes(sum(map(len, words)))
    try:
        return int(not _Condition(call, words, extended=call.name == "[[").result())
    except RecursionError as error:
        raise FailedError("too many arguments", 2) from error


class _Expression:
    """expr's grammar, one word per token."""

    def __init__(self, call: Call, words: list[str]) -> None:
        self._call, self._words, self._index, self._depth = call, words, 0, 0

    def result(self) -> str:
        value = self._level(0)
        if self._index < len(self._words):
            raise FailedError("syntax error", 2)
        return value

    def _level(self, level: int) -> str:
        if level == len(_LEVELS):
            return self._primary()
        left = self._level(level + 1)
        while self._index < len(self._words) and self._words[self._index] in _LEVELS[level]:
            operator = self._words[self._index]
            self._index += 1
            left = self._apply(left, operator, self._level(level + 1))
        return left

    def _apply(self, left: str, operator: str, right: str) -> str:
        if operator == "|":
            return left if left not in ("", "0") else right
        if operator == "&":
            return left if left not in ("", "0") and right not in ("", "0") else "0"
        if operator == ":":
            return self._matched(left, right)
        if operator in _COMPARE:
            both = _is_number(left) and _is_number(right)
            order = int(left) - int(right) if both else (left > right) - (left < right)
            return str(int(_COMPARE[operator](order)))
        if not (_is_number(left) and _is_number(right)):
            raise FailedError("non-numeric argument", 2)
        return str(self._number(int(left), operator, int(right)))

    @staticmethod
    def _number(left: int, operator: str, right: int) -> int:
        if operator in {"/", "%"}:
            if right == 0:
                raise FailedError("division by zero", 2)
            quotient = abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)
            return quotient if operator == "/" else left - quotient * right
        return left + right if operator == "+" else left - right if operator == "-" else left * right

    def _matched(self, text: str, pattern: str) -> str:
        try:
            found = Regex(
                "^" + pattern.removeprefix("^"), extended=False, budget=self._call.machine.budget
            ).search(text)
        except RegexError as error:
            raise FailedError(str(error), 2) from error
        if "\\(" in pattern:
            return (found.group(1) or "") if found else ""
        return str(found.end - found.start) if found else "0"

    def _primary(self) -> str:
        if self._index >= len(self._words):
            raise FailedError("syntax error", 2)
        word = self._words[self._index]
        self._index += 1
        rest = len(self._words) - self._index
        if word == "(":
            self._depth += 1
            if self._depth > 20:
                raise FailedError("syntax error", 2)
            value = self._level(0)
            self._index += 1
            return value
        if word == "length" and rest >= 1:
            return str(len(self._primary()))
        if word == "substr" and rest >= 3:
            text, start, length = self._primary(), self._primary(), self._primary()
            first = int(start) - 1 if _is_number(start) else 0
            return text[first : first + int(length)] if first >= 0 and _is_number(length) else ""
        if word == "index" and rest >= 2:
            text, chars = self._primary(), self._primary()
            return str(next((place for place, char in enumerate(text, 1) if char in chars), 0))
        if word == "match" and rest >= 2:
            text = self._primary()
            return self._matched(text, self._primary())
        return word


_LEVELS: Final = ({"|"}, {"&"}, {"=", "==", "!=", "<", ">", "<=", ">="}, {"+", "-"}, {"*", "/", "%"}, {":"})
_COMPARE: Final[dict[str, Callable[[int], bool]]] = {
    "=": lambda order: order == 0, "==": lambda order: order == 0, "!=": lambda order: order != 0,
    "<": lambda order: order < 0, ">": lambda order: order > 0,
    "<=": lambda order: order <= 0, ">=": lambda order: order >= 0,
}  # fmt: skip


def _is_number(word: str) -> bool:
    return re.fullmatch(r"-?\d{1,20}", word, re.ASCII) is not None


def _expr(call: Call) -> int:
    if len(call.argv) < 2:
        raise UsageError("missing operand") if call.gnu else FailedError("too few arguments")
    value = _Expression(call, call.argv[1:]).result()
    call.write(value + "\n")
    return int(value in ("", "0"))


TABLE: Final[dict[str, Applet]] = {"test": _test, "[": _test, "[[": _test, "expr": _expr}
