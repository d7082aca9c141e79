# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""Commands that pass text on: cat, head, tail, wc, sort, uniq, cut, tr, rev and their like."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.ast import decode
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.escapes import printf_escapes
from mead.shell.limits import LimitReachedError
from mead.shell.streams import Endless, Source
from mead.shell.vfs import PathError

__all__ = ["TABLE", "count_of", "lines_of"]

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
    options = call.options("AbeEnstTuv" if call.gnu else "nbvteAu", {"show-all": "A"})
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
    bash = call.gnu
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
    complaint = "cannot open '{}' for reading: {}" if call.gnu else "{}: {}"
    if call.name == "tail" and not call.gnu:
        complaint = "can't open '{}': {}"
    many = (len(options.operands) > 1 or "v" in options) and "q" not in options
    for index, (name, data) in enumerate(call.inputs(options.operands, complaint, raw=unit_is_bytes)):
        if data is None:
            status = 1
            continue
        if many:
            call.write(("\n" if index else "") + f"==> {name} <==\n")
        call.write(_cut_edge(call.name, data, text, count, by_bytes=unit_is_bytes))
    if call.name == "tail" and status and not call.gnu and len(options.operands) == 1:
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
        call.complain(bash if call.gnu else f"{name}: {reason}")
        return 1
    return 0


def _taken(call: Call, source: Source, count: int, *, by_bytes: bool) -> bytes:
    if source.waits is not None:
        data = call.drain(source, raw=by_bytes)
        return data[:count] if by_bytes else b"".join(data.splitlines(keepends=True)[:count])
    if by_bytes:
        most = call.machine.limits.file_bytes
        if count > most and isinstance(source, Endless):
            call.machine.limit(LimitReachedError("file_bytes", most, "bytes"))
        data = source.read(min(count, most))
        call.machine.budget.charge_copy(len(data))
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
    options = call.options("clwLm", {"lines": "l", "words": "w", "bytes": "c", "chars": "m"})
    given = options.values.keys()
    wanted = [letter for letter in "lwmcL" if letter in given] or ["l", "w", "c"]
    status = 0
    rows: list[tuple[list[int], str]] = []
    for name, data in call.inputs(options.operands, "{}: {}"):
        if data is None:
            status = 1
            continue
        counts = {
            "l": data.count(b"\n"), "w": len(data.split()), "c": len(data), "m": len(data),
            "L": max(map(len, data.split(b"\n"))),
        }  # fmt: skip
        rows.append(([counts[letter] for letter in wanted], name if options.operands else ""))
    if len(options.operands) > 1:
        rows.append(([sum(row[column] for row, _ in rows) for column in range(len(wanted))], "total"))
    width = _wc_width(call, options.operands, rows)
    for values, name in rows:
        alone = len(wanted) == 1 and len(options.operands) <= 1
        line = str(values[0]) if alone else " ".join(f"{value:>{width}}" for value in values)
        call.write(f"{line} {name}".rstrip(" ") + "\n")
    return status


def _wc_width(call: Call, names: list[str], rows: list[tuple[list[int], str]]) -> int:
    """How wide a number is: GNU's wc looks at the sizes of its files, BusyBox's does not."""
    if not call.gnu:
        return 9
    return len(str(max((value for row, _ in rows for value in row), default=0))) if names else 7


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
            "when not truncating set1, string2 must be non-empty" if call.gnu else "STRING2 cannot be empty"
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
    "expand": _expand,
    "dos2unix": _line_ends,
    "unix2dos": _line_ends,
}
