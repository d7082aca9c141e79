# SPDX-License-Identifier: Apache-2.0
"""sed: its scripts, from text to commands; `mead.shell.applets.sed_run` runs them.

**Source:** POSIX.1-2017, sed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

from mead.shell.call import Call, FailedError
from mead.shell.regex import Regex, RegexError

__all__ = ["ESCAPES", "Address", "Command", "Script", "parse"]

_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
ESCAPES: Final = {"/": "/", "n": "\n", "t": "\t", "r": "\r"}
"""Letters that stand for others behind a backslash, in patterns and in what replaces them."""

_ADDRESS: Final = re.compile(
    r"(\d{1,9})(?:~(\d{1,9}))?|(\$)|/((?:[^/\\]|\\.)*)/(I?)|\\(.)((?:\\.|(?!\6).)*)\6(I?)|([+~])(\d{1,9})",
    re.DOTALL,
)
_MAX_COMMANDS: Final = 1_000


@dataclass(slots=True)
class Address:
    """Where a command applies: a line, every so many lines, the last line, what matches."""

    line: int = -1
    step: int = 0
    last: bool = False
    regex: Regex | None = None
    empty: bool = False
    """Whether it is `//`: the regex that was used last."""
    offset: int = 0
    """Of a second address `+N`: how many lines more."""


@dataclass(slots=True)
class Command:
    """One command of a script."""

    letter: str
    first: Address | None
    second: Address | None
    negated: bool
    regex: Regex | None = None
    text: str = ""
    flags: str = ""
    jump: int = -1
    active: bool = False
    empty: bool = False
    """Whether the regex of `s` is the one that was used last."""
    end: int = 0
    """The line at which a range of `+N` ends."""


Script: TypeAlias = list[Command]


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
                    raise FailedError(
                        "unexpected '}'" if not self._call.gnu else "-e expression #1, char 0: unexpected `}'"
                    )
                script[groups.pop()].jump = len(script)
                continue
            if command.letter == "{":
                groups.append(len(script))
            script.append(command)
        if groups:
            self._unclosed()
        for command in script:
            if command.letter in "bt":
                command.jump = labels.get(command.text, len(script)) if command.text else len(script)
        return script

    def _unclosed(self) -> None:
        """BusyBox says nothing of a group that does not end; GNU sed does."""
        if self._call.gnu:
            raise FailedError("-e expression #1, char 0: unmatched `{'")

    def _skip(self) -> bool:
        while self._position < len(self._text) and self._text[self._position] in " \t\n;":
            self._position += 1
        return self._position < len(self._text)

    def _regex(self, pattern: str, flags: str = "") -> Regex:
        try:
            return Regex(
                _ESCAPE.sub(lambda found: ESCAPES.get(found[1], found[0]), pattern),
                extended=self._extended,
                budget=self._call.machine.budget,
                ignore_case="I" in flags or "i" in flags,
            )
        except RegexError as error:
            raise FailedError(f"bad regex '{pattern}': {error}") from error

    def _address(self) -> Address | None:
        found = _ADDRESS.match(self._text, self._position)
        if not found:
            if self._text.startswith("/", self._position):
                raise FailedError("unmatched '/'")
            return None
        self._position = found.end()
        if found[2] and not self._call.gnu:
            raise FailedError("unsupported command ~")
        line, step, last, slashed, ignore, mark, other, other_ignore, sign, offset = found.groups()
        if line:
            return Address(line=int(line), step=int(step or 0))
        if last:
            return Address(last=True)
        if sign:
            return Address(offset=int(offset) if sign == "+" else -max(1, int(offset)))
        pattern = slashed if slashed is not None else other.replace(f"\\{mark}", mark)
        if pattern == "":
            return Address(empty=True)
        return Address(regex=self._regex(pattern, (ignore or "") + (other_ignore or "")))

    def _command(self) -> Command:
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
        command = Command(self._text[self._position], first, second, negated)
        self._position += 1
        self._arguments(command)
        return command

    def _blanks(self) -> None:
        while self._position < len(self._text) and self._text[self._position] in " \t":
            self._position += 1

    def _arguments(self, command: Command) -> None:
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
                command.empty = pattern == ""
                command.regex = None if command.empty else self._regex(pattern, command.flags)
                if self._text.startswith("w", self._position):
                    command.flags += "w" + self._rest()
            else:
                command.flags = pattern
        elif command.letter in "aic":
            found = re.compile(r"[ \t]*\\?\n?[ \t]*([^\n]*)").match(self._text, self._position)
            command.text = found[1] if found else ""
            self._position = found.end() if found else self._position
        elif command.letter in "rw":
            self._position -= 1
            command.text = self._rest()
        elif command.letter in "bt:T":
            found = re.compile(r"[ \t]*([^;\n}]*)").match(self._text, self._position)
            command.text = found[1].strip() if found else ""
            self._position = found.end() if found else self._position
        elif command.letter == "#":
            end = self._text.find("\n", self._position)
            self._position = len(self._text) if end < 0 else end
        elif command.letter not in "dpqDPNnhHgGx={}lQ":
            raise FailedError(f"unsupported command {command.letter}")

    def _rest(self) -> str:
        """What follows a letter up to the end of the line: the name of a file."""
        end = self._text.find("\n", self._position)
        end = len(self._text) if end < 0 else end
        name, self._position = self._text[self._position + 1 : end].strip(), end
        return name

    def _delimited(self) -> tuple[str, str]:
        mark = self._text[self._position : self._position + 1]
        if not mark or mark in "\\\n":
            raise FailedError("bad format in substitution expression")
        quoted = re.escape(mark)
        found = re.compile(
            rf"{quoted}((?:\[\^?\]?[^\]\n]*\]|[^{quoted}\\]|\\.)*){quoted}((?:[^{quoted}\\]|\\.)*){quoted}",
            re.DOTALL,
        ).match(self._text, self._position)
        if not found:
            raise FailedError(f"unmatched '{mark}'")
        self._position = found.end()
        unescape = f"\\{mark}"
        return found[1].replace(unescape, mark), found[2].replace(unescape, mark)


def parse(call: Call, text: str, *, extended: bool) -> Script:
    """The commands of a sed script.

    Raises:
        FailedError: it is none.
    """
    return _Parser(call, text, extended=extended).commands()
