# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""Commands that order lines and choose parts of them: sort, uniq, cut, paste, comm, split.

**Source:** observed from BusyBox 1.35.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, zip_longest
from typing import Final

from mead.shell.applets.filters import count_of, lines_of
from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.parameters import lower

__all__ = ["TABLE"]

_MONTHS: Final = {name: at for at, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), 1)}  # fmt: skip # noqa: SIM905
_NUMBER: Final = re.compile(r"\s*([-+]?)(\d{0,18}(?:\.\d{0,18})?)")
_KEY: Final = re.compile(r"(\d{1,4})(?:\.(\d{1,4}))?([a-zA-Z]*)(?:,(\d{1,4})(?:\.(\d{1,4}))?([a-zA-Z]*))?")
_MAX_SPLIT: Final = 256


@dataclass(frozen=True, slots=True)
class _Key:
    first: int
    first_char: int
    last: int
    last_char: int
    flags: frozenset[str]

    def of(self, line: str, separator: str) -> str:
        """The part of a line that the key means."""
        if self.first == 0:
            return line
        starts, ends = _fields(line, separator)
        if self.first > len(starts):
            return ""
        start = starts[self.first - 1] + self.first_char
        end = len(line)
        if self.last and self.last <= len(ends):
            end = ends[self.last - 1]
            if self.last_char:
                end = min(end, starts[self.last - 1] + self.last_char)
        return line[start : max(start, end)]


def _fields(line: str, separator: str) -> tuple[list[int], list[int]]:
    if separator:
        ends = [found.start() for found in re.finditer(re.escape(separator), line)] + [len(line)]
        return [0, *(end + 1 for end in ends[:-1])], ends
    spans = [found.span() for found in re.finditer(r"[ \t]*[^ \t]+", line)]
    return [start for start, _ in spans], [end for _, end in spans]


def _number(text: str) -> float:
    found = _NUMBER.match(text)
    assert found is not None
    digits = found[2].strip(".")
    return float(found[2] or 0) * (-1 if found[1] == "-" else 1) if digits else 0.0


def _value(text: str, flags: frozenset[str]) -> float | str:
    if "b" in flags:
        text = text.lstrip(" \t")
    if flags & {"n", "g"}:
        return _number(text)
    if "M" in flags:
        return float(_MONTHS.get(text.strip()[:3].upper(), 0))
    if "d" in flags:
        text = re.sub(r"[^A-Za-z0-9 \t]", "", text)
    return lower(text) if "f" in flags else text


def _keys(options: Options) -> list[_Key]:
    shared = frozenset(options.values) & set("ngMbdfir")
    keys: list[_Key] = []
    for text in options.all("k"):
        found = _KEY.fullmatch(text)
        if found is None or int(found[1]) == 0:
            raise FailedError(f"bad field specification '{text}'")
        flags = frozenset(f"{found[3]}{found[6] or ''}") or shared
        first_char = int(found[2] or 1) - 1
        keys.append(_Key(int(found[1]), max(0, first_char), int(found[4] or 0), int(found[5] or 0), flags))
    return keys or [_Key(0, 0, 0, 0, shared)]


def _sort(call: Call) -> int:
    options = call.options("ngMucszbrdfimhVS:T:o:k:t:" if call.gnu else "ngMucszbrdfimS:T:o:k:t:V")
    data, status = call.all_input(options.operands, "{}: {}")
    if status:
        return 2 if call.gnu else 1
    lines = lines_of(data)
    call.machine.budget.charge(len(lines) // 8)
    keys, separator = _keys(options), options.get("t")
    if "c" in options:
        return _check(call, lines, keys, separator)
    lines = _ordered(lines, keys, separator, options)
    text = "".join(f"{line}\n" for line in lines)
    if "o" in options:
        call.save(options.get("o"), text.encode("latin-1"))
    else:
        call.write(text)
    return 0


def _compared(key: _Key, separator: str, line: str) -> float | str:
    return _value(key.of(line, separator), key.flags)


def _ordered(lines: list[str], keys: list[_Key], separator: str, options: Options) -> list[str]:
    backwards = "r" in options
    if "s" not in options:
        lines.sort(reverse=backwards)
    for key in reversed(keys):
        turned = "r" in key.flags
        lines.sort(key=partial(_compared, key, separator), reverse=turned)
    if "u" not in options:
        return lines
    kept: dict[tuple[float | str, ...], str] = {}
    for line in lines:
        kept.setdefault(tuple(_value(key.of(line, separator), key.flags) for key in keys), line)
    return list(kept.values())


def _check(call: Call, lines: list[str], keys: list[_Key], separator: str) -> int:
    def value(line: str) -> list[float | str]:
        return [_value(key.of(line, separator), key.flags) for key in keys]

    for number, (above, below) in enumerate(pairwise(lines), 1):
        if value(above) > value(below):
            call.say(
                f"Check line {number}\n" if not call.gnu else f"sort: -:{number + 1}: disorder: {below}\n"
            )
            return 1
    return 0


def _uniq(call: Call) -> int:
    options = call.options("cduizf:s:w:", {"count": "c", "repeated": "d", "unique": "u"})
    fields, skipped, width = (count_of(options.get(name, "0")) for name in ("f", "s", "w"))

    def compared(line: str) -> str:
        found = re.match(rf"(?:[ \t]*[^ \t]+){{0,{min(fields, 1_000)}}}", line)
        text = line[found.end() if found and fields else 0 :][skipped:]
        text = text[:width] if width else text
        return lower(text) if "i" in options else text

    data, status = call.all_input(options.operands[:1])
    if status:
        return status
    groups: list[tuple[str, int]] = []
    for line in lines_of(data):
        if groups and compared(groups[-1][0]) == compared(line):
            groups[-1] = (groups[-1][0], groups[-1][1] + 1)
        else:
            groups.append((line, 1))
    chosen = [
        f"{count:>7} {line}\n" if "c" in options else f"{line}\n"
        for line, count in groups
        if not (("d" in options and count < 2) or ("u" in options and count > 1))
    ]
    if len(options.operands) > 1:
        call.save(options.operands[1], "".join(chosen).encode("latin-1"))
    else:
        call.write("".join(chosen))
    return 0


def _ranges(text: str) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        for bound in (first, last):
            if bound and not re.fullmatch(r"\d{1,9}", bound):
                raise FailedError(f"invalid number '{bound}'")
        if not first and not last:
            raise FailedError("missing list of positions")
        low = int(first or 1)
        high = int(last) if last else 1 << 30 if dash else low
        ranges.append((max(0, low - 1), high))
    return sorted(ranges)


def _cut(call: Call) -> int:
    options = call.options(
        "b:c:f:F:d:O:Dsn", {"fields": "f:", "delimiter": "d:", "characters": "c:", "bytes": "b:"}
    )
    chosen = next((letter for letter in "bcf" if letter in options), None)
    if chosen is None:
        raise FailedError("expected a list of bytes, characters, or fields")
    if len(options.get("d")) > 1 and call.gnu:
        raise FailedError("the delimiter must be a single character")
    ranges = _ranges(options.get(chosen))
    delimiter = options.get("d", "\t")[:1] or "\0"
    data, status = call.all_input(options.operands, "{}: {}")
    for line in lines_of(data):
        cut = _cut_line(line, ranges, delimiter, by_fields=chosen == "f", only="s" in options)
        if cut is not None:
            call.write(f"{cut}\n")
    return status


def _cut_line(
    line: str, ranges: list[tuple[int, int]], delimiter: str, *, by_fields: bool, only: bool
) -> str | None:
    if by_fields and delimiter not in line:
        return None if only else line
    units: list[str] | str = line.split(delimiter) if by_fields else line
    wanted = sorted({at for first, last in ranges for at in range(first, min(last, len(units)))})
    return (delimiter if by_fields else "").join(units[at] for at in wanted)


def _columns(call: Call, names: list[str]) -> list[list[str]]:
    return [lines_of(call.read(name)) for name in names]


def _paste(call: Call) -> int:
    options = call.options("sd:")
    marks = options.get("d", "\t").replace("\\t", "\t").replace("\\n", "\n") or "\0"
    columns = _columns(call, options.operands or ["-"])
    if "s" in options:
        call.write("".join(f"{_joined(lines, marks)}\n" for lines in columns))
    else:
        rows = zip_longest(*columns, fillvalue="")
        call.write("".join(f"{_joined(list(row), marks)}\n" for row in rows))
    return 0


def _joined(cells: list[str], marks: str) -> str:
    pieces = [mark + cell for mark, cell in zip(_cycled(marks, len(cells) - 1), cells[1:], strict=False)]
    return "".join([*cells[:1], *pieces])


def _cycled(marks: str, count: int) -> list[str]:
    return ["" if marks[at % len(marks)] == "\0" else marks[at % len(marks)] for at in range(count)]


def _comm(call: Call) -> int:
    options = call.options("123")
    if len(options.operands) != 2:
        raise UsageError
    left, right = _columns(call, options.operands)
    first = second = 0
    while first < len(left) or second < len(right):
        order = _order(left, first, right, second)
        column = {-1: 1, 1: 2, 0: 3}[order]
        line = right[second] if order > 0 else left[first]
        first += order <= 0
        second += order >= 0
        if str(column) not in options:
            tabs = sum(str(at) not in options for at in range(1, column))
            call.write("\t" * tabs + f"{line}\n")
    return 0


def _order(left: list[str], first: int, right: list[str], second: int) -> int:
    if first >= len(left):
        return 1
    if second >= len(right):
        return -1
    return (left[first] > right[second]) - (left[first] < right[second])


def _split(call: Call) -> int:
    options = call.options("b:l:a:d", {"lines": "l:", "bytes": "b:"})
    data, status = call.all_input(options.operands[:1], "{}: {}")
    if status:
        return status
    prefix = options.operands[1] if len(options.operands) > 1 else "x"
    if "b" in options:
        size = max(1, count_of(options.get("b")))
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
    else:
        rows, size = data.splitlines(keepends=True), max(1, count_of(options.get("l", "1000")))
        pieces = [b"".join(rows[at : at + size]) for at in range(0, len(rows), size)]
    for number, piece in enumerate(pieces[:_MAX_SPLIT]):
        call.save(f"{prefix}{chr(97 + number // 26)}{chr(97 + number % 26)}", piece)
    return 0


TABLE: Final[dict[str, Applet]] = {
    "sort": _sort, "uniq": _uniq, "cut": _cut, "paste": _paste, "comm": _comm, "split": _split,
}  # fmt: skip
