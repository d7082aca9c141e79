# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""Commands that show bytes as numbers: hexdump, od, xxd.

**Source:** observed from BusyBox 1.35.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from mead.shell.applets.filters import count_of
from mead.shell.call import Applet, Call, FailedError

__all__ = ["TABLE"]

_Row = Callable[[bytes], str]
_MAX_PRINTED: Final = 1 << 16


def _printable(row: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)


def _units(row: bytes, size: int) -> Iterator[int]:
    for at in range(0, len(row), size):
        yield int.from_bytes(row[at : at + size].ljust(size, b"\0"), "little")


def _character(byte: int, names: dict[int, str]) -> str:
    return names.get(byte) or (chr(byte) if 32 <= byte < 127 else f"{byte:03o}")


_ESCAPED: Final = {
    0: "\\0", 7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r",
}  # fmt: skip
_NAMED: Final = dict(enumerate(
    ["nul", "soh", "stx", "etx", "eot", "enq", "ack", "bel", "bs", "ht", "nl", "vt", "ff", "cr", "so", "si", "dle", "dc1", "dc2", "dc3", "dc4", "nak", "syn", "etb", "can", "em", "sub", "esc", "fs", "gs", "rs", "us", "sp"]  # the names of ASCII read best as words
)) | {127: "del"}  # fmt: skip


def _rows(
    call: Call,
    data: bytes,
    start: int,
    width: int,
    show: Callable[[int, bytes], str],
    *,
    squeeze: bool = True,
) -> None:
    """Write row after row; equal ones are told by one star."""
    call.machine.budget.charge(len(data) >> 3)
    previous, starred = b"", False
    for at in range(0, len(data), width):
        row = data[at : at + width]
        if squeeze and row == previous and len(row) == width:
            if not starred:
                call.write("*\n")
            starred = True
            continue
        previous, starred = row, False
        call.write(show(start + at, row))


def _number(text: str) -> int:
    if re.fullmatch(r"0[xX][0-9a-fA-F]{1,12}", text):
        return int(text, 16)
    return count_of(text)


def _read(call: Call, names: list[str], skip: str, length: str) -> tuple[bytes, int, int] | None:
    """The bytes to show, where they begin, and the status; None when a file cannot be read."""
    limit = _number(length) if length else None
    start = _number(skip) if skip else 0
    if limit is not None and not names and call.stdin.waits is None:
        data, status = call.stdin.read(start + limit), 0
    else:
        data, status = call.all_input(names, "{}: {}")
    if status:
        return None
    data = data[start:]
    return (data if limit is None else data[:limit]), start, status


_HEXDUMP: Final[dict[str, _Row]] = {
    "b": lambda row: "".join(f" {byte:03o}" for byte in row),
    "c": lambda row: "".join(f" {_character(byte, _ESCAPED):>3}" for byte in row),
    "d": lambda row: "".join(f"   {unit:05d}" for unit in _units(row, 2)),
    "o": lambda row: "".join(f"  {unit:06o}" for unit in _units(row, 2)),
    "x": lambda row: "".join(f"    {unit:04x}" for unit in _units(row, 2)),
    "": lambda row: "".join(f" {unit:04x}" for unit in _units(row, 2)),
}  # fmt: skip
_HEXDUMP_WIDTH: Final = {"b": 64, "c": 64, "d": 64, "o": 64, "x": 64, "": 40}


def _canonical(at: int, row: bytes) -> str:
    left, right = (" ".join(f"{byte:02x}" for byte in part) for part in (row[:8], row[8:]))
    return f"{at:08x}  {left + '  ' + right:<49} |{_printable(row)}|\n"


def _hexdump(call: Call) -> int:
    options = call.options("bcdoxCve:f:n:s:R")
    found = _read(call, options.operands, options.get("s"), options.get("n"))
    if found is None:
        return 1
    data, start, status = found
    squeeze = "v" not in options
    if "e" in options:
        call.machine.budget.charge(len(data) >> 2)
        call.write(_formatted(options.get("e"), data[:_MAX_PRINTED], squeeze=squeeze))
        return status
    if "C" in options or call.name == "hd":
        _rows(call, data, start, 16, _canonical, squeeze=squeeze)
        call.write(f"{start + len(data):08x}\n" if data else "")
        return status
    kind = next((letter for letter in "bcdox" if letter in options), "")
    width = _HEXDUMP_WIDTH[kind]

    def show(at: int, row: bytes) -> str:
        return f"{at:07x}{_HEXDUMP[kind](row):<{width}}\n"

    _rows(call, data, start, 16, show, squeeze=squeeze)
    call.write(f"{start + len(data):07x}\n" if data else "")
    return status


_UNIT: Final = re.compile(r'\s*(?:(\d{1,4})?(?:/(\d{1,2}))?\s*)?"((?:[^"\\]|\\.)*)"')
_DIRECTIVE: Final = re.compile(r"%([-+ #0]*)(\d{0,4})(?:\.\d{1,3})?(_[acpu]|[douxXcs])(?:\[[a-z]+\])?")


def _formatted(template: str, data: bytes, *, squeeze: bool) -> str:
    """What `-e` makes of the bytes: each unit takes so many of them, so often."""
    units = [(int(count or 1), int(size or 0), text) for count, size, text in _UNIT.findall(template)]
    if not units:
        return ""
    pieces: list[str] = []
    at = 0
    del squeeze
    while at < len(data):
        before = at
        for count, size, text in units:
            at = _unit(pieces, data, at, count, size, _unescaped(text))
        if at == before:
            break
    return "".join(pieces)


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), text)


def _unit(pieces: list[str], data: bytes, at: int, count: int, size: int, text: str) -> int:
    directive = _DIRECTIVE.search(text)
    if directive is None:
        pieces.append(text * count)
        return at
    width = size or (1 if directive[3] in {"c", "_c", "_p", "_u", "s"} else 4)
    blank = ""
    for number in range(count):
        if at >= len(data):
            gap = " " * (len(blank) * (count - number))
            pieces.append(gap[:-1] if blank.endswith(" ") else gap)
            break
        value = int.from_bytes(data[at : at + width], "little")
        shown = _value(directive, value)
        line = text[: directive.start()] + shown + text[directive.end() :]
        blank, last = line, number == count - 1
        pieces.append(line.rstrip(" ") if last and count > 1 else line)
        at += width
    return at


def _value(directive: re.Match[str], value: int) -> str:
    flags, width, kind = directive[1], directive[2], directive[3]
    if kind in {"_p", "c", "s"}:
        return f"%{flags}{width}s" % (chr(value) if 32 <= value < 127 else ".")
    if kind in {"_c", "_u"}:
        return f"%{flags}{width}s" % _character(value & 0xFF, _ESCAPED if kind == "_c" else _NAMED)
    return f"%{flags}{width}{kind if kind in 'oxXd' else 'd'}" % value


def _od_type(text: str) -> tuple[int, _Row]:
    """Bytes per cell and how a row is shown."""
    found = re.fullmatch(r"([acdouxf])([1248CSIL]?)", text)
    if found is None:
        raise FailedError(f"invalid type string '{text}'")
    kind = found[1]
    if kind in "ac":
        names = _NAMED if kind == "a" else _ESCAPED
        return 1, lambda row: "".join(f" {_character(byte, names):>3}" for byte in row)
    size = {"C": 1, "S": 2, "I": 4, "L": 8, "": 4}.get(found[2]) or int(found[2])
    width = {"o": (3, 6, 11, 22), "x": (2, 4, 8, 16), "u": (3, 5, 10, 20), "d": (4, 6, 11, 20)}
    cell = width.get(kind, (3, 5, 10, 20))[size.bit_length() - 1]

    def show(row: bytes) -> str:
        values = _units(row, size)
        if kind == "d":
            values = (value - (1 << 8 * size) if value >> (8 * size - 1) else value for value in values)
            return "".join(f" {value:>{cell}d}" for value in values)
        if kind == "u":
            return "".join(f" {value:>{cell}d}" for value in values)
        return "".join(f" {value:0{cell}{kind}}" for value in values)

    return size, show


_OD_SHORT: Final = {
    "a": "a", "b": "o1", "c": "c", "d": "u2", "D": "u4", "h": "x2", "H": "x4", "i": "d4", "l": "d8",
    "o": "o2", "O": "o4", "s": "d2", "x": "x2", "X": "x4", "B": "o2",
}  # fmt: skip


def _od(call: Call) -> int:
    options = call.options("abcdDfFhHiIlLoOsvxXBA:t:N:j:w::S:", {"width": "w:"})
    found = _read(call, options.operands, options.get("j"), options.get("N"))
    if found is None:
        return 1
    data, start, status = found
    kinds = [*(_OD_SHORT[letter] for letter in options.values if letter in _OD_SHORT)]
    kinds += re.findall(r"[acdouxf][1248CSIL]?", options.get("t")) if "t" in options else []
    if "t" in options and not re.fullmatch(r"(?:[acdouxf][1248CSIL]?)+", options.get("t")):
        raise FailedError(f"invalid type string '{options.get('t')}'")
    shows = [_od_type(kind)[1] for kind in kinds or ["o2"]]
    width = max(1, min(_number(options.get("w") or "16"), 256)) if "w" in options else 16
    address = {"n": None, "d": "07d", "x": "06x", "o": "07o"}.get(options.get("A", "o")[:1], "07o")

    def show(at: int, row: bytes) -> str:
        head = "" if address is None else format(at, address)
        blank = " " * len(head)
        return "".join(f"{blank if index else head}{each(row)}\n" for index, each in enumerate(shows))

    _rows(call, data, start, width, show, squeeze="v" not in options)
    if address is not None:
        call.write(f"{format(start + len(data), address)}\n")
    return status


def _xxd(call: Call) -> int:
    options = call.options("prig:c:l:n:s:o:", first_operand_ends=False)
    name = options.operands[:1]
    if "r" in options:
        data, status = call.all_input(name, "{}: {}")
        decoded = _unhex(data, plain="p" in options)
        call.machine.decoded("hex", decoded)
        call.write(decoded)
        return status
    found = _read(call, name, options.get("s"), options.get("l") or options.get("n"))
    if found is None:
        return 1
    data, start, status = found
    if "p" in options:
        text = data.hex()
        width = 2 * _number(options.get("c") or "30")
        call.write("".join(f"{text[at : at + width]}\n" for at in range(0, len(text), max(2, width))))
    elif "i" in options:
        call.write(_included(data, name[0] if name else ""))
    else:
        width = max(1, min(_number(options.get("c") or "16"), 256))
        group = _number(options.get("g") or "2") or width
        cells = 2 * width + -(-width // group)

        def show(at: int, row: bytes) -> str:
            parts = " ".join(row[index : index + group].hex() for index in range(0, len(row), group))
            return f"{at:08x}: {parts:<{cells}} {_printable(row)}\n"

        _rows(call, data, start, width, show, squeeze=False)
    return status


def _included(data: bytes, name: str) -> str:
    """A C array, as `xxd -i` writes it."""
    rows = [
        "  " + ", ".join(f"0x{byte:02x}" for byte in data[at : at + 12]) for at in range(0, len(data), 12)
    ]
    body = ",\n".join(rows) + ("," if name else "")
    if not name:
        return f"{body}\n"
    symbol = re.sub(r"[^A-Za-z0-9]", "_", name)
    return f"unsigned char {symbol}[] = {{\n{body}\n}};\nunsigned int {symbol}_len = {len(data)};\n"


def _unhex(data: bytes, *, plain: bool) -> bytes:
    if not plain:
        lines = (re.sub(rb"^[0-9a-fA-F]+:|  .*$", b"", line) for line in data.split(b"\n"))
        data = b"".join(lines)
    digits = re.sub(rb"[^0-9a-fA-F]", b"", data)
    return bytes.fromhex(digits[: len(digits) & ~1].decode())


TABLE: Final[dict[str, Applet]] = {"hexdump": _hexdump, "hd": _hexdump, "od": _od, "xxd": _xxd}
