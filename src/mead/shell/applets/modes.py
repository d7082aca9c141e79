# SPDX-License-Identifier: Apache-2.0
"""Commands that change modes and owners: chmod, chown, chgrp, chattr."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.vfs import PathError

__all__ = ["TABLE", "parse_mode"]


_BITS: Final = {"r": 4, "w": 2, "x": 1, "X": 1}
_SHIFTS: Final = {"u": 6, "g": 3, "o": 0}
_SPECIAL: Final = {"u": 0o4000, "g": 0o2000, "o": 0}


def parse_mode(text: str, mode: int) -> int | None:
    """The mode that `text` (octal or symbolic) makes of `mode`; None when it is none."""
    if re.fullmatch(r"[0-7]{1,5}", text):
        return int(text, 8) & 0o7777
    for clause in text.split(","):
        found = re.fullmatch(r"([ugoa]*)([-+=])([rwxXst]*)", clause)
        if not found:
            return None
        who = set((found[1] or "a").replace("a", "ugo"))
        letters = set(found[3])
        bits = sum({_BITS[letter]: _BITS[letter] for letter in letters & _BITS.keys()}.values())
        mask = sum(bits << _SHIFTS[letter] for letter in who)
        mask |= sum(_SPECIAL[letter] for letter in who) if "s" in letters else 0
        mask |= 0o1000 if "t" in letters else 0
        field = sum((7 << _SHIFTS[letter]) | _SPECIAL[letter] for letter in who)
        mode = mode | mask if found[2] == "+" else mode & ~mask if found[2] == "-" else (mode & ~field) | mask
    return mode


def _chmod(call: Call) -> int:
    words = [word for word in call.argv[1:] if not re.fullmatch(r"-[Rcvf]+|--[a-z]+", word)]
    recursive = any(re.fullmatch(r"-[cvf]*R[Rcvf]*|--recursive", word) for word in call.argv[1:])
    if len(words) < 2:
        raise UsageError("" if not call.machine.persona.gnu else "missing operand")
    text, *names = words
    if parse_mode(text, 0o644) is None:
        raise FailedError(f"invalid mode '{text}'")
    status = 0
    for name in names:
        try:
            _change_mode(call, call.path(name), text, recursive=recursive)
        except PathError as error:
            call.complain(
                f"cannot access '{name}': {error.reason}"
                if call.machine.persona.gnu
                else f"{name}: {error.reason}"
            )
            status = 1
    return status


def _change_mode(call: Call, path: str, text: str, *, recursive: bool) -> None:
    fs = call.machine.fs
    node = fs.node(path)
    mode = parse_mode(text, node.mode)
    fs.change(path, mode=mode)
    if mode is not None and mode & 0o111 and node.brought:
        call.machine.settle(fs.find(path)[1])
    if recursive and node.kind == "dir":
        for name, child in list(fs.node(path).children.items()):
            call.machine.budget.charge()
            if child.kind != "link":
                _change_mode(call, f"{path}/{name}", text, recursive=True)


def _chown(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if len(words) < 2:
        raise UsageError
    status = 0
    for name in words[1:]:
        try:
            call.machine.fs.change(call.path(name))
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            status = 1
    return status


def _chattr(call: Call) -> int:
    status = 0
    for name in call.argv[1:]:
        if name[:1] not in {"-", "+", "="} and not call.machine.fs.exists(call.path(name)):
            call.complain(
                f"stat {name}: No such file or directory"
                if not call.machine.persona.gnu
                else f"No such file or directory while trying to stat {name}"
            )
            status = 1
    return status


TABLE: Final[dict[str, Applet]] = {"chmod": _chmod, "chown": _chown, "chgrp": _chown, "chattr": _chattr}
