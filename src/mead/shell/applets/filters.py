# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""Commands that pass text on: cat, head, tail, wc, sort, uniq, cut, tr, rev and their like."""

from __future__ import annotations

import difflib
import re
from typing import Final

from mead.shell.ast import decode
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.escapes import printf_escapes
from mead.shell.limits import LimitReachedError
from mead.shell.streams import Endless, Source
from mead.shell.vfs import PathError

__all__ = ["TABLE", "count_of", "lines_of"]

_MAX_COMPARED: Final = 4_000
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
    options = call.options("AbeEnstTuv" if call.process.bash else "nbvteAu", {"show-all": "A"})
    status, number = 0, 0
    shown = frozenset(options.values) - {"u"}
    for name in options.operands or ["-"]:
        try:
            source = call.source(name)
            if shown:
                text, number = _shown(call.drain(source), shown, number)
                call.write(text)
            else:
                call.pour(source, call.stdout)
        except PathError as error:
            call.complain(_unread(call, name, error.reason))
            status = 1
    return status


def _unread(call: Call, name: str, reason: str) -> str:
    bash = call.process.bash
    if reason.startswith(("read error: ", "write error: ")):
        return f"{name}: {reason.partition(': ')[2]}" if bash else reason
    return f"{name}: {reason}" if bash else f"can't open '{name}': {reason}"


def _shown(data: bytes, options: frozenset[str], number: int) -> tuple[bytes, int]:
    """What `cat` makes of a file with `-n`, `-b`, `-v`, `-e`, `-t`, `-A`; lines are counted on from `number`."""
    pieces: list[bytes] = []
    for row in re.findall(rb"[^\n]*\n|[^\n]+", data):
        line, end = (row[:-1], b"\n") if row.endswith(b"\n") else (row, b"")
        if options & {"n", "b"} and (line or "n" in options):
            number += 1
            pieces.append(b"%6d\t" % number)
        if options & {"v", "e", "t", "A"}:
            tabs = options & {"t", "A", "T"}
            line = b"".join(map(_visible, line)) if tabs else _kept_tabs(line)
        mark = b"$" if options & {"e", "A", "E"} and end else b""
        pieces.append(line + mark + end)
    return b"".join(pieces), number


def _visible(byte: int) -> bytes:
    if byte >= 128:
        return b"M-" + _visible(byte - 128)
    if byte < 32 or byte == 127:
        return b"^" + bytes([byte ^ 64])
    return bytes([byte])


def _kept_tabs(line: bytes) -> bytes:
    return b"\t".join(b"".join(map(_visible, piece)) for piece in line.split(b"\t"))


def _edge(call: Call) -> int:
    words = list(call.argv)
    if len(words) > 1 and re.fullmatch(r"[-+]\d+", words[1]):
        words[1:2] = ["-n", words[1].lstrip("-")]
    options = Call(words, call.process, call.shell).options("n:c:qvfFs:", {"lines": "n:", "bytes": "c:"})
    text = options.get("c") or options.get("n", "10")
    unit_is_bytes, count = "c" in options, count_of(text)
    if call.name == "head" and len(options.operands) < 2 and "v" not in options and not text.startswith("-"):
        return _first(call, options.operands, count, by_bytes=unit_is_bytes)
    status = 0
    complaint = "cannot open '{}' for reading: {}" if call.machine.persona.gnu else "{}: {}"
    if call.name == "tail" and not call.process.bash:
        complaint = "can't open '{}': {}"
    many = (len(options.operands) > 1 or "v" in options) and "q" not in options
    for index, (name, data) in enumerate(call.inputs(options.operands, complaint)):
        if data is None:
            status = 1
            continue
        if many:
            call.write(("\n" if index else "") + f"==> {name} <==\n")
        call.write(_cut_edge(call.name, data, text, count, by_bytes=unit_is_bytes))
    if call.name == "tail" and status and not call.process.bash and len(options.operands) == 1:
        call.complain("no files")
    return status


def _first(call: Call, names: list[str], count: int, *, by_bytes: bool) -> int:
    """The first of one input. It takes no more than it needs: what follows on standard input is left."""
    try:
        source = call.source(names[0]) if names else call.stdin
        call.write(_taken(call, source, count, by_bytes=by_bytes))
    except PathError as error:
        reason = error.reason.removeprefix("read error: ")
        name = names[0] if names else "standard input"
        bash = f"cannot open '{name}' for reading: {reason}"
        call.complain(bash if call.process.bash else f"{name}: {reason}")
        return 1
    return 0


def _taken(call: Call, source: Source, count: int, *, by_bytes: bool) -> bytes:
    if source.waits is not None:
        data = call.drain(source)
        return data[:count] if by_bytes else b"".join(data.splitlines(keepends=True)[:count])
    if by_bytes:
        most = call.machine.limits.file_bytes
        if count > most and isinstance(source, Endless):
            call.machine.limit(LimitReachedError("file_bytes", most, "bytes"))
        data = source.read(min(count, most))
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


def lines_of(data: bytes) -> list[str]:
    """The lines of a text without their ends."""
    return decode(data).removesuffix("\n").split("\n") if data else []


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
    if len(options.operands) > 1 and not options.operands[1] and "d" not in options:
        text = (
            "when not truncating set1, string2 must be non-empty"
            if call.process.bash
            else "STRING2 cannot be empty"
        )
        raise FailedError(text)
    if len(options.operands) < 2 and not options.values.keys() & {"d", "s"}:
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
    call.write("".join(f"{line[::-1]}\n" for line in lines_of(data)))
    return status


def _tac(call: Call) -> int:
    data, status = call.all_input(call.argv[1:])
    call.write("".join(f"{line}\n" for line in reversed(lines_of(data))))
    return status


def _nl(call: Call) -> int:
    options = call.options("b:i:l:n:s:v:w:")
    data, status = call.all_input(options.operands)
    number = 0
    for line in lines_of(data):
        if line or options.get("b") == "a":
            number += 1
            call.write(f"{number:>6}{options.get('s', chr(9))}{line}\n")
        else:
            call.write(" " * 7 + "\n")
    return status


def _strings(call: Call) -> int:
    options = call.options("afon:t:", {"bytes": "n:"})
    data, status = call.all_input(options.operands, "{}: {}")
    length = max(1, min(count_of(options.get("n", "4")), 4_096))
    base = "o" if "o" in options else options.get("t")
    for found in re.finditer(rb"[\x20-\x7e\t]{%d,}" % length, data):
        place = f"{format(found.start(), base):>7} " if base in {"o", "d", "x"} else ""
        call.write(place.encode() + found[0] + b"\n")
    return status


def _fold(call: Call) -> int:
    options = call.options("bsw:")
    width = max(1, count_of(options.get("w", "80")))
    data, status = call.all_input(options.operands)
    for line in lines_of(data):
        call.machine.budget.charge(1 + len(line) // width)
        call.write("\n".join(_folded(line, width, at_blanks="s" in options)) + "\n")
    return status


def _folded(line: str, width: int, *, at_blanks: bool) -> list[str]:
    pieces: list[str] = []
    start = 0
    while len(line) - start > width:
        end = start + width
        blank = line.rfind(" ", start, end) if at_blanks else -1
        end = blank + 1 if blank >= start else end
        pieces.append(line[start:end])
        start = end
    return [*pieces, line[start:]]


def _expand(call: Call) -> int:
    options = call.options("it:a")
    data, status = call.all_input(options.operands)
    width = max(1, count_of(options.get("t", "8")))
    for line in lines_of(data):
        call.write(line.expandtabs(width) + "\n")
    return status


def _line_ends(call: Call) -> int:
    """dos2unix and unix2dos; also `-u` and `-d`."""
    names = [word for word in call.argv[1:] if not word.startswith("-")]
    to_dos = call.name == "unix2dos" or "-d" in call.argv
    for name in names or ["-"]:
        data = call.read(name).replace(b"\r\n", b"\n")
        data = data.replace(b"\n", b"\r\n") if to_dos else data
        if name == "-":
            call.write(data)
        else:
            call.save(name, data)
    return 0


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
        word = "byte" if call.process.bash else "char"
        call.write(f"{names[0]} {[*names, '-'][1]} differ: {word} {at + 1}, line {line}\n")
    if not differing:
        call.say(f"{call.name}: EOF on {names[0] if len(first) < len(second) else [*names, '-'][1]}\n")
    return 1


def _diff(call: Call) -> int:
    options = call.options("abBdiLNqrTstwU:u")
    names = options.operands
    if len(names) != 2:
        raise UsageError
    for name in names:
        try:
            call.node(name)
        except PathError as error:
            text = f"{name}: {error.reason}" if call.process.bash else f"can't stat '{name}': {error.reason}"
            raise FailedError(text, 2) from error
    first, second = (lines_of(call.read(name)) for name in names)
    if first == second:
        return 0
    if "q" in options or len(first) + len(second) > _MAX_COMPARED:
        call.write(f"Files {names[0]} and {names[1]} differ\n")
        return 1
    call.machine.budget.charge(len(first) + len(second))
    rows = list(difflib.unified_diff(first, second, names[0], names[1], n=3, lineterm=""))
    call.write("".join(f"{row.rstrip(' ') if row[:3] in ('---', '+++') else row}\n" for row in rows))
    return 1


TABLE: Final[dict[str, Applet]] = {
    "cat": _cat,
    "more": _cat,
    "less": _cat,
    "head": _edge,
    "tail": _edge,
    "wc": _wc,
    "tr": _tr,
    "rev": _rev,
    "tac": _tac,
    "nl": _nl,
    "strings": _strings,
    "fold": _fold,
    "cmp": _cmp,
    "diff": _diff,
    "expand": _expand,
    "dos2unix": _line_ends,
    "unix2dos": _line_ends,
}
