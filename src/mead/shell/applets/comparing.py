# SPDX-License-Identifier: Apache-2.0
"""Commands that compare files: cmp, diff.

**Source:** observed from BusyBox 1.35.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from mead.shell.applets.filters import lines_of
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.nodes import PathError

__all__ = ["TABLE"]

_MAX_COMPARED: Final = 4_000


def _cmp(call: Call) -> int:
    options = call.options("sln:")
    names = options.operands
    if not names:
        raise UsageError
    contents: list[bytes] = []
    for name in [*names, "-"][:2]:
        try:
            contents.append(call.read(name))
        except PathError as error:
            raise FailedError(f"{name}: {error.reason}", 2) from error
    first, second = contents
    if first == second:
        return 0
    differing = [at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b]
    call.machine.budget.charge(min(len(first), len(second)) >> 6)
    if "s" in options:
        return 1
    if "l" in options:
        width = len(str(min(len(first), len(second))))
        call.write("".join(f"{at + 1:>{width}} {first[at]:>3o} {second[at]:>3o}\n" for at in differing))
    elif differing:
        at = differing[0]
        line = first[:at].count(10) + 1
        word = "byte" if call.gnu else "char"
        call.write(f"{names[0]} {[*names, '-'][1]} differ: {word} {at + 1}, line {line}\n")
    if not differing:
        shorter, name = min((first, names[0]), (second, [*names, "-"][1]), key=lambda entry: len(entry[0]))
        lines = shorter.count(10)
        last = f"line {lines}" if shorter.endswith(b"\n") else f"in line {lines + 1}"
        where = f" after byte {len(shorter)}, {last}" if shorter else " which is empty"
        call.say(f"{call.name}: EOF on {name}{where if call.gnu else ''}\n")
    return 1


_LETTERS: Final = {"insert": "a", "delete": "d", "replace": "c"}


def _normal(first: list[str], second: list[str]) -> Iterator[str]:
    """What GNU's diff prints when it is not told how."""
    for kind, low, high, start, end in difflib.SequenceMatcher(
        None, first, second, autojunk=False
    ).get_opcodes():
        if kind == "equal":
            continue
        yield f"{_lines(low, high)}{_LETTERS[kind]}{_lines(start, end)}"
        yield from (f"< {line}" for line in first[low:high])
        if kind == "replace":
            yield "---"
        yield from (f"> {line}" for line in second[start:end])


def _lines(low: int, high: int) -> str:
    """Numbers of lines; no lines are those behind the one before."""
    return f"{low + 1},{high}" if high - low > 1 else f"{high}"


def _diff(call: Call) -> int:
    options = call.options("abBdiLNqrTstwU:u")
    names = options.operands
    if len(names) != 2:
        raise UsageError
    contents: list[bytes] = []
    for name in names:
        try:
            contents.append(call.read(name))
        except PathError as error:
            text = f"{name}: {error.reason}" if call.gnu else f"can't stat '{name}': {error.reason}"
            raise FailedError(text, 2) from error
    first, second = map(lines_of, contents)
    if first == second:
        return 0
    if "q" in options or len(first) + len(second) > _MAX_COMPARED:
        call.write(f"Files {names[0]} and {names[1]} differ\n")
        return 1
    call.machine.budget.charge(len(first) + len(second))
    if call.gnu and not options.values.keys() & {"u", "U"}:
        call.write("".join(f"{row}\n" for row in _normal(first, second)))
        return 1
    rows = list(difflib.unified_diff(first, second, names[0], names[1], n=3, lineterm=""))
    call.write("".join(f"{row.rstrip(' ') if row[:3] in ('---', '+++') else row}\n" for row in rows))
    return 1


TABLE: Final[dict[str, Applet]] = {"cmp": _cmp, "diff": _diff}
