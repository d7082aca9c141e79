# SPDX-License-Identifier: Apache-2.0
"""sed: running the commands of a script over the lines of its input.

**Source:** POSIX.1-2017, sed; observed from BusyBox 1.35.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.applets.sed import ESCAPES, Address, Command, Script
from mead.shell.ast import decode, encode
from mead.shell.call import Call, FailedError
from mead.shell.escapes import printf_escapes
from mead.shell.limits import LimitReachedError
from mead.shell.nodes import PathError
from mead.shell.regex import Match, Regex

__all__ = ["run"]

_MAX_WRITTEN: Final = 16


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
        self._regex: Regex | None = None
        self._written: dict[str, list[str]] = {}

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
                break
        for name, lines in self._written.items():
            self._call.save(name, encode("".join(lines)))

    def _write(self, name: str, text: str) -> None:
        if name == "/dev/stdout":
            self._emit(text)
        elif name in self._written or len(self._written) < _MAX_WRITTEN:
            self._call.machine.budget.charge_bytes(len(text))
            self._written.setdefault(name, []).append(f"{text}\n")

    def _matches(self, regex: Regex | None) -> bool:
        """Whether a regex (None: the last one) matches; it is the last one then."""
        self._regex = regex or self._regex
        return self._regex is not None and self._regex.search(self._pattern) is not None

    def _at(self, address: Address) -> bool:
        if address.regex is not None or address.empty:
            return self._matches(address.regex)
        if address.last:
            return self._number == len(self._lines)
        if address.step:
            return self._number >= address.line and (self._number - address.line) % address.step == 0
        return self._number == address.line

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
            if outcome == "again":
                index = 0
            if outcome == "jump":
                index = command.jump
            if len(self._pattern) + len(self._hold) > self._call.machine.limits.word_bytes:
                raise LimitReachedError("word_bytes", self._call.machine.limits.word_bytes, "bytes")
        return "end"

    def _selected(self, command: Command) -> bool:
        first, second = command.first, command.second
        if first is None:
            return True
        if second is None:
            return self._at(first)
        if not command.active:
            bash = self._call.gnu
            if bash and first.line == 0 and not first.step and self._number == 1 and second.regex is not None:
                command.active = not self._at(second)
                return True
            if not self._at(first):
                return False
            command.end = _end(second, self._number)
            command.active = command.end != self._number and not (0 < second.line <= self._number)
            return True
        if self._number == command.end or (command.end < 0 and self._at(second)):
            command.active = False
        return True

    def _execute(self, command: Command) -> str:
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
        elif letter == "b" or (letter in "tT" and self._substituted == (letter == "t")):
            self._substituted = self._substituted and letter == "b"
            return "jump"
        elif letter in "lPDrw":
            return self._other(letter, command.text)
        else:
            self._spaces(letter)
        return ""

    def _other(self, letter: str, name: str) -> str:
        head, newline, tail = self._pattern.partition("\n")
        if letter == "P":
            self._emit(head)
        elif letter == "D":
            if not newline:
                return "deleted"
            self._pattern = tail
            return "again"
        elif letter == "w":
            self._write(name, self._pattern)
        elif letter == "r":
            try:
                self._after.append(decode(self._call.read(name)).removesuffix("\n"))
            except PathError:
                return ""
        elif self._call.gnu:
            self._emit(_listed(self._pattern))
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

    def _substitute(self, command: Command) -> None:
        regex = self._regex if command.empty else command.regex
        if regex is None:
            raise FailedError("no previous regexp")
        self._regex = regex
        digits = re.search(r"\d{1,6}", command.flags.partition("w")[0])
        wanted = int(digits[0]) if digits else 1
        everywhere = "g" in command.flags.partition("w")[0]
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
            flags, writes, name = command.flags.partition("w")
            if "p" in flags:
                self._emit(self._pattern)
            if writes:
                self._write(name, self._pattern)


def _end(second: Address, number: int) -> int:
    """The line at which a range that begins at line `number` ends, if that is known; -1 when not."""
    if second.offset > 0:
        return number + second.offset
    if second.offset < 0:
        return -(-number // -second.offset) * -second.offset
    is_line = second.line >= 0 or second.last or second.regex is not None or second.empty
    return -1 if is_line else number


def _filled(template: str, found: Match) -> str:
    def part(piece: re.Match[str]) -> str:
        text = piece[0]
        if text == "&":
            return found.group(0) or ""
        if text[1].isdigit():
            return found.group(int(text[1])) or ""
        return ESCAPES.get(text[1], text[1])

    return re.sub(r"&|\\.", part, template, flags=re.DOTALL)


def _listed(text: str) -> str:
    """The text as `l` shows it."""
    names = {
        "\\": "\\\\",
        "\n": "\\n",
        "\t": "\\t",
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\r": "\\r",
        "\v": "\\v",
    }
    shown = (names.get(char) or (char if " " <= char <= "~" else f"\\{ord(char):03o}") for char in text)
    return "".join(shown) + "$"


def run(call: Call, script: Script, text: str, *, quiet: bool) -> str:
    """What sed prints for `text`; an end of line that is missing there is missing here as well."""
    lines = text.removesuffix("\n").split("\n") if text else []
    work = _Run(call, script, lines, quiet=quiet)
    work.all()
    shown = "".join(work.output)
    return shown if text.endswith("\n") else shown.removesuffix("\n")
