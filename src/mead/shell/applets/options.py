# SPDX-License-Identifier: Apache-2.0
"""Commands of the shell about itself: set, shift, umask, ulimit.

**Source:** POSIX.1-2017, Shell Command Language §2.14; messages observed from BusyBox ash 1.35.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.applets.flow import natural
from mead.shell.applets.modes import parse_mode
from mead.shell.call import Applet, BuiltinFaultError, Call
from mead.shell.variables import quoted

__all__ = ["TABLE"]

_LONG: Final = {
    "errexit": "e", "noglob": "f", "ignoreeof": "I", "monitor": "m", "noexec": "n", "xtrace": "x",
    "verbose": "v", "noclobber": "C", "allexport": "a", "notify": "b", "nounset": "u", "errtrace": "E",
    "vi": "V", "pipefail": "pipefail",
}  # fmt: skip
_LETTERS: Final = frozenset("efIimnsxvCabuEcV")
_BASH_ONLY: Final = frozenset("hklprtBHPTo")
_LIMITS: Final = {
    "c": ("core file size (blocks)", "0"), "d": ("data seg size (kb)", "unlimited"),
    "e": ("scheduling priority", "0"), "f": ("file size (blocks)", "unlimited"),
    "i": ("pending signals", "1024"), "l": ("max locked memory (kb)", "64"),
    "m": ("max memory size (kb)", "unlimited"), "n": ("open files", "1024"),
    "p": ("processes", "1024"), "q": ("POSIX message queues (bytes)", "819200"),
    "r": ("real-time priority", "0"), "s": ("stack size (kb)", "8192"),
    "t": ("cpu time (seconds)", "unlimited"), "v": ("address space (kb)", "unlimited"),
    "w": ("locks", "unlimited"),
}  # fmt: skip


def _set(call: Call) -> int:
    process, words = call.process, call.argv[1:]
    if not words:
        variables = process.variables
        shown = sorted(name for name in variables if name[0] != ".")
        call.write("".join(f"{name}={quoted(variables[name])}\n" for name in shown))
        return 0
    while words and words[0][:1] in {"-", "+"} and words[0] not in {"-", "+", "--"}:
        word = words.pop(0)
        words = _letters(call, word, words)
        if not words:
            return 0
    if words[0] == "-":
        process.options -= {"x", "v"}
        words = words[1:]
        if not words:
            return 0
    process.arguments = words[1:] if words[0] == "--" else words
    process.variables[".getopts"] = f"{process.variables.get('OPTIND', '1')}:1:0"
    return 0


def _letters(call: Call, word: str, words: list[str]) -> list[str]:
    """Switch the options of one word; returns what is left of the words."""
    options = call.process.options
    switch = options.add if word[0] == "-" else options.discard
    for letter in word[1:]:
        if letter == "o":
            if not words:
                _show(call, plus=word[0] == "+")
                return []
            name = words[0]
            words = words[1:]
            if name not in _LONG:
                call.process.complain(
                    f"{name}: invalid option name" if call.process.bash else f"illegal option -o {name}"
                )
                continue
            switch(_LONG[name])
        elif letter in _LETTERS or (call.process.bash and letter in _BASH_ONLY):
            switch(letter)
        elif call.process.bash:
            raise BuiltinFaultError(f"{word[0]}{letter}: invalid option")
        else:
            raise BuiltinFaultError(f"illegal option {word[0]}{letter}")
    return words


def _show(call: Call, *, plus: bool) -> None:
    for name, letter in _LONG.items():
        on = letter in call.process.options
        call.write(f"set {'-' if on else '+'}o {name}\n" if plus else f"{name:<16}{'on' if on else 'off'}\n")


def _shift(call: Call) -> int:
    count = natural(call, call.argv[1]) if len(call.argv) > 1 else 1
    if count > len(call.process.arguments):
        return 1
    call.process.arguments = call.process.arguments[count:]
    return 0


def _umask(call: Call) -> int:
    process = call.process
    options = call.flags("Sp")
    if not options.operands:
        left = 0o777 & ~process.umask
        if "S" in options:
            cells = (f"{who}={_bits(left >> shift)}" for who, shift in (("u", 6), ("g", 3), ("o", 0)))
            call.write(",".join(cells) + "\n")
        else:
            call.write(f"{process.umask:04o}\n")
        return 0
    text = options.operands[0]
    if text[:1].isdigit():
        if not re.fullmatch(r"[0-7]{1,4}", text):
            raise BuiltinFaultError(f"illegal mode: {text}")
        process.umask = int(text, 8) & 0o777
        return 0
    mode = parse_mode(text, 0o777 & ~process.umask)
    if mode is None:
        raise BuiltinFaultError(f"illegal mode: {text}")
    process.umask = 0o777 & ~mode
    return 0


def _bits(value: int) -> str:
    return "".join(letter for letter, bit in (("r", 4), ("w", 2), ("x", 1)) if value & bit)


def _ulimit(call: Call) -> int:
    known = call.machine.resource_limits
    letters, show_all = list[str](), False
    words = call.argv[1:]
    status = 0
    while words:
        word = words.pop(0)
        for letter in word[1:] if word.startswith("-") else "f":
            if letter == "a":
                show_all = True
            elif letter in _LIMITS:
                letters.append(letter)
                value = words[0] if words and not words[0].startswith("-") else None
                value = word if not word.startswith("-") else value
                status = _limit(call, letter, value, hard="-H" in call.argv)
                words = words[1:] if value is not None and word.startswith("-") else words
            elif letter not in "HS":
                call.say(f"ulimit: invalid option -- '{letter}'\n")
                return 1
    if show_all:
        for letter, (name, value) in _LIMITS.items():
            call.write(f"{name:<32}(-{letter}) {known.get(letter, value)}\n")
    elif not letters:
        _limit(call, "f", None, hard=False)
    return status


def _limit(call: Call, letter: str, value: str | None, *, hard: bool) -> int:
    known = call.machine.resource_limits
    if value is None:
        default = "unlimited" if hard and letter in "cs" else _LIMITS[letter][1]
        call.write(f"{known.get(letter, default)}\n")
        return 0
    if not re.fullmatch(r"\d{1,18}|unlimited", value):
        call.process.complain(f"bad number '{value}'")
        return 1
    known[letter] = value
    return 0


TABLE: Final[dict[str, Applet]] = {"set": _set, "shift": _shift, "umask": _umask, "ulimit": _ulimit}
