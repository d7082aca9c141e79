# SPDX-License-Identifier: Apache-2.0
"""POSIX regular expressions whose cost an attacker cannot choose.

A backtracking matcher that never visits the same (instruction, position) twice: O(pattern × text) for
every pattern, where Python's `re` would take exponential time for `(a+)+$`. With back references it must
visit again; the budget ends that. Each visit is charged. The leftmost match wins; among those, the first
alternative (POSIX: the longest).

**Source:** POSIX.1-2017, Base Definitions §9; Russ Cox, "Regular Expression Matching: the Virtual
Machine Approach".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from mead.shell.limits import Budget
from mead.shell.patterns import bracket

__all__ = ["Match", "Regex", "RegexError"]

_ANY: Final = frozenset(map(chr, range(256))) - {"\n"}
_WORD: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_CLASSES: Final = {
    "w": _WORD,
    "W": _ANY - _WORD,
    "s": frozenset(" \t\n\r\v\f"),
    "S": _ANY - frozenset(" \t\n\r\v\f"),
    "d": frozenset("0123456789"),
}
_MAX_PROGRAM: Final = 4_000
_MAX_DEPTH: Final = 40
_MAX_STACK: Final = 200_000
_PLAIN: Final = re.compile(r"[A-Za-z0-9 _/:,;@%&=!\"'<>~`#-]+")

Instruction: TypeAlias = tuple[str, int, int, frozenset[str] | None]


class RegexError(ValueError):
    """The pattern is none."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where it matched, and what its groups held."""

    text: str
    start: int
    end: int
    groups: tuple[int, ...]

    def group(self, number: int) -> str | None:
        """Text of a group; 0 is the whole match."""
        if number == 0:
            return self.text[self.start : self.end]
        if 2 * number + 1 >= len(self.groups):
            return None
        start, end = self.groups[2 * number], self.groups[2 * number + 1]
        return self.text[start:end] if 0 <= start <= end else None


class _Compiler:
    """Pattern to program."""

    def __init__(self, pattern: str, *, extended: bool, ignore_case: bool) -> None:
        self._pattern, self._extended, self._ignore_case = pattern, extended, ignore_case
        self._position = 0
        self._depth = 0
        self.groups = 0

    def compile(self) -> list[Instruction]:
        program = self._either()
        if self._position < len(self._pattern):
            raise RegexError("Unmatched ) or \\)")
        return [*program, ("match", 0, 0, None)]

    def _operator(self, char: str) -> bool:
        """Whether the operator `char` stands here: bare in extended, escaped in basic expressions."""
        token = char if self._extended else "\\" + char
        return self._pattern.startswith(token, self._position)

    def _skip(self) -> None:
        self._position += 1 if self._extended else 2

    def _either(self) -> list[Instruction]:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise RegexError("Regular expression too big")
        left = self._sequence()
        while self._operator("|"):
            self._skip()
            right = self._sequence()
            left = [("split", 1, len(left) + 2, None), *left, ("jump", len(right) + 1, 0, None), *right]
        self._depth -= 1
        return left

    def _sequence(self) -> list[Instruction]:
        program: list[Instruction] = []
        start = True
        while self._position < len(self._pattern) and not self._operator("|") and not self._operator(")"):
            atom = self._atom(start=start)
            start = False
            program += self._repeated(atom)
            if len(program) > _MAX_PROGRAM:
                raise RegexError("Regular expression too big")
        return program

    def _atom(self, *, start: bool) -> list[Instruction]:
        char = self._pattern[self._position]
        if self._operator("("):
            return self._group()
        self._position += 1
        if char == "^" and (start or self._extended):
            return [("begin", 0, 0, None)]
        if char == "$" and self._at_end():
            return [("end", 0, 0, None)]
        if char == ".":
            return [("set", 0, 0, _ANY)]
        if char == "[":
            found = bracket(self._pattern, self._position - 1)
            if found is None:
                raise RegexError("Unmatched [, [^, [:, [., or [=")
            self._position = found[1]
            return [("set", 0, 0, self._cased(found[0]))]
        if char == "\\":
            return self._escaped()
        return [("set", 0, 0, self._cased(frozenset(char)))]

    def _at_end(self) -> bool:
        return (
            self._position >= len(self._pattern)
            or self._extended
            or self._operator(")")
            or self._operator("|")
        )

    def _group(self) -> list[Instruction]:
        self._skip()
        self.groups += 1
        number = self.groups
        inner = self._either()
        if not self._operator(")"):
            raise RegexError("Unmatched ( or \\(")
        self._skip()
        return [("save", 2 * number, 0, None), *inner, ("save", 2 * number + 1, 0, None)]

    def _escaped(self) -> list[Instruction]:
        if self._position >= len(self._pattern):
            raise RegexError("Trailing backslash")
        char = self._pattern[self._position]
        self._position += 1
        if char in "123456789":
            if int(char) > self.groups:
                raise RegexError("Invalid back reference")
            return [("back", int(char), 0, None)]
        if char in "<>bB":
            return [("word", "<>bB".index(char), 0, None)]
        if char in _CLASSES:
            return [("set", 0, 0, _CLASSES[char])]
        return [("set", 0, 0, self._cased(frozenset({"n": "\n", "t": "\t"}.get(char, char))))]

    def _cased(self, chars: frozenset[str]) -> frozenset[str]:
        if not self._ignore_case:
            return chars
        return chars | {char.swapcase() for char in chars if char.isascii()}

    def _repeated(self, atom: list[Instruction]) -> list[Instruction]:
        while self._position < len(self._pattern):
            if self._pattern[self._position] == "*":
                self._position += 1
                atom = _star(atom)
            elif self._operator("+"):
                self._skip()
                atom = [*atom, *_star(atom)]
            elif self._operator("?"):
                self._skip()
                atom = _optional(atom)
            elif self._operator("{") and (found := self._interval()) is not None:
                atom = _counted(atom, *found)
            else:
                return atom
            if len(atom) > _MAX_PROGRAM:
                raise RegexError("Regular expression too big")
        return atom

    def _interval(self) -> tuple[int, int | None] | None:
        closing = r"\}" if self._extended else r"\\\}"
        start = self._position + (1 if self._extended else 2)
        found = re.compile(rf"(\d{{0,3}})(,?)(\d{{0,3}}){closing}").match(self._pattern, start)
        if not found or not (found[1] or found[3]):
            return None
        self._position = found.end()
        low = int(found[1] or 0)
        return low, int(found[3]) if found[3] else (None if found[2] else low)


def _star(atom: list[Instruction]) -> list[Instruction]:
    return [("split", 1, len(atom) + 2, None), *atom, ("jump", -len(atom) - 1, 0, None)]


def _optional(atom: list[Instruction]) -> list[Instruction]:
    return [("split", 1, len(atom) + 1, None), *atom]


def _counted(atom: list[Instruction], low: int, high: int | None) -> list[Instruction]:
    if (max(low, high or 0) + 1) * (len(atom) + 1) > _MAX_PROGRAM:
        raise RegexError("Regular expression too big")
    program = atom * low
    if high is None:
        return program + _star(atom)
    for _ in range(high - low):
        program = program + _optional(atom)
    return program


class Regex:
    """A compiled pattern."""

    def __init__(self, pattern: str, *, extended: bool, budget: Budget, ignore_case: bool = False) -> None:
        budget.charge_bytes(len(pattern) * 16)
        self._budget = budget
        self._literal = pattern if not ignore_case and _PLAIN.fullmatch(pattern) else None
        compiler = _Compiler(pattern, extended=extended, ignore_case=ignore_case)
        self._program = compiler.compile()
        self._looks_back = any(instruction[0] == "back" for instruction in self._program)
        self.groups = compiler.groups

    def search(self, text: str, start: int = 0) -> Match | None:
        """The leftmost match at or after `start`. O(pattern × text)."""
        if self._literal is not None:
            self._budget.charge_bytes(len(text) - start)
            at = text.find(self._literal, start)
            return None if at < 0 else Match(text, at, at + len(self._literal), ())
        anchored = self._program[0][0] == "begin"
        first = self._program[0][3] if self._program[0][0] == "set" else None
        visited: set[int] = set()
        for at in range(start, (start if anchored else len(text)) + 1):
            if first is not None and (at >= len(text) or text[at] not in first):
                continue
            found = self._match(text, at, visited)
            if found is not None:
                return found
        self._budget.charge_bytes(len(text) - start)
        return None

    def _match(self, text: str, start: int, visited: set[int]) -> Match | None:  # noqa: C901, PLR0912, PLR0915  # one flat loop is the whole machine
        program, size = self._program, len(text)
        saved = (-1,) * (2 * self.groups + 2)
        stack: list[tuple[int, int, tuple[int, ...]]] = [(0, start, saved)]
        steps = 0
        while stack:
            at, position, groups = stack.pop()
            while True:
                steps += 1
                if steps & 127 == 0:
                    self._budget.charge(8)
                if not self._looks_back:
                    state = at * (size + 1) + position
                    if state in visited:
                        break
                    visited.add(state)
                kind, first, second, chars = program[at]
                if kind == "set":
                    if position >= size or chars is None or text[position] not in chars:
                        break
                    at, position = at + 1, position + 1
                elif kind == "split":
                    if len(stack) < _MAX_STACK:
                        stack.append((at + second, position, groups))
                    at += first
                elif kind == "jump":
                    at += first
                elif kind == "save":
                    groups = (*groups[:first], position, *groups[first + 1 :])
                    at += 1
                elif kind == "match":
                    self._budget.charge(steps >> 6)
                    return Match(text, start, position, groups)
                elif kind == "back":
                    piece = text[groups[2 * first] : groups[2 * first + 1]]
                    if not text.startswith(piece, position):
                        break
                    at, position = at + 1, position + len(piece)
                elif _holds(kind, first, text, position):
                    at += 1
                else:
                    break
        self._budget.charge(steps >> 6)
        return None


def _holds(kind: str, which: int, text: str, position: int) -> bool:
    if kind == "begin":
        return position == 0
    if kind == "end":
        return position == len(text)
    before = position > 0 and text[position - 1] in _WORD
    after = position < len(text) and text[position] in _WORD
    return (not before and after, before and not after, before != after, before == after)[which]
