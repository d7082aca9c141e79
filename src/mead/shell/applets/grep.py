# SPDX-License-Identifier: Apache-2.0
"""grep, egrep and fgrep.

**Source:** observed from BusyBox 1.35.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from mead.shell.ast import decode
from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.nodes import PathError
from mead.shell.regex import Match, Regex, RegexError

__all__ = ["TABLE"]

_LONG: Final = {
    "color": "color", "colour": "color", "quiet": "q", "silent": "q", "ignore-case": "i", "invert-match": "v",
    "count": "c", "only-matching": "o", "line-regexp": "x", "word-regexp": "w", "recursive": "r",
    "extended-regexp": "E", "fixed-strings": "F", "regexp": "e:", "file": "f:", "line-number": "n",
    "max-count": "m:", "after-context": "A:", "before-context": "B:", "context": "C:", "no-messages": "s",
    "files-with-matches": "l", "no-filename": "h", "with-filename": "H", "text": "a",
}  # fmt: skip
_MAX_PATTERNS: Final = 256


@dataclass(slots=True)
class _Search:
    """What is looked for; patterns are compiled when there is a line to look at."""

    call: Call
    options: Options
    patterns: list[str]
    _compiled: list[Regex] = field(default_factory=list)

    def regexes(self) -> list[Regex]:
        if not self._compiled:
            self._compiled = [self._compile(pattern) for pattern in self.patterns[:_MAX_PATTERNS]]
        return self._compiled

    def _compile(self, pattern: str) -> Regex:
        options, name = self.options, self.call.name
        fixed = "F" in options or name == "fgrep"
        extended = fixed or "E" in options or "P" in options or name == "egrep"
        text = re.sub(r"([][.*^$\\+?(){}|])", r"\\\1", pattern) if fixed else pattern
        if "w" in options:
            text = f"\\<({text})\\>" if extended else f"\\<\\({text}\\)\\>"
        if "x" in options:
            text = f"^({text})$" if extended else f"^\\({text}\\)$"
        budget = self.call.machine.budget
        try:
            return Regex(text, extended=extended, budget=budget, ignore_case="i" in options)
        except RegexError as error:
            raise FailedError(f"bad regex '{pattern}': {error}", 2) from error

    def selects(self, line: str) -> bool:
        return any(regex.search(line) for regex in self.regexes()) != ("v" in self.options)

    def pieces(self, line: str) -> Iterator[str]:
        """The parts of a line that match."""
        position = 0
        while position < len(line):
            found: list[Match] = [
                match
                for regex in self.regexes()
                if (match := regex.search(line, position)) is not None and match.end > match.start
            ]
            if not found:
                return
            first = min(found, key=lambda match: match.start)
            yield line[first.start : first.end]
            position = first.end


def _patterns(call: Call, options: Options) -> list[str]:
    patterns = options.all("e")
    for name in options.all("f"):
        try:
            patterns = [*patterns, *decode(call.read(name)).splitlines()]
        except PathError as error:
            raise FailedError(f"{name}: {error.reason}", 2) from error
    if not options.all("e") and not options.all("f"):
        if not options.operands:
            raise UsageError
        patterns = [options.operands.pop(0)]
    return [part for pattern in patterns for part in pattern.split("\n")]


def _names(call: Call, options: Options) -> Iterator[str]:
    recursive = options.values.keys() & {"r", "R"}
    for name in options.operands or (["."] if recursive else ["-"]):
        if not recursive or name == "-" or not call.machine.fs.is_directory(call.path(name)):
            yield name
            continue
        base = call.path(name)
        for path, node in call.machine.fs.walk(base):
            call.machine.budget.charge()
            if node.kind == "file":
                yield (name + path[len(base) :] if name != "." or call.gnu else "." + path[len(base) :])


def _grep(call: Call) -> int:
    options = call.options("HhnlLoqvsrRiwxFEPe:f:m:A:B:C:zcIa", _LONG)
    search = _Search(call, options, _patterns(call, options))
    recursive = bool(options.values.keys() & {"r", "R"})
    titled = ("H" in options or len(options.operands) > 1 or recursive) and "h" not in options
    found_any, failed = False, False
    for name in _names(call, options):
        try:
            data = call.read(name)
        except PathError as error:
            if error.reason.startswith("read error"):
                if call.gnu:
                    call.complain(f"{name}: Is a directory")
                continue
            failed = True
            if "s" not in options:
                call.complain(f"{name}: {error.reason}")
            continue
        found_any = _one(search, decode(data), name, titled=titled) or found_any
        if found_any and "q" in options:
            return 0
    if failed and "q" not in options:
        return 2
    return 0 if found_any else 1


def _chosen(search: _Search, lines: list[str]) -> list[int]:
    """The numbers of the lines that are selected, as many as are asked for."""
    options = search.options
    most = int(options.get("m")[:9]) if options.get("m").isdecimal() else len(lines)
    stop_early = options.values.keys() & {"q", "l", "L"}
    chosen: list[int] = []
    for index, line in enumerate(lines):
        if len(chosen) >= most or (stop_early and chosen):
            break
        if search.selects(line):
            chosen.append(index)
    return chosen


def _one(search: _Search, text: str, name: str, *, titled: bool) -> bool:
    options = search.options
    lines = text.removesuffix("\n").split("\n") if text else []
    chosen = _chosen(search, lines)
    shown = name if name != "-" else "(standard input)"
    if options.values.keys() & {"l", "L"}:
        if bool(chosen) == ("l" in options):
            search.call.write(f"{shown}\n")
        return bool(chosen) == ("l" in options)
    if "q" not in options:
        _tell(search, text, lines, chosen, f"{shown}:" if titled else "")
    return bool(chosen)


def _tell(search: _Search, text: str, lines: list[str], chosen: list[int], prefix: str) -> None:
    call, options = search.call, search.options
    if "c" in options:
        call.write(f"{prefix}{len(chosen)}\n")
    elif "\0" in text and "a" not in options and call.gnu and chosen:
        call.write("Binary file (standard input) matches\n")
    elif "o" in options and "v" not in options:
        _show_pieces(search, lines, chosen, prefix)
    else:
        _show(search, lines, chosen, prefix)


def _show_pieces(search: _Search, lines: list[str], chosen: list[int], prefix: str) -> None:
    for index in chosen:
        number = f"{index + 1}:" if "n" in search.options else ""
        for piece in search.pieces(lines[index]):
            search.call.write(f"{prefix}{number}{piece}\n")


def _context(options: Options, letter: str) -> int:
    text = options.get(letter) or options.get("C")
    return int(text[:4]) if text.isdecimal() else 0


def _show(search: _Search, lines: list[str], chosen: list[int], prefix: str) -> None:
    options = search.options
    before, after = _context(options, "B"), _context(options, "A")
    last, wanted = -1, frozenset(chosen)
    for index in chosen:
        start = max(last + 1, index - before)
        if (before or after) and last >= 0 and start > last + 1:
            search.call.write("--\n")
        for at in range(start, min(len(lines), index + after + 1)):
            mark = ":" if at in wanted else "-"
            title = prefix if mark == ":" else prefix[:-1] + mark if prefix else ""
            number = f"{at + 1}{mark}" if "n" in options else ""
            search.call.write(f"{title}{number}{lines[at]}\n")
            last = at


TABLE: Final[dict[str, Applet]] = {"grep": _grep, "egrep": _grep, "fgrep": _grep}
