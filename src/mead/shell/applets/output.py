# SPDX-License-Identifier: Apache-2.0
"""Commands that print what they are told: echo, printf, seq, yes, sleep."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.ast import encode
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.escapes import echo_escapes, printf_escapes
from mead.shell.files import FileSink
from mead.shell.streams import Buffer, EndlessError

__all__ = ["TABLE", "formatted"]

_DIRECTIVE: Final = re.compile(r"%(?:%|([-+ #0]*)(\*|\d{0,6})(?:\.(\*|\d{0,6}))?([diouxXcsbeEfgG]))")
_INTEGER: Final = re.compile(r"\s*([-+]?)(0[xX][0-9a-fA-F]+|\d+)")


def _echo(call: Call) -> int:
    words = call.argv[1:]
    newline, escapes = True, False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        for letter in words.pop(0)[1:]:
            newline = newline and letter != "n"
            escapes = letter == "e" or (escapes and letter != "E")
    text = " ".join(words)
    if escapes and "\\" in text:
        resolved, ended = echo_escapes(text)
        newline = newline and not ended
        _note_layer(call, text, resolved)
        text = resolved
    call.write(text + "\n" if newline else text)
    return 0


def _note_layer(call: Call, text: str, resolved: str) -> None:
    if ("\\x" in text or re.search(r"\\0?[0-7]{3}", text)) and not isinstance(call.stdout, FileSink):
        call.machine.decoded("escapes", encode(resolved))


def _printf(call: Call) -> int:
    words = call.argv[1:]
    if words[:1] == ["-v"] and len(words) > 2:
        call.process.variables[words[1]] = formatted(call, words[2], words[3:])
        return 0
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise FailedError("usage: printf FORMAT [ARGUMENT...]") if call.title != call.name else UsageError
    text = formatted(call, words[0], words[1:])
    _note_layer(call, words[0], text)
    call.write(text)
    return 0


def formatted(call: Call, template: str, arguments: list[str]) -> str:
    """What printf makes of a format and its arguments; the format is used again until none is left.

    Raises:
        FailedError: a width is too large.
    """
    pieces: list[str] = []
    queue = list(reversed(arguments))
    while True:
        before = len(queue)
        pieces.append(_once(template, queue))
        call.machine.budget.charge_bytes(len(pieces[-1]))
        if not queue or len(queue) == before:
            return "".join(pieces)


def _once(template: str, queue: list[str]) -> str:
    pieces: list[str] = []
    position = 0
    for found in _DIRECTIVE.finditer(template):
        pieces.append(printf_escapes(template[position : found.start()]))
        position = found.end()
        if found[0] == "%%":
            pieces.append("%")
            continue
        flags, width, precision, kind = found.groups()
        if width == "*":
            width = str(_number(queue.pop() if queue else ""))
        if precision == "*":
            precision = str(_number(queue.pop() if queue else ""))
        if max(int(width or 0), int(precision or 0)) > 65_536:
            raise FailedError("invalid width")
        pieces.append(_directive(flags, width, precision, kind, queue.pop() if queue else None))
    pieces.append(printf_escapes(template[position:]))
    return "".join(pieces)


def _directive(flags: str, width: str, precision: str | None, kind: str, word: str | None) -> str:
    tail = f"{flags}{width}" + ("" if precision is None else f".{precision}")
    if kind == "c":
        return f"%{tail}s" % (word or "")[:1]
    if kind == "s":
        return f"%{tail}s" % (word or "")
    if kind == "b":
        return f"%{tail}s" % echo_escapes(word or "")[0]
    if kind in "eEfgG":
        try:
            return f"%{tail}{kind}" % float(word or 0)
        except (ValueError, OverflowError):
            return f"%{tail}{kind}" % 0.0
    value = _number(word or "")
    if kind in "ouxX":
        value &= (1 << 64) - 1
    return f"%{tail}{'d' if kind in 'iu' else kind}" % value


def _number(word: str) -> int:
    if word[:1] in {"'", '"'}:
        return ord(word[1]) if len(word) > 1 else 0
    found = _INTEGER.match(word[:64])
    if not found:
        return 0
    digits = found[2]
    base = (
        16 if digits[:2] in {"0x", "0X"} else 8 if digits[0] == "0" and re.fullmatch("[0-7]+", digits) else 10
    )
    return int(digits, base) * (-1 if found[1] == "-" else 1)


def _seq(call: Call) -> int:
    words = call.argv[1:]
    separator = "\n"
    while words and (words[0] == "-w" or words[0].startswith("-s")):
        option = words.pop(0)
        if option == "-s" and words:
            separator = words.pop(0)
        elif option != "-w":
            separator = option[2:]
    try:
        numbers = [int(word) for word in words]
    except ValueError as error:
        raise UsageError from error
    if not 1 <= len(numbers) <= 3:
        raise UsageError
    first, step, last = {1: (1, 1, numbers[0]), 2: (numbers[0], 1, numbers[-1])}.get(len(numbers)) or tuple(
        numbers
    )
    if step == 0:
        raise FailedError("invalid zero increment value")
    values = range(first, last + (1 if step > 0 else -1), step)
    call.machine.budget.charge(len(values) // 32 if len(values) < 1 << 40 else 1 << 40)
    if values:
        call.write(separator.join(map(str, values)) + "\n")
    return 0


def _yes(call: Call) -> int:
    line = encode(" ".join(call.argv[1:]) or "y") + b"\n"
    block = line * max(1, 4_096 // len(line))
    for _ in range(16 if isinstance(call.stdout, Buffer) else 256):
        call.machine.budget.charge_bytes(len(block))
        call.write(block)
    raise EndlessError


def _true(call: Call) -> int:
    del call
    return 0


def _false(call: Call) -> int:
    del call
    return 1


def _sleep(call: Call) -> int:
    if len(call.argv) < 2:
        raise UsageError
    if not re.fullmatch(r"(\d+\.?\d*|\.\d+|inf(inity)?)[smhd]?", call.argv[1]):
        raise FailedError(f"invalid number '{call.argv[1]}'")
    return 0


def _clear(call: Call) -> int:
    call.write("\x1b[H\x1b[J")
    return 0


TABLE: Final[dict[str, Applet]] = {
    "echo": _echo, "printf": _printf, "seq": _seq, "yes": _yes, "true": _true, "false": _false, ":": _true,
    "sleep": _sleep, "usleep": _sleep, "clear": _clear, "reset": _clear, "sync": _true,
}  # fmt: skip
