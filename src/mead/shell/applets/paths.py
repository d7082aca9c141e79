# SPDX-License-Identifier: Apache-2.0
"""Commands about names of files: readlink, realpath, basename, dirname, which."""

from __future__ import annotations

from typing import Final

from mead.shell.call import Applet, Call, UsageError
from mead.shell.vfs import PathError

__all__ = ["TABLE"]


def _readlink(call: Call) -> int:
    options = call.options("fnemsvqz") if call.name == "readlink" else call.options("")
    if not options.operands:
        raise UsageError("" if not call.gnu else "missing operand")
    status = 0
    for name in options.operands:
        try:
            if "f" in options or call.name == "realpath":
                found, real = call.machine.fs.find(call.path(name))
                if found is None and call.name == "realpath" and not call.gnu:
                    raise PathError("No such file or directory")  # noqa: TRY301  # as if it had looked
                call.write(real + ("" if "n" in options else "\n"))
                continue
            node = call.node(name, follow=False)
        except PathError as error:
            status = 1
            if call.name == "realpath":
                call.complain(f"{name}: {error.reason}")
            continue
        if node.kind != "link":
            status = 1
        else:
            call.write(node.target + ("" if "n" in options else "\n"))
    return status


def _basename(call: Call) -> int:
    words = call.argv[1:]
    if not 1 <= len(words) <= 2:
        raise UsageError("" if not call.gnu else "missing operand")
    name = words[0].rstrip("/").rpartition("/")[2] or ("/" if words[0] else "")
    if len(words) > 1 and name != words[1]:
        name = name.removesuffix(words[1])
    call.write(name + "\n")
    return 0


def _dirname(call: Call) -> int:
    if len(call.argv) < 2:
        raise UsageError("" if not call.gnu else "missing operand")
    name = call.argv[1]
    if name and not name.strip("/"):
        call.write(("//" if name == "//" and not call.gnu else "/") + "\n")
        return 0
    head, slash, _ = name.rstrip("/").rpartition("/")
    call.write((head.rstrip("/") or ("/" if slash else ".")) + "\n")
    return 0


def _which(call: Call) -> int:
    options = call.options("a")
    if not options.operands:
        if call.gnu:
            return 1
        raise UsageError
    status = 0
    for name in options.operands:
        found = _executable(call, name) if "/" in name else call.shell.which(name, call.process)
        if found is None:
            status = 1
        else:
            call.write(found + "\n")
    return status


def _executable(call: Call, name: str) -> str | None:
    try:
        node = call.node(name)
    except PathError:
        return None
    return name if node.kind == "file" and node.mode & 0o111 else None


TABLE: Final[dict[str, Applet]] = {
    "readlink": _readlink, "realpath": _readlink, "basename": _basename, "dirname": _dirname, "which": _which,
    "whereis": _which,
}  # fmt: skip
