# SPDX-License-Identifier: Apache-2.0
"""xargs: runs a program with words from its input.

**Source:** observed from BusyBox 1.35.
"""

from __future__ import annotations

from typing import Final

from mead.shell.ast import decode
from mead.shell.call import Applet, Call, FailedError, Options
from mead.shell.limits import LimitReachedError
from mead.shell.vfs import PathError

__all__ = ["TABLE"]

_MAX_WORDS: Final = 20_000


def _xargs(call: Call) -> int:
    letters = "0rtpn:s:E:I:P:xa:" + ("L:d:l:" if call.gnu else "")
    words = ["xargs", *("-I{}" if word == "-i" else word for word in call.argv[1:])]
    inner = Call(words, call.process, call.shell)
    long = {"null": "0", "no-run-if-empty": "r", "max-args": "n:", "verbose": "t", "arg-file": "a:"}
    options = inner.options(letters, long, first_operand_ends=True)
    command = options.operands or ["echo"]
    status = 0
    for argv in _commands(options, _items(call, options), command):
        call.machine.budget.charge()
        if "t" in options:
            call.say(" ".join(argv) + "\n")
        done = _run(call, argv)
        if done in {126, 127}:
            return done
        status = 123 if done else status
    return status


def _run(call: Call, argv: list[str]) -> int:
    def missing(reason: str) -> None:
        call.complain(f"{argv[0]}: {reason}")

    return call.shell.execute(argv, call.process, missing)


def _items(call: Call, options: Options) -> list[str]:
    try:
        source = call.source(options.get("a")) if "a" in options else call.stdin
    except PathError as error:
        raise FailedError(f"{options.get('a')}: {error.reason}") from error
    text = decode(call.drain(source))
    if "0" in options:
        items = text.removesuffix("\0").split("\0") if text else []
    elif "I" in options:
        items = [stripped for line in text.split("\n") if (stripped := line.lstrip(" \t"))]
    else:
        items = _words(text)
    if len(items) > _MAX_WORDS:
        raise LimitReachedError("words", _MAX_WORDS, "words")
    return items


def _words(text: str) -> list[str]:
    """Words between blanks; quotes and backslashes keep them together."""
    words: list[str] = []
    word: str | None = None
    quote = ""
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if quote:
            if char == "\n":
                break
            if char == quote:
                quote = ""
            else:
                word = (word or "") + char
        elif char in "'\"":
            quote, word = char, word or ""
        elif char == "\\" and position < len(text):
            word = (word or "") + text[position]
            position += 1
        elif char in " \t\n":
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + char
    if quote:
        raise FailedError(f"unmatched {'single' if quote == chr(39) else 'double'} quote")
    return [*words, word] if word is not None else words


def _commands(options: Options, items: list[str], command: list[str]) -> list[list[str]]:
    if "I" in options:
        mark = options.get("I", "{}")
        return [[word.replace(mark, item) for word in command] for item in items]
    if not items:
        return [] if "r" in options else [command]
    count = options.get("n") or options.get("L") or "500"
    if not count.isdecimal() or int(count[:6]) == 0:
        raise FailedError(f"invalid number '{count}'")
    size = int(count[:6])
    return [[*command, *items[at : at + size]] for at in range(0, len(items), size)]


TABLE: Final[dict[str, Applet]] = {"xargs": _xargs}
