# SPDX-License-Identifier: Apache-2.0
"""Commands that change modes and owners: chmod, chown, chgrp, chattr."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.vfs import PathError

__all__ = ["TABLE", "parse_mode"]


_BITS: Final = {"r": 4, "w": 2, "x": 1}
_SHIFTS: Final = {"u": 6, "g": 3, "o": 0}
_SPECIAL: Final = {"u": 0o4000, "g": 0o2000, "o": 0}
_CLAUSE: Final = re.compile(r"([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)")
_ACTION: Final = re.compile(r"([-+=])([ugo]|[rwxXst]*)")


def parse_mode(text: str, mode: int, *, directory: bool = False, umask: int = 0) -> int | None:
    """The mode that `text` (octal or symbolic) makes of `mode`; None when it is none.

    Where no `ugoa` stands, bits of the umask are left alone.
    """
    if re.fullmatch(r"[0-7]{1,5}", text):
        value = int(text, 8)
        return value if value <= 0o7777 else None  # all bits of a mode
    for clause in text.split(","):
        found = _CLAUSE.fullmatch(clause)
        if not found:
            return None
        who = set(found[1].replace("a", "ugo")) or set("ugo")
        kept = 0 if found[1] else umask
        for sign, letters in _ACTION.findall(found[2]):
            mode = _applied(mode, who, sign, letters, kept, directory=directory)
    return mode


def _applied(mode: int, who: set[str], sign: str, letters: str, kept: int, *, directory: bool) -> int:
    if letters in _SHIFTS:
        bits = mode >> _SHIFTS[letters] & 7
    else:
        bits = sum(_BITS[letter] for letter in set(letters) & _BITS.keys())
        bits |= 1 if "X" in letters and (directory or mode & 0o111) else 0
    mask = sum(bits << _SHIFTS[letter] for letter in who) & ~kept
    mask |= sum(_SPECIAL[letter] for letter in who) if "s" in letters else 0
    mask |= 0o1000 if "t" in letters else 0
    if sign == "+":
        return mode | mask
    if sign == "-":
        return mode & ~mask
    field = sum((7 << _SHIFTS[letter]) | _SPECIAL[letter] for letter in who)
    return (mode & ~field) | mask


def _chmod(call: Call) -> int:
    words = [word for word in call.argv[1:] if not re.fullmatch(r"-[Rcvf]+|--[a-z]+", word)]
    flags = "".join(word for word in call.argv[1:] if re.fullmatch(r"-[Rcvf]+", word))
    flags += "R" if "--recursive" in call.argv else ""
    if len(words) < 2:
        raise UsageError("" if not call.gnu else "missing operand")
    text, *names = words
    if call.gnu and parse_mode(text, 0o644) is None:
        raise FailedError(f"invalid mode: ‘{text}’".encode().decode("latin-1"))
    status = 0
    for name in names:
        try:
            _change_mode(call, name, text, flags)
        except PathError as error:
            status, reason = 1, call.lacks(error)
            if "f" not in flags or not call.gnu:
                shown = f"cannot access '{name}': {reason}" if call.gnu else f"{name}: {reason}"
                call.complain(shown)
    return status


def _change_mode(call: Call, name: str, text: str, flags: str) -> None:
    fs, path = call.machine.fs, call.path(name)
    call.machine.budget.charge()
    node = fs.node(path)
    mode = parse_mode(text, node.mode, directory=node.kind == "dir", umask=call.process.umask)
    if mode is None:
        raise FailedError(f"invalid mode '{text}'")
    before = node.mode
    fs.change(path, mode=mode)
    if "v" in flags or ("c" in flags and before != mode):
        call.write(f"mode of '{name}' changed to {mode:04o} ({_letters(mode)})\n")
    if mode & 0o111 and node.brought:
        call.machine.settle(fs.find(path)[1])
    if "R" in flags and node.kind == "dir":
        for child_name, child in list(fs.node(path).children.items()):
            if child.kind != "link":
                _change_mode(call, f"{name.rstrip('/')}/{child_name}", text, flags)


def _letters(mode: int) -> str:
    return "".join("rwx"[2 - bit % 3] if mode >> bit & 1 else "-" for bit in range(8, -1, -1))


def _owner(call: Call, text: str) -> tuple[int | None, int | None]:
    """User and group that `user:group` names.

    Raises:
        FailedError: there is none of that name.
    """
    user, separator, group = (
        text.replace(".", ":", 1).partition(":") if call.name == "chown" else ("", ":", text)
    )
    found = _identity(call, user, "user") if user else None
    if separator and not group and user:
        return found, found
    return found, _identity(call, group, "group") if group else None


def _identity(call: Call, name: str, what: str) -> int:
    for user in call.machine.persona.users:
        if name == user.name:
            return user.uid if what == "user" else user.gid
    if name.isdecimal():
        return int(name[:9])
    raise FailedError(
        f"invalid {what}: ‘{name}’".encode().decode("latin-1") if call.gnu else f"unknown {what} {name}"
    )


def _chown(call: Call) -> int:
    options = call.options("RhLHPcvf", {"recursive": "R"})
    words = options.operands
    if len(words) < 2:
        raise UsageError
    owner, group = _owner(call, words[0])
    status = 0
    for name in words[1:]:
        try:
            call.machine.fs.change(call.path(name), owner=owner, group=group)
        except PathError as error:
            call.complain(f"{name}: {error.reason}")
            status = 1
    return status


def _chattr(call: Call) -> int:
    words = call.argv[1:]
    names = [word for word in words if word[:1] not in {"-", "+", "="}]
    if not words or len(names) == len(words):
        raise UsageError
    status = 0
    for name in names:
        if not call.machine.fs.exists(call.path(name)):
            text = "No such file or directory while trying to stat" if call.gnu else "stat"
            call.complain(f"{text} {name}" + ("" if call.gnu else ": No such file or directory"))
            status = 1
    return status


TABLE: Final[dict[str, Applet]] = {"chmod": _chmod, "chown": _chown, "chgrp": _chown, "chattr": _chattr}
