# SPDX-License-Identifier: Apache-2.0
"""Commands of bash about lists: mapfile, readarray, pushd, popd, dirs."""

from __future__ import annotations

from typing import Final

from mead.shell.arrays import set_all
from mead.shell.ast import decode
from mead.shell.call import Applet, BuiltinFaultError, Call
from mead.shell.vfs import normal

__all__ = ["TABLE"]

_MAX_DIRECTORIES: Final = 64


def _mapfile(call: Call) -> int:
    options = call.flags("tn:O:s:u:d:C:c:")
    name = options.operands[0] if options.operands else "MAPFILE"
    lines = decode(call.drain(call.stdin)).splitlines(keepends=True)
    skip = int(options.get("s")) if options.get("s").isdecimal() else 0
    count = int(options.get("n")) if options.get("n").isdecimal() else 0
    chosen = lines[skip:][: count or None]
    set_all(call.process, name, [line.removesuffix("\n") if "t" in options else line for line in chosen])
    return 0


def _pushd(call: Call) -> int:
    process, words = call.process, call.flags("n").operands
    if not words and not process.directories:
        raise BuiltinFaultError("no other directory", 1)
    target = words[0] if words else process.directories[0]
    rest = process.directories[:_MAX_DIRECTORIES] if words else process.directories[1:]
    before = process.cwd
    _go(call, target)
    process.directories = (before, *rest)
    return _dirs(call)


def _popd(call: Call) -> int:
    process = call.process
    if not process.directories:
        raise BuiltinFaultError("directory stack empty", 1)
    _go(call, process.directories[0])
    process.directories = process.directories[1:]
    return _dirs(call)


def _go(call: Call, target: str) -> None:
    process = call.process
    path = normal(call.path(target))
    if not call.machine.fs.is_directory(path):
        reason = "Not a directory" if call.machine.fs.exists(path) else "No such file or directory"
        raise BuiltinFaultError(f"{target}: {reason}", 1)
    process.variables["OLDPWD"] = process.cwd
    process.cwd = process.variables["PWD"] = path


def _dirs(call: Call) -> int:
    process = call.process
    if call.name == "dirs" and "c" in call.flags("clpv"):
        process.directories = ()
        return 0
    home = process.variables.get("HOME", "")
    shown = [_short(path, home) for path in (process.cwd, *process.directories)]
    call.write(" ".join(shown) + "\n")
    return 0


def _short(path: str, home: str) -> str:
    inside = len(home) > 1 and (path == home or path.startswith(home + "/"))
    return "~" + path[len(home) :] if inside else path


TABLE: Final[dict[str, Applet]] = {
    "mapfile": _mapfile, "readarray": _mapfile, "pushd": _pushd, "popd": _popd, "dirs": _dirs,
}  # fmt: skip
