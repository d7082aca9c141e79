# SPDX-License-Identifier: Apache-2.0
"""Commands that pass text on: cat, head, tail, wc, sort, uniq, cut, tr, rev and their like."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.ast import decode
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.escapes import printf_escapes
from mead.shell.vfs import PathError

__all__ = ["TABLE", "count_of"]

_UNITS: Final = {"": 1, "b": 512, "k": 1024, "K": 1024, "m": 1 << 20, "M": 1 << 20}


def count_of(text: str) -> int:
    """A number with an optional unit.

    Raises:
        FailedError: it is none.
    """
    found = re.fullmatch(r"[-+]?(\d{1,12})([bkKmM]?)", text)
    if not found:
        raise FailedError(f"invalid number '{text}'")
    return int(found[1]) * _UNITS[found[2]]


def _cat(call: Call) -> int:
    options = call.options("AbeEnstTuv", {"show-all": "A"})
    status = 0
    for name in options.operands or ["-"]:
        try:
            source = call.source(name)
        except PathError as error:
            call.complain(
                f"{name}: {error.reason}"
                if call.machine.persona.gnu
                else f"can't open '{name}': {error.reason}"
            )
            status = 1
            continue
        if {"n", "b"} & options.values.keys():
            lines = call.drain(source).splitlines(keepends=True)
            call.write(b"".join(b"%6d\t%s" % (number, line) for number, line in enumerate(lines, 1)))
        else:
            call.pour(source, call.stdout)
    return status


def _edge(call: Call) -> int:
    words = list(call.argv)
    if len(words) > 1 and re.fullmatch(r"[-+]\d+", words[1]):
        words[1:2] = ["-n", words[1].lstrip("-")]
    options = Call(words, call.process, call.shell).options("n:c:qvfFs:", {"lines": "n:", "bytes": "c:"})
    text = options.get("c") or options.get("n", "10")
    unit_is_bytes, count = "c" in options, count_of(text)
    if call.name == "head" and not options.operands and not text.startswith("-"):
        call.write(_first_of_input(call, count, by_bytes=unit_is_bytes))
        return 0
    status = 0
    complaint = "cannot open '{}' for reading: {}" if call.machine.persona.gnu else "{}: {}"
    many = len(options.operands) > 1 and "q" not in options
    for index, (name, data) in enumerate(call.inputs(options.operands, complaint)):
        if data is None:
            status = 1
            continue
        if many:
            call.write(("\n" if index else "") + f"==> {name} <==\n")
        call.write(_cut_edge(call.name, data, text, count, by_bytes=unit_is_bytes))
    return status


def _first_of_input(call: Call, count: int, *, by_bytes: bool) -> bytes:
    """Takes no more than it needs, so that what follows on the same input is left."""
    source = call.stdin
    if source.waits is not None:
        data = call.drain(source)
        return data[:count] if by_bytes else b"".join(data.splitlines(keepends=True)[:count])
    if by_bytes:
        data = source.read(min(count, call.machine.limits.pipe_bytes))
        call.machine.budget.charge_bytes(len(data))
        return data
    lines: list[bytes] = []
    while len(lines) < count and (line := source.line()):
        call.machine.budget.charge_bytes(len(line))
        lines.append(line)
    return b"".join(lines)


def _cut_edge(name: str, data: bytes, text: str, count: int, *, by_bytes: bool) -> bytes:
    units: list[bytes] | bytes = data if by_bytes else re.findall(rb"[^\n]*\n|[^\n]+", data)
    if name == "head":
        chosen = units[: max(0, len(units) - count)] if text.startswith("-") else units[:count]
    elif text.startswith("+"):
        chosen = units[max(0, count - 1) :]
    else:
        chosen = units[max(0, len(units) - count) :]
    return chosen if isinstance(chosen, bytes) else b"".join(chosen)


def _wc(call: Call) -> int:
    options = call.options("clwLm")
    wanted = [letter for letter in "lwcL" if letter in options or (letter == "c" and "m" in options)] or [
        "l",
        "w",
        "c",
    ]
    totals = dict.fromkeys(wanted, 0)
    status = 0
    rows: list[tuple[list[int], str]] = []
    for name, data in call.inputs(options.operands, "{}: {}"):
        if data is None:
            status = 1
            continue
        counts = {
            "l": data.count(b"\n"),
            "w": len(data.split()),
            "c": len(data),
            "L": max(map(len, data.split(b"\n"))),
        }
        rows.append(
            ([counts[letter] for letter in wanted], "" if name == "-" and not options.operands else name)
        )
        for letter in wanted:
            totals[letter] += counts[letter]
    if len(options.operands) > 1:
        rows.append((list(totals.values()), "total"))
    for values, name in rows:
        line = (
            str(values[0])
            if len(wanted) == 1 and len(rows) <= 1
            else " ".join(f"{value:>9}" for value in values)
        )
        call.write(f"{line} {name}".rstrip(" ") + "\n")
    return status


def _lines(data: bytes) -> list[str]:
    text = decode(data)
    text = text.removesuffix("\n")
    return text.split("\n") if data else []


def _number(text: str) -> float:
    found = re.match(r"\s*(-?\d{1,15}(?:\.\d{0,15})?)", text)
    return float(found[1]) if found else 0.0


def _sort(call: Call) -> int:
    options = call.options("nrugMcszbdfiok:t:o:T:h")
    data, status = call.all_input(options.operands)
    lines = _lines(data)
    call.machine.budget.charge(len(lines) // 16)
    separator = options.get("t")
    keys = options.all("k")

    def field(line: str) -> str:
        if not keys:
            return line
        found = re.match(r"(\d{1,4})", keys[0])
        index = int(found[1]) - 1 if found else 0
        fields = line.split(separator) if separator else line.split()
        return (separator or " ").join(fields[index:]) if 0 <= index < len(fields) else ""

    numeric = "n" in options or "g" in options or any("n" in key for key in keys)
    backwards = "r" in options or any("r" in key for key in keys)
    lines.sort(
        key=(lambda line: (_number(field(line)), line)) if numeric else (lambda line: (field(line), line)),
        reverse=backwards,
    )
    if "u" in options:
        lines = list(dict.fromkeys(lines))
    text = "".join(f"{line}\n" for line in lines)
    if "o" in options:
        call.save(options.get("o"), text.encode("latin-1"))
    else:
        call.write(text)
    return status


def _uniq(call: Call) -> int:
    options = call.options("cdui")
    data, status = call.all_input(options.operands[:1])
    groups: list[tuple[str, int]] = []
    for line in _lines(data):
        if groups and groups[-1][0] == line:
            groups[-1] = (line, groups[-1][1] + 1)
        else:
            groups.append((line, 1))
    for line, count in groups:
        if ("d" in options and count < 2) or ("u" in options and count > 1):
            continue
        call.write(f"{count:>7} {line}\n" if "c" in options else f"{line}\n")
    return status


def _ranges(text: str) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d{0,6})(-?)(\d{0,6})", part)
        if not found or not (found[1] or found[3]):
            raise FailedError(f"invalid byte or field list '{text}'")
        first = int(found[1] or 1)
        last = int(found[3]) if found[3] else (1 << 30 if found[2] else first)
        ranges.append((first - 1, last))
    return ranges


def _cut(call: Call) -> int:
    options = call.options("b:c:f:d:sn", {"fields": "f:", "delimiter": "d:"})
    chosen = next((letter for letter in "bcf" if letter in options), None)
    if chosen is None:
        raise FailedError("expected a list of bytes, characters, or fields")
    ranges = _ranges(options.get(chosen))
    delimiter = options.get("d", "\t") or "\0"
    data, status = call.all_input(options.operands)
    output: list[str] = []
    for line in _lines(data):
        if chosen != "f":
            output.append("".join(line[first:last] for first, last in sorted(ranges)))
        elif delimiter not in line:
            if "s" not in options:
                output.append(line)
        else:
            fields = line.split(delimiter)
            wanted = sorted(
                {index for first, last in ranges for index in range(first, min(last, len(fields)))}
            )
            output.append(delimiter.join(fields[index] for index in wanted))
    call.write("".join(f"{line}\n" for line in output))
    return status


_CLASSES: Final = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": " \t\n\r\v\f",
    "blank": " \t",
    "xdigit": "0-9A-Fa-f",
    "punct": "!-/:-@[-`{-~",
    "cntrl": "\0-\x1f\x7f",
    "print": " -~",
    "graph": "!-~",
}


def _set(text: str) -> str:
    """The characters that a set of tr stands for, in order."""
    text = re.sub(r"\[:(\w+):\]", lambda found: _CLASSES.get(found[1], ""), text)
    text = re.sub(r"\[(.-.)\]", r"\1", text) if re.fullmatch(r"\[.-.\](\[.-.\])*", text) else text
    text = printf_escapes(text)
    return re.sub(
        r"(.)-(.)",
        lambda found: "".join(map(chr, range(ord(found[1]), ord(found[2]) + 1))),
        text,
        flags=re.DOTALL,
    )


def _tr(call: Call) -> int:
    options = call.options("cCdst", first_operand_ends=True)
    if not options.operands:
        raise UsageError
    first = _set(options.operands[0])
    if "c" in options or "C" in options:
        first = "".join(map(chr, (code for code in range(256) if chr(code) not in first)))
    second = _set(options.operands[1]) if len(options.operands) > 1 else ""
    text = decode(call.drain(call.stdin))
    if "d" in options:
        text = text.translate(dict.fromkeys(map(ord, first)))
    elif second:
        padded = second.ljust(len(first), second[-1])
        text = text.translate({ord(char): padded[index] for index, char in reversed(list(enumerate(first)))})
    if "s" in options:
        squeezed = re.escape(second or first)
        text = re.sub(f"([{squeezed}])\\1+", r"\1", text) if squeezed else text
    call.write(text)
    return 0


def _rev(call: Call) -> int:
    data, status = call.all_input(call.argv[1:])
    call.write("".join(f"{line[::-1]}\n" for line in _lines(data)))
    return status


def _tac(call: Call) -> int:
    data, status = call.all_input(call.argv[1:])
    call.write("".join(f"{line}\n" for line in reversed(_lines(data))))
    return status


def _nl(call: Call) -> int:
    data, status = call.all_input(call.argv[1:])
    call.write("".join(f"{number:>6}\t{line}\n" for number, line in enumerate(_lines(data), 1)))
    return status


def _strings(call: Call) -> int:
    options = call.options("afon:t:", {"bytes": "n:"})
    data, status = call.all_input(options.operands, "{}: {}")
    length = max(1, min(count_of(options.get("n", "4")), 4_096))
    for found in re.finditer(rb"[\x20-\x7e\t]{%d,}" % length, data):
        call.write(found[0] + b"\n")
    return status


def _fold(call: Call) -> int:
    options = call.options("bsw:")
    width = max(1, count_of(options.get("w", "80")))
    data, status = call.all_input(options.operands)
    for line in _lines(data):
        pieces = [line[at : at + width] for at in range(0, len(line), width)] or [""]
        call.write("\n".join(pieces) + "\n")
    return status


def _paste(call: Call) -> int:
    options = call.options("sd:")
    data, status = call.all_input(options.operands)
    call.write((options.get("d") or "\t").join(_lines(data)) + "\n")
    return status


def _cmp(call: Call) -> int:
    names = [word for word in call.argv[1:] if not word.startswith("-")]
    if len(names) < 2:
        raise UsageError
    try:
        first, second = call.read(names[0]), call.read(names[1])
    except PathError as error:
        raise FailedError(f"{names[0]}: {error.reason}", 2) from error
    if first == second:
        return 0
    offset = next((at for at, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), None)
    if "-s" not in call.argv:
        if offset is None:
            call.say(f"{call.name}: EOF on {names[0] if len(first) < len(second) else names[1]}\n")
        else:
            call.write(
                f"{names[0]} {names[1]} differ: char {offset + 1}, line {first[:offset].count(10) + 1}\n"
            )
    return 1


TABLE: Final[dict[str, Applet]] = {
    "cat": _cat,
    "more": _cat,
    "less": _cat,
    "head": _edge,
    "tail": _edge,
    "wc": _wc,
    "sort": _sort,
    "uniq": _uniq,
    "cut": _cut,
    "tr": _tr,
    "rev": _rev,
    "tac": _tac,
    "nl": _nl,
    "strings": _strings,
    "fold": _fold,
    "paste": _paste,
    "cmp": _cmp,
    "diff": _cmp,
}
