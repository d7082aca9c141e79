# SPDX-License-Identifier: Apache-2.0
"""What bash reads and ash does not: `[[ … ]]`, `((…))`, `|&`, `{a,b}`, any function name, its complaints.

**Source:** GNU bash manual, 3.2 (Shell Commands) and 3.5.1 (Brace Expansion); observed from bash 5.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar, Final

from mead.shell.ast import (
    Calculation,
    CountingFor,
    Literal,
    Node,
    Part,
    Redirected,
    Redirection,
    Test,
    Word,
)
from mead.shell.lexer import IncompleteError, ShellSyntaxError, make_word
from mead.shell.parser import Parser
from mead.shell.process import Process
from mead.shell.tokens import END, NEWLINE, REDIRECTION, WORD

__all__ = ["BashParser", "braces", "complain_of_syntax"]

_MAX_BRACES: Final = 4_096
_MAX_LENGTH: Final = 1_000
_MAX_DEPTH: Final = 8
_RANGE: Final = re.compile(r"(-?\d{1,9}|[A-Za-z])\.\.(-?\d{1,9}|[A-Za-z])(?:\.\.(-?\d{1,9}))?", re.ASCII)
_PADDED: Final = re.compile(r"-?0\d")
_ONE: Final = Word((Literal("1", quoted=True),), "1")


class BashParser(Parser):
    """The parser of personas whose shell is bash."""

    def _bar(self, commands: list[Node]) -> None:
        if self.text.startswith("&", self.position) and not self.text.startswith("&&", self.position):
            self.position += 1
            commands[-1] = Redirected(commands[-1], (Redirection(2, ">&", _ONE),))

    def _compound(self, kind: str) -> Callable[[Parser], Node] | None:
        if kind == "(" and self.text.startswith("(", self.position):
            return BashParser._calculation  # type: ignore[return-value]  # self is one
        if kind == "for" and self._counts():
            return BashParser._counting_for  # type: ignore[return-value]  # self is one
        handler = self._MORE.get(kind)
        return handler or super()._compound(kind)  # type: ignore[return-value]  # self is one

    def _counts(self) -> bool:
        self._blanks()
        return self.text.startswith("((", self.position)

    def _enclosed(self, count: int) -> list[Word]:
        """The parts between semicolons of `((…))`, at most `count`; the position is behind `((`."""
        parts: list[Word] = []
        for number in range(count):
            end = ";" if number < count - 1 else "))"
            start, depth = self.position, 0
            while depth > 0 or not self.text.startswith(end, self.position):
                char = self.text[self.position : self.position + 1]
                if char == "":
                    raise IncompleteError("syntax error: unexpected end of file")
                depth += (char == "(") - (char == ")")
                self.position += 1
            reader = type(self)(self.text[start : self.position], nesting=self.nesting + 1, bash=True)
            parts.append(make_word(reader._double_quoted("")))  # noqa: SLF001  # the same class
            self.position += len(end)
        return parts

    def _calculation(self) -> Node:
        line = self._line_here()
        self.position += 1
        return Calculation(self._enclosed(1)[0], line)

    def _counting_for(self) -> Node:
        self.position += 2
        first, condition, step = self._enclosed(3)
        kind = self._next(keywords=True, lines=True)
        if kind == ";":
            kind = self._next(keywords=True, lines=True)
        if kind == "{":
            return CountingFor(first, condition, step, self._group())
        self._push()
        return CountingFor(first, condition, step, self._body())

    def _test(self) -> Node:
        words: list[Word] = []
        line = self._line_here()
        while (kind := self._next(lines=True)) != END:
            if kind == WORD:
                if self._word.plain == "]]" and self._bare() == "]]":
                    return Test(tuple(words), line)
                words.append(self._word)
                if words[-1].plain == "=~":
                    words.append(self._pattern())
                continue
            text = "<" if kind == REDIRECTION and self._match else kind
            if kind == REDIRECTION and self._match:
                text = self._match[0]
            words.append(Word((Literal(text, quoted=False),), text))
        raise IncompleteError("syntax error: unexpected end of file")

    def _pattern(self) -> Word:
        """What stands behind `=~`: parentheses and bars are part of it."""
        self._blanks()
        found = re.compile(r"(?:[^\s\"'\\$`]|\\.)+").match(self.text, self.position)
        if found is None or '"' in found[0]:
            return self.word()
        self.position = found.end()
        rest = self._parts()
        return make_word([Literal(found[0], quoted=False), *rest])

    def _expanded(self, word: Word) -> list[Word]:
        if not any(type(part) is Literal and not part.quoted and "{" in part.text for part in word.parts):
            return [word]
        return [make_word(list(parts), assigns=word.assigns) for parts in braces(word.parts)]

    def _name(self) -> str:
        return "".join(part.text for part in self._word.parts if type(part) is Literal)

    def _is_function_name(self, name: str) -> bool:
        return bool(name)

    def _unexpected(self, expecting: str = "") -> ShellSyntaxError:
        del expecting
        if self._kind == END:
            return self._error("unexpected end of file", incomplete=True)
        shown = self.text[self._start : self.position] if self._kind != NEWLINE else NEWLINE
        error = self._error("")
        error.args = (f"syntax error near unexpected token `{shown}'",)
        return error

    _MORE: ClassVar[dict[str, Callable[[BashParser], Node]]] = {"[[": _test}


def braces(parts: tuple[Part, ...]) -> list[tuple[Part, ...]]:
    """The words that `{a,b}` and `{1..9}` make of one, at most some thousand."""
    flat: list[Part | str] = []
    for part in parts:
        if type(part) is Literal and not part.quoted:
            flat.extend(part.text)
        else:
            flat.append(part)
    if len(flat) > _MAX_LENGTH:
        return [parts]
    return [_packed(found) for found in _alternatives(flat, 0)]


def _packed(items: list[Part | str]) -> tuple[Part, ...]:
    packed: list[Part] = []
    for item in items:
        if not isinstance(item, str):
            packed.append(item)
        elif packed and type(last := packed[-1]) is Literal and not last.quoted:
            packed[-1] = Literal(last.text + item, quoted=False)
        else:
            packed.append(Literal(item, quoted=False))
    return tuple(packed)


def _alternatives(items: list[Part | str], depth: int) -> list[list[Part | str]]:
    start = 0
    while depth < _MAX_DEPTH and "{" in items[start:]:
        opening = items.index("{", start)
        closing, commas = _closing(items, opening)
        inside = items[opening + 1 : closing] if closing else []
        choices = _choices(inside, [comma - opening - 1 for comma in commas], depth) if closing else None
        if choices is None:
            start = opening + 1
            continue
        tails = _alternatives(items[closing + 1 :], depth + 1)
        if len(choices) * len(tails) * (len(items) // 64 + 1) > _MAX_BRACES:
            return [items]
        return [[*items[:opening], *choice, *tail] for choice in choices for tail in tails]
    return [items]


def _closing(items: list[Part | str], opening: int) -> tuple[int, list[int]]:
    """Where the brace closes (0: nowhere), and the commas that stand in it."""
    depth, commas = 0, list[int]()
    for index in range(opening, len(items)):
        item = items[index]
        if item == "{":
            depth += 1
        elif item == "}":
            depth -= 1
            if depth == 0:
                return index, commas
        elif item == "," and depth == 1:
            commas.append(index)
    return 0, []


def _choices(inside: list[Part | str], commas: list[int], depth: int) -> list[list[Part | str]] | None:
    if commas:
        edges = [-1, *commas, len(inside)]
        pieces = [inside[left + 1 : right] for left, right in pairwise(edges)]
        return [found for piece in pieces for found in _alternatives(piece, depth + 1)]
    text = "".join(item if isinstance(item, str) else "\0" for item in inside)
    found = _RANGE.fullmatch(text)
    return None if found is None else _range(found[1], found[2], int(found[3] or 0))


def _range(first: str, last: str, step: int) -> list[list[Part | str]] | None:
    letters = first.isalpha() and last.isalpha()
    if first.isalpha() != last.isalpha():
        return None
    low, high = (ord(first), ord(last)) if letters else (int(first), int(last))
    step = max(1, abs(step)) * (1 if high >= low else -1)
    values = range(low, high + (1 if step > 0 else -1), step)
    if len(values) > _MAX_BRACES:
        return None
    padded = not letters and (_PADDED.match(first) or _PADDED.match(last))
    width = max(len(first), len(last)) if padded else 0
    return [[*(chr(value) if letters else f"{value:0{width}d}")] for value in values]


_UNCLOSED: Final = re.compile(r"^(?:[^'\"\\]|\\.|'[^']*'|\"(?:[^\"\\]|\\.)*\")*'[^']*$", re.DOTALL)
"""A text whose last quote is a single one and does not end."""
_ENDS: Final = {"unterminated quoted string": '"', "missing '}'": "}", "missing '))'": ")"}


def complain_of_syntax(process: Process, error: ShellSyntaxError, parser: Parser) -> None:
    """Say what is wrong with a text, as each shell says it."""
    if not process.bash:
        process.complain(str(error), error.line)
        return
    text = str(error)
    kind = text.removeprefix("syntax error: ")
    if kind in _ENDS:
        end = "'" if _UNCLOSED.search(parser.text[parser.command_start :]) else _ENDS[kind]
        text = f"unexpected EOF while looking for matching `{end}'"
    typed = not process.script and not process.interactive
    number = max(1, error.line)
    if "unexpected end of file" in text and not parser.text.endswith("\n"):
        number += 1
    where = "" if process.interactive and not process.sourcing else f"line {number}: "
    head = f"{process.name}: {'-c: ' if typed else ''}{where}"
    process.stderr.write(f"{head}{text}\n".encode("latin-1", "replace"))
    if "near unexpected token" in text and where:
        line = parser.text[parser.command_start :].split("\n", 1)[0]
        process.stderr.write(f"{head}`{line}'\n".encode("latin-1", "replace"))
