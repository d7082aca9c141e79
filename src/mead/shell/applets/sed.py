# SPDX-License-Identifier: Apache-2.0
"""sed: addresses, s, d, p, q, y, a, i, c, =, n, hold space, branches.

**Source:** POSIX.1-2017, sed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mead.shell.call import Call, FailedError
from mead.shell.escapes import printf_escapes
from mead.shell.limits import LimitReachedError
from mead.shell.regex import Match, Regex, RegexError

__all__ = ["Script", "parse", "run"]

_ADDRESS: Final = re.compile(r"(\d{1,9})|(\$)|/((?:[^/\\]|\\.)*)/(I?)", re.DOTALL)
_MAX_COMMANDS: Final = 1_000


@dataclass(slots=True)
class _Address:
    line: int = 0
    last: bool = False
    regex: Regex | None = None

    def selects(self, number: int, text: str, *, last: bool) -> bool:
        if self.regex is not None:
            return self.regex.search(text) is not None
        return last if self.last else number == self.line


@dataclass(slots=True)
class _Command:
    letter: str
    first: _Address | None
    second: _Address | None
    negated: bool
    regex: Regex | None = None
    text: str = ""
    flags: str = ""
    jump: int = -1
    active: bool = False


Script = list[_Command]


class _Parser:
    def __init__(self, call: Call, text: str, *, extended: bool) -> None:
        self._call, self._text, self._extended = call, text, extended
        self._position = 0

    def commands(self) -> Script:
        script: Script = []
        labels: dict[str, int] = {}
        groups: list[int] = []
        while self._skip():
            if len(script) > _MAX_COMMANDS:
                raise FailedError("too many commands")
            command = self._command()
            if command.letter == ":":
                labels[command.text] = len(script)
                continue
            if command.letter == "}":
                if not groups:
                    raise FailedError("unexpected '}'")
                script[groups.pop()].jump = len(script)
                continue
            if command.letter == "{":
                groups.append(len(script))
            script.append(command)
        if groups:
            raise FailedError("unmatched '{'")
        for command in script:
            if command.letter in "bt":
                command.jump = labels.get(command.text, len(script)) if command.text else len(script)
        return script

    def _skip(self) -> bool:
        while self._position < len(self._text) and self._text[self._position] in " \t\n;":
            self._position += 1
        return self._position < len(self._text)

    def _regex(self, pattern: str, flags: str = "") -> Regex:
        try:
            return Regex(
                pattern.replace("\\/", "/"),
                extended=self._extended,
                budget=self._call.machine.budget,
                ignore_case="I" in flags or "i" in flags,
            )
        except RegexError as error:
            raise FailedError(str(error)) from error

    def _address(self) -> _Address | None:
        found = _ADDRESS.match(self._text, self._position)
        if not found:
            return None
        self._position = found.end()
        if found[1]:
            return _Address(line=int(found[1]))
        if found[2]:
            return _Address(last=True)
        return _Address(regex=self._regex(found[3], found[4] or ""))

    def _command(self) -> _Command:
        first = self._address()
        second = None
        self._blanks()
        if first is not None and self._text.startswith(",", self._position):
            self._position += 1
            self._blanks()
            second = self._address()
            if second is None:
                raise FailedError("no address after comma")
        self._blanks()
        negated = self._text.startswith("!", self._position)
        if negated:
            self._position += 1
            self._blanks()
        if self._position >= len(self._text):
            raise FailedError("missing command")
        command = _Command(self._text[self._position], first, second, negated)
        self._position += 1
        self._arguments(command)
        return command

    def _blanks(self) -> None:
        while self._position < len(self._text) and self._text[self._position] in " \t":
            self._position += 1

    def _arguments(self, command: _Command) -> None:
        if command.letter in "sy":
            pattern, command.text = self._delimited()
            found = re.compile(r"[gpiIe0-9]*").match(self._text, self._position)
            command.flags = found[0] if found else ""
            self._position += len(command.flags)
            if command.letter == "s" and self._text[self._position : self._position + 1] not in (
                "",
                *" \t\n;}w#",
            ):
                raise FailedError("bad option in substitution expression")
            if command.letter == "s":
                command.regex = self._regex(pattern, command.flags)
            else:
                command.flags = pattern
        elif command.letter in "aic":
            found = re.compile(r"[ \t]*\\?\n?[ \t]*([^\n]*)").match(self._text, self._position)
            command.text = found[1] if found else ""
            self._position = found.end() if found else self._position
        elif command.letter in "bt:rw":
            found = re.compile(r"[ \t]*([^;\n}]*)").match(self._text, self._position)
            command.text = found[1].strip() if found else ""
            self._position = found.end() if found else self._position
        elif command.letter == "#":
            end = self._text.find("\n", self._position)
            self._position = len(self._text) if end < 0 else end
        elif command.letter not in "dpqDPNnhHgGx={}lQ":
            raise FailedError(f"unsupported command {command.letter}")

    def _delimited(self) -> tuple[str, str]:
        mark = self._text[self._position : self._position + 1]
        if not mark or mark in "\\\n":
            raise FailedError("bad option in substitution expression")
        quoted = re.escape(mark)
        found = re.compile(
            rf"{quoted}((?:\[\^?\]?[^\]\n]*\]|[^{quoted}\\]|\\.)*){quoted}((?:[^{quoted}\\]|\\.)*){quoted}",
            re.DOTALL,
        ).match(self._text, self._position)
        if not found:
            raise FailedError("unmatched '/'")
        self._position = found.end()
        unescape = f"\\{mark}"
        return found[1].replace(unescape, mark), found[2].replace(unescape, mark)


def parse(call: Call, text: str, *, extended: bool) -> Script:
    """The commands of a sed script.

    Raises:
        FailedError: it is none.
    """
    return _Parser(call, text, extended=extended).commands()


class _Run:
    """One run over the lines of the input."""

    def __init__(self, call: Call, script: Script, lines: list[str], *, quiet: bool) -> None:
        self._call, self._script, self._lines, self._quiet = call, script, lines, quiet
        self.output: list[str] = []
        self._number = 0
        self._pattern = self._hold = ""
        self._after: list[str] = []
        self._substituted = False
        self._size = 0

    def _emit(self, text: str) -> None:
        self._size += len(text) + 1
        if self._size > self._call.machine.limits.pipe_bytes:
            raise LimitReachedError("pipe_bytes", self._call.machine.limits.pipe_bytes, "bytes")
        self.output.append(text + "\n")

    def all(self) -> None:
        while self._number < len(self._lines):
            self._pattern = self._lines[self._number]
            self._number += 1
            outcome = self._cycle()
            if not self._quiet and outcome != "deleted":
                self._emit(self._pattern)
            for text in self._after:
                self._emit(text)
            self._after.clear()
            if outcome == "quit":
                return

    def _cycle(self) -> str:
        index = 0
        self._substituted = False
        while index < len(self._script):
            self._call.machine.budget.charge()
            command = self._script[index]
            index += 1
            if self._selected(command) == command.negated:
                if command.letter == "{":
                    index = command.jump
                continue
            outcome = self._execute(command)
            if outcome in {"deleted", "quit"}:
                return outcome
            if outcome == "jump":
                index = command.jump
            if len(self._pattern) + len(self._hold) > self._call.machine.limits.word_bytes:
                raise LimitReachedError("word_bytes", self._call.machine.limits.word_bytes, "bytes")
        return "end"

    def _selected(self, command: _Command) -> bool:
        if command.first is None:
            return True
        last = self._number == len(self._lines)
        if command.second is None:
            return command.first.selects(self._number, self._pattern, last=last)
        if not command.active:
            if not command.first.selects(self._number, self._pattern, last=last):
                return False
            command.active = not (command.second.line and command.second.line <= self._number)
            return True
        if command.second.selects(self._number, self._pattern, last=last):
            command.active = False
        return True

    def _execute(self, command: _Command) -> str:
        letter = command.letter
        if letter in "dQq":
            return "quit" if letter == "q" else "deleted"
        if letter == "s":
            self._substitute(command)
        elif letter == "y":
            table = {
                ord(a): b
                for a, b in zip(printf_escapes(command.flags), printf_escapes(command.text), strict=False)
            }
            self._pattern = self._pattern.translate(table)
        elif letter == "p":
            self._emit(self._pattern)
        elif letter == "=":
            self._emit(str(self._number))
        elif letter in "aic":
            return self._insert(letter, command.text)
        elif letter == "b" or (letter == "t" and self._substituted):
            self._substituted = False
            return "jump"
        else:
            self._spaces(letter)
        return ""

    def _insert(self, letter: str, text: str) -> str:
        text = printf_escapes(text)
        if letter == "a":
            self._after.append(text)
            return ""
        self._emit(text)
        return "deleted" if letter == "c" else ""

    def _spaces(self, letter: str) -> None:
        if letter == "h":
            self._hold = self._pattern
        elif letter == "H":
            self._hold += "\n" + self._pattern
        elif letter == "g":
            self._pattern = self._hold
        elif letter == "G":
            self._pattern += "\n" + self._hold
        elif letter == "x":
            self._pattern, self._hold = self._hold, self._pattern
        elif letter in "nN" and self._number < len(self._lines):
            following = self._lines[self._number]
            self._number += 1
            if letter == "N":
                self._pattern += "\n" + following
            else:
                if not self._quiet:
                    self._emit(self._pattern)
                self._pattern = following

    def _substitute(self, command: _Command) -> None:
        regex = command.regex
        assert regex is not None
        digits = re.search(r"\d{1,6}", command.flags)
        wanted = int(digits[0]) if digits else 1
        everywhere = "g" in command.flags
        text, pieces, position, count = self._pattern, list[str](), 0, 0
        while position <= len(text) and (found := regex.search(text, position)) is not None:
            self._call.machine.budget.charge()
            count += 1
            replace = count >= wanted
            pieces += [
                text[position : found.start],
                _filled(command.text, found) if replace else found.group(0) or "",
            ]
            position = found.end
            if found.end == found.start:
                pieces.append(text[position : position + 1])
                position += 1
            if replace and not everywhere:
                break
        if count >= wanted:
            self._pattern = "".join(pieces) + text[position:]
            self._substituted = True
            if "p" in command.flags:
                self._emit(self._pattern)


def _filled(template: str, found: Match) -> str:
    def part(piece: re.Match[str]) -> str:
        text = piece[0]
        if text == "&":
            return found.group(0) or ""
        if text[1].isdigit():
            return found.group(int(text[1])) or ""
        return {"n": "\n", "t": "\t"}.get(text[1], text[1])

    return re.sub(r"&|\\.", part, template, flags=re.DOTALL)


def run(call: Call, script: Script, lines: list[str], *, quiet: bool) -> str:
    """What sed prints for `lines`."""
    work = _Run(call, script, lines, quiet=quiet)
    work.all()
    return "".join(work.output)
