# SPDX-License-Identifier: Apache-2.0
"""printf: formats of C, without the lengths that could fill a memory.

**Source:** observed from BusyBox 1.35.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from mead.shell.applets.output import note_layer
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.escapes import echo_escapes, printf_escapes

__all__ = ["TABLE", "Printer", "formatted"]

_DIRECTIVE: Final = re.compile(r"%([-+ #0]*)(\*|\d{0,6})(?:\.(\*|\d{0,6}))?[hlLzjt]{0,2}(.?)", re.DOTALL)
_INTEGER: Final = re.compile(r"\s*([-+]?)(0[xX][0-9a-fA-F]+|\d+)")
_KINDS: Final = frozenset("diouxXcsbeEfFgGaA")
_CONTROL: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\E", "'": "\\'", "\\": "\\\\"}
_MAX_WIDTH: Final = 65_536


class Printer:
    """One use of a format: its arguments, and what is wrong with them."""

    def __init__(
        self, arguments: list[str], complain: Callable[[str], None] | None = None, *, bash: bool = False
    ) -> None:
        self._bash = bash
        self._queue = list(reversed(arguments))
        self._complain = complain
        self.failed = False
        self.ended = False

    @property
    def left(self) -> int:
        """How many arguments have not been used."""
        return len(self._queue)

    def once(self, template: str) -> str:
        """The template with arguments in place of its directives.

        Raises:
            FailedError: it is none, or a width is too large.
        """
        pieces: list[str] = []
        position = 0
        while not self.ended and (at := template.find("%", position)) >= 0:
            self._plain(template[position:at], pieces)
            if self.ended:
                break
            found = _DIRECTIVE.match(template, at)
            assert found is not None
            position = found.end()
            pieces.append("%" if found[0] == "%%" else self._directive(found, template[at:], "".join(pieces)))
        if not self.ended:
            self._plain(template[position:], pieces)
        return "".join(pieces)

    def _plain(self, text: str, pieces: list[str]) -> None:
        ended = re.search(r"(?<!\\)(?:\\\\)*\\c", text)
        if ended:
            text, self.ended = text[: ended.end() - 2], True
        pieces.append(printf_escapes(text, bash=self._bash))

    def _directive(self, found: re.Match[str], rest: str, before: str) -> str:
        flags, width, precision, kind = found.groups()
        if self._bash and kind == "q":
            return f"%{flags}{width}s" % shell_quoted(self._queue.pop() if self._queue else "")
        if kind not in _KINDS or kind == "":
            shown = re.sub(r"^(%[-+ #0-9.*]*)[hlLzjt]+", r"\1", rest)
            text = f"`{kind or '%'}': invalid format character" if self._bash else f"{shown}: invalid format"
            error = FailedError(text)
            error.output = before
            raise error
        if width == "*":
            number = self._number(self._queue.pop() if self._queue else "")
            flags, width = (flags + "-", str(-number)) if number < 0 else (flags, str(number))
        if precision == "*":
            precision = str(max(0, self._number(self._queue.pop() if self._queue else "")))
        if max(int(width or 0), int(precision or 0)) > _MAX_WIDTH:
            raise FailedError("invalid width")
        word = self._queue.pop() if self._queue else None
        return self._converted(flags, width, precision, kind, word)

    def _converted(self, flags: str, width: str, precision: str | None, kind: str, word: str | None) -> str:
        tail = f"{flags}{width}" + ("" if precision is None else f".{precision}")
        if kind == "c":
            return f"%{tail}s" % ((word or "")[:1] or "\0")
        if kind == "s":
            return f"%{tail}s" % (word or "")
        if kind == "b":
            text, self.ended = echo_escapes(word or "", bash=self._bash)
            return f"%{tail}s" % text
        if kind in "eEfFgGaA":
            return self._float(tail, kind.replace("a", "e").replace("A", "E"), word)
        value = self._number(word or "")
        if kind in "ouxX":
            value &= (1 << 64) - 1
        if kind == "o" and "#" in flags:
            tail = tail.replace("#", "")
            return f"%{tail}s" % (f"0{value:o}" if value else "0")
        return f"%{tail}{'d' if kind in 'iu' else kind}" % value

    def _float(self, tail: str, kind: str, word: str | None) -> str:
        try:
            return f"%{tail}{kind}" % float(word or 0)
        except (ValueError, OverflowError):
            self._wrong(word or "")
            return f"%{tail}{kind}" % 0.0

    def _number(self, word: str) -> int:
        if word[:1] in {"'", '"'}:
            return ord(word[1]) if len(word) > 1 else 0
        found = _INTEGER.match(word[:64])
        if not found:
            self._wrong(word)
            return 0
        digits = found[2]
        octal = digits[0] == "0" and re.fullmatch("[0-7]+", digits)
        base = 16 if digits[:2] in {"0x", "0X"} else 8 if octal else 10
        value = int(digits, base) * (-1 if found[1] == "-" else 1)
        if found.end() < len(word):
            self._wrong(word)
            return 0
        if not -(1 << 63) <= value < 1 << 64:
            self._wrong(word)
            return 0
        return value

    def _wrong(self, word: str) -> None:
        self.failed = True
        if self._complain is not None:
            self._complain(word)


def shell_quoted(text: str) -> str:
    """A word as bash's `%q` writes it."""
    if not text:
        return "''"
    if any(char < " " or char > "~" for char in text):
        escaped = "".join(_CONTROL.get(char, char if char >= " " else f"\\{ord(char):03o}") for char in text)
        return f"$'{escaped}'"
    return re.sub(r"^~|[^\w@%+=:,./^~-]", r"\\\g<0>", text, flags=re.ASCII)


def formatted(call: Call, template: str, arguments: list[str], printer: Printer | None = None) -> str:
    """What printf makes of a format and its arguments; the format is used again until none is left.

    Raises:
        FailedError: the format is none, or a width is too large.
    """
    printer = printer or Printer(arguments)
    pieces: list[str] = []
    while True:
        before = printer.left
        pieces.append(printer.once(template))
        call.machine.budget.charge_bytes(len(pieces[-1]))
        if printer.ended or not printer.left or printer.left == before:
            return "".join(pieces)


def _printf(call: Call) -> int:
    words = call.argv[1:]
    bash = call.bash
    if bash and words[:1] == ["-v"] and len(words) > 2:
        call.process.assign(words[1], formatted(call, words[2], words[3:]))
        return 0
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        if call.title == call.name:
            raise UsageError
        if bash:
            call.say("printf: usage: printf [-v var] format [arguments]\n")
            return 2
        raise FailedError("usage: printf FORMAT [ARGUMENT...]")
    if words[0].startswith("-") and len(words[0]) > 1 and bash:
        raise FailedError(f"printf: {words[0][:2]}: invalid option", 2)

    def wrong(word: str) -> None:
        call.complain(f"{word}: invalid number" if bash else f"invalid number '{word}'")

    printer = Printer(words[1:], wrong, bash=bash)
    try:
        text = formatted(call, words[0], words[1:], printer)
    except FailedError as error:
        call.write(error.output)
        raise
    note_layer(call, words[0], text)
    call.write(text)
    return int(printer.failed)


TABLE: Final[dict[str, Applet]] = {"printf": _printf}
