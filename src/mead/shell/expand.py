# SPDX-License-Identifier: Apache-2.0
"""Word expansion: parameters, commands, arithmetic, splitting, globbing.

**Source:** POSIX.1-2017, Shell Command Language §2.6; the substring, replacement and case forms that
BusyBox ash takes from bash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from mead.shell import parameters
from mead.shell.arithmetic import ArithmeticFault, evaluate
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
from mead.shell.limits import LimitReachedError
from mead.shell.machine import Machine
from mead.shell.patterns import compile_pattern, escape, matches
from mead.shell.process import Process
from mead.shell.vfs import PathError

__all__ = ["Expander", "ExpansionError"]

_MAGIC: Final = re.compile(r"[*?\[]")
_TILDE: Final = re.compile(r"~([A-Za-z0-9_-]*)(?=/|$)", re.ASCII)
_NAMES: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?$!-]", re.ASCII)


class ExpansionError(Exception):
    """What ash says when a word cannot be expanded; the command is not run."""


class Runner(Protocol):
    """What expansion needs of the interpreter."""

    machine: Machine

    def substitute(self, body: Node, process: Process) -> bytes:
        """Output of a command substitution."""

    def process_substitution(self, body: Node, process: Process) -> str:
        """Path at which the output of `<(…)` can be read."""


class _Fields:
    """Fields under construction; text and pattern grow together."""

    __slots__ = ("_limit", "_open", "_pattern", "_size", "_text", "done")

    def __init__(self, limit: int) -> None:
        self.done: list[tuple[str, str | None]] = []
        self._text: list[str] = []
        self._pattern: list[str] | None = None
        self._open = False
        self._limit, self._size = limit, 0

    def add(self, text: str, *, quoted: bool) -> None:
        self._size += len(text)
        if self._size > self._limit:
            raise LimitReachedError("word_bytes", self._limit, "bytes")
        magic = not quoted and _MAGIC.search(text) is not None
        if magic and self._pattern is None:
            self._pattern = [escape(part) for part in self._text]
        if self._pattern is not None:
            self._pattern.append(escape(text) if quoted else text.replace("\\", "\\\\"))
        self._text.append(text)
        self._open = self._open or quoted or text != ""

    def end(self) -> None:
        if self._open:
            pattern = None if self._pattern is None else "".join(self._pattern)
            self.done.append(("".join(self._text), pattern))
        self._text, self._pattern, self._open = [], None, False

    def add_split(self, text: str, separators: str) -> None:
        """Add text that is split at the characters of IFS."""
        if not separators:
            self.add(text, quoted=False)
            return
        blank = "".join(char for char in separators if char in " \t\n")
        start = 0
        while start < len(text):
            end = start
            while end < len(text) and text[end] not in separators:
                end += 1
            self.add(text[start:end], quoted=False)
            if end >= len(text):
                return
            if text[end] not in blank:
                self._open = True
            self.end()
            start = end + 1
            while start < len(text) and text[start] in blank:
                start += 1


def _is_all_arguments(part: Part) -> bool:
    """Whether it is `"$@"`, which is no field at all when there are no arguments."""
    return type(part) is Parameter and part.name == "@" and part.quoted and part.operator == ""


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
        fields = _Fields(self._machine.limits.word_bytes)
        for index, part in enumerate(word.parts):
            self._add(part, fields, process, first=index == 0)
        fields.end()
        if not process.arguments and fields.done == [("", None)] and any(map(_is_all_arguments, word.parts)):
            return []
        result: list[str] = []
        for text, pattern in fields.done:
            found = [] if pattern is None or "f" in process.options else self.glob(pattern, process)
            result.extend(found or [text])
        return result

    def _add(self, part: Part, fields: _Fields, process: Process, *, first: bool) -> None:
        if type(part) is Literal:
            fields.add(
                self._tilde(part.text, process) if first and not part.quoted else part.text,
                quoted=part.quoted,
            )
        elif _is_all_arguments(part):
            for index, argument in enumerate(process.arguments):
                if index:
                    fields.end()
                fields.add(argument, quoted=True)
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
                fields.add_split(text, process.variables.get("IFS", " \t\n"))
        else:
            fields.add(self._text_of(part, process), quoted=True)

    def _add_unquoted(self, part: Part, fields: _Fields, process: Process, *, first: bool) -> None:
        if type(part) is Literal and not part.quoted:
            fields.add_split(
                self._tilde(part.text, process) if first else part.text, process.variables.get("IFS", " \t\n")
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

    def text(self, word: Word, process: Process) -> str:
        """The word as one text: neither split nor globbed."""
        if word.plain is not None:
            return word.plain
        pieces: list[str] = []
        size = 0
        for index, part in enumerate(word.parts):
            if type(part) is Literal:
                piece = self._tilde(part.text, process) if index == 0 and not part.quoted else part.text
            else:
                piece = self._text_of(part, process)
            size += len(piece)
            pieces.append(piece)
        self._check(size)
        return "".join(pieces)

    def pattern(self, word: Word, process: Process) -> str:
        """The word as a pattern: what is quoted matches only itself."""
        pieces: list[str] = []
        for part in word.parts:
            quoted = not isinstance(part, ProcessSubstitution) and part.quoted
            text = part.text if type(part) is Literal else self._text_of(part, process)
            pieces.append(escape(text) if quoted else text)
        self._check(sum(map(len, pieces)))
        return "".join(pieces)

    def _text_of(self, part: Part, process: Process) -> str:
        if type(part) is Parameter:
            return self._parameter(part, process)
        if type(part) is Substitution:
            return decode(self._runner.substitute(part.body, process).replace(b"\0", b"").rstrip(b"\n"))
        if type(part) is Arithmetic:
            try:
                return str(evaluate(self.text(part.expression, process), process.variables))
            except ArithmeticFault as error:
                raise ExpansionError(str(error)) from error
        if type(part) is ProcessSubstitution:
            return self._runner.process_substitution(part.body, process)
        assert type(part) is Literal
        return part.text

    def _parameter(self, part: Parameter, process: Process) -> str:
        value = self.value(part.name, process)
        operator = part.operator
        if operator == "":
            if value is None and "u" in process.options and part.name not in "@*":
                raise ExpansionError(f"{part.name}: parameter not set")
            return value or ""
        if operator == "length":
            return str(len(process.arguments) if part.name in {"@", "*"} else len(value or ""))
        assert part.argument is not None
        if operator.lstrip(":") in {"-", "+", "=", "?"}:
            return self._conditional(part, part.argument, value, process)
        self._machine.budget.charge_bytes(len(value or ""))
        return self._changed(part, part.argument, value or "", process)

    def _conditional(self, part: Parameter, argument: Word, value: str | None, process: Process) -> str:
        absent = value is None or (value == "" and part.operator[0] == ":")
        sign = part.operator[-1]
        if sign == "+":
            return "" if absent else self.text(argument, process)
        if not absent:
            return value or ""
        text = self.text(argument, process)
        if sign == "?":
            raise ExpansionError(f"{part.name}: {text or 'parameter not set or null'}")
        if sign == "=":
            process.variables[part.name] = text
        return text

    def _changed(self, part: Parameter, argument: Word, value: str, process: Process) -> str:
        operator = part.operator
        if operator in {"#", "##", "%", "%%"}:
            pattern = compile_pattern(self.pattern(argument, process))
            return parameters.trimmed(value, pattern, operator, self._machine.budget)
        if operator in {"/", "//"}:
            pattern = compile_pattern(self.pattern(argument, process))
            replacement = self.text(part.replacement, process) if part.replacement else ""
            limits = self._machine.limits
            return parameters.replaced(
                value,
                pattern,
                replacement,
                self._machine.budget,
                everywhere=operator == "//",
                limit=limits.word_bytes,
            )
        if operator == ":":
            return self._substring(value, self.text(argument, process), process)
        return parameters.recased(value, operator)

    def _substring(self, value: str, text: str, process: Process) -> str:
        first, _, second = text.partition(":")
        try:
            start = evaluate(first, process.variables)
            length = evaluate(second, process.variables) if second else len(value)
        except ArithmeticFault as error:
            raise ExpansionError(str(error)) from error
        start = max(0, start + len(value)) if start < 0 else start
        end = start + length if length >= 0 else len(value) + length
        return value[start : max(start, end)]

    def value(self, name: str, process: Process) -> str | None:
        """The value of a variable or special parameter; None when it is not set."""
        found = process.variables.get(name)
        if found is not None:
            return found
        if name.isdigit():
            index = int(name[:9])
            if index == 0:
                return process.name
            return process.arguments[index - 1] if index <= len(process.arguments) else None
        special = _SPECIAL.get(name)
        if special is not None:
            return special(process)
        if name == "RANDOM":
            return str(int.from_bytes(self._machine.random(2), "big") & 0x7FFF)
        return None

    def _tilde(self, text: str, process: Process) -> str:
        if not text.startswith("~") or not (found := _TILDE.match(text)):
            return text
        if not found[1]:
            return process.variables.get("HOME", "/") + text[1:]
        home = self._machine.persona.home_of(found[1])
        return text if home is None else home + text[found.end() :]

    def glob(self, pattern: str, process: Process) -> list[str]:
        """Sorted paths that match; empty when none does."""
        absolute = pattern.startswith("/")
        candidates = ["/" if absolute else ""]
        for part in pattern.split("/"):
            if part == "":
                continue
            following: list[str] = []
            for prefix in candidates:
                following.extend(self._glob_in(prefix, part, process))
                self._machine.budget.charge()
            candidates = following
            if len(candidates) > self._machine.limits.words:
                raise LimitReachedError("words", self._machine.limits.words, "words")
        if pattern.endswith("/"):
            candidates = [
                path + "/" for path in candidates if self._machine.fs.is_directory(self._at(path, process))
            ]
        return sorted(candidates)

    def _glob_in(self, prefix: str, part: str, process: Process) -> list[str]:
        base = prefix if prefix in ("", "/") else prefix + "/"
        fs = self._machine.fs
        if not _MAGIC.search(part):
            path = base + re.sub(r"\\(.)", r"\1", part)
            return [path] if fs.exists(self._at(path, process), follow=False) else []
        try:
            names = fs.names(self._at(base or ".", process))
        except PathError:
            return []
        self._machine.budget.charge(1 + len(names) // 8)
        compiled = compile_pattern(part)
        hidden = part.startswith(".")
        return [base + name for name in names if (hidden or name[0] != ".") and matches(compiled, name)]

    @staticmethod
    def _at(path: str, process: Process) -> str:
        return path if path.startswith("/") else f"{process.cwd}/{path}"

    def _check(self, size: int) -> None:
        if size > self._machine.limits.word_bytes:
            raise LimitReachedError("word_bytes", self._machine.limits.word_bytes, "bytes")
        if size > 512:
            self._machine.budget.charge_bytes(size)


_SPECIAL: Final[dict[str, Callable[[Process], str]]] = {
    "?": lambda process: str(process.status),
    "$": lambda process: str(process.pid),
    "!": lambda process: str(process.background) if process.background else "",
    "#": lambda process: str(len(process.arguments)),
    "@": lambda process: " ".join(process.arguments),
    "*": lambda process: process.variables.get("IFS", " ")[:1].join(process.arguments),
    "-": lambda process: "".join(sorted(process.options)),
    "LINENO": lambda process: str(process.line),
}
