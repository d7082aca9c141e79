# SPDX-License-Identifier: Apache-2.0
"""Commands that print what they are told, or wait: echo, seq, yes, sleep."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.ast import encode
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.escapes import echo_escapes
from mead.shell.files import FileSink
from mead.shell.limits import LimitReachedError
from mead.shell.streams import Buffer, EndlessError

__all__ = ["TABLE", "note_layer"]

_DURATION: Final = re.compile(r"(\d{1,9}\.?\d{0,9}|\.\d{1,9}|inf(?:inity)?)([smhd]?)")
_SECONDS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FOREVER: Final = 86_400.0 * 365
_SEQ_NUMBER: Final = re.compile(r"[-+]?\d{1,15}(?:\.\d{0,6})?")


def _echo(call: Call) -> int:
    words = call.argv[1:]
    newline, escapes = True, False
    while words and re.fullmatch(r"-[neE]+", words[0]):
        for letter in words.pop(0)[1:]:
            newline = newline and letter != "n"
            escapes = letter == "e" or (escapes and (letter != "E" or not call.process.bash))
    text = " ".join(words)
    if escapes and "\\" in text:
        resolved, ended = echo_escapes(text, bash=call.bash)
        newline = newline and not ended
        note_layer(call, text, resolved)
        text = resolved
    call.write(text + "\n" if newline else text)
    return 0


def note_layer(call: Call, text: str, resolved: str) -> None:
    """Tell of bytes that were written as escapes, unless a file gets them, which is told of anyway."""
    if ("\\x" in text or re.search(r"\\0?[0-7]{3}", text)) and not isinstance(call.stdout, FileSink):
        call.machine.decoded("escapes", encode(resolved))


def _seq(call: Call) -> int:
    words = call.argv[1:]
    separator, padded = "\n", False
    while words and (words[0] in {"-w", "-f"} or words[0].startswith("-s")):
        option = words.pop(0)
        if option == "-w":
            padded = True
        elif option in {"-s", "-f"} and words:
            value = words.pop(0)
            separator = value if option == "-s" else separator
        else:
            separator = option[2:]
    if not 1 <= len(words) <= 3:
        raise UsageError("" if not call.gnu else "missing operand")
    call.write(_sequence(call, words, separator, padded=padded))
    return 0


def _sequence(call: Call, words: list[str], separator: str, *, padded: bool) -> str:
    """The numbers that `seq` counts; with a point if one of its words has one."""
    wrong = next((word for word in words if not _SEQ_NUMBER.fullmatch(word)), None)
    if wrong is not None:
        quoted = f"invalid floating point argument: ‘{wrong}’".encode().decode("latin-1")
        if not call.gnu:
            raise UsageError
        raise FailedError(quoted)
    places = max(len(word.partition(".")[2]) for word in words)
    scale = 10**places
    values = [round(float(word) * scale) for word in words]
    first, step = (values[0], scale) if len(values) < 3 else (values[0], values[1])
    first = scale if len(values) == 1 else first
    if step == 0:
        raise (
            FailedError("invalid zero increment value")
            if call.gnu
            else LimitReachedError("endless_output", 1, "commands")
        )
    numbers = range(first, values[-1] + (1 if step > 0 else -1), step)
    call.machine.budget.charge(len(numbers) // 32 if len(numbers) < 1 << 40 else 1 << 40)
    shown = [f"{number / scale:.{places}f}" for number in numbers]
    if padded:
        width = max(map(len, (shown or [""])[:1] + shown[-1:]))
        shown = [text.zfill(width) for text in shown]
    return separator.join(shown) + "\n" if shown else ""


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
    words = call.argv[1:]
    if not words:
        raise UsageError("" if not call.gnu else "missing operand")
    seconds = 0.0
    for word in words:
        found = _DURATION.fullmatch(word)
        if found is None:
            quoted = f"invalid time interval ‘{word}’".encode().decode("latin-1")
            raise FailedError(quoted if call.gnu else f"invalid number '{word}'")
        amount = _FOREVER if found[1].startswith("inf") else float(found[1])
        seconds += amount * _SECONDS[found[2]]
    call.machine.sleep(seconds)
    return 0


def _usleep(call: Call) -> int:
    if len(call.argv) < 2:
        raise UsageError
    if not call.argv[1].isdecimal():
        raise FailedError(f"invalid number '{call.argv[1]}'")
    call.machine.sleep(int(call.argv[1][:12]) / 1e6)
    return 0


def _clear(call: Call) -> int:
    call.write("\x1b[H\x1b[J")
    return 0


TABLE: Final[dict[str, Applet]] = {
    "echo": _echo, "seq": _seq, "yes": _yes, "true": _true, "false": _false, ":": _true,
    "sleep": _sleep, "usleep": _usleep, "clear": _clear, "reset": _clear, "sync": _true,
}  # fmt: skip
