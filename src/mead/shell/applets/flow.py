# SPDX-License-Identifier: Apache-2.0
"""Commands of the shell that lead elsewhere: cd, eval, `.`, exec, exit, return, break, continue.

**Source:** POSIX.1-2017, Shell Command Language §2.14; messages observed from BusyBox ash 1.35.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.applets import programs
from mead.shell.ast import decode
from mead.shell.call import Applet, BuiltinFaultError, Call
from mead.shell.control import (
    BreakLoopError,
    ContinueLoopError,
    ExitShellError,
    FaultError,
    ReturnError,
)
from mead.shell.nodes import PathError, normal

__all__ = ["TABLE", "natural"]


def natural(call: Call, text: str, *, least: int = 0) -> int:
    """A number that an operand must be.

    Raises:
        BuiltinFaultError: it is none.
    """
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII) or int(text) < least:
        if call.process.bash:
            raise BuiltinFaultError(f"{text}: numeric argument required")
        raise BuiltinFaultError(f"Illegal number: {text}")
    return int(text)


def _cd(call: Call) -> int:
    options = call.flags("LPe@")
    variables = call.process.variables
    words = options.operands
    target = words[0] if words else variables.get("HOME", "")
    if not words and not target:
        return 0
    shown = target == "-"
    if shown:
        target = variables.get("OLDPWD", call.process.cwd)
    path = _destination(call, target)
    try:
        call.machine.fs.names(path)
    except PathError as error:
        call.lacks(error)
        call.process.bound_for = path if call.machine.touched else ""
        if call.process.bash:
            raise BuiltinFaultError(f"{target}: {error.reason}", 1) from error
        reason = f": {error.reason}" if _recent(call) else ""
        raise BuiltinFaultError(f"can't cd to {target}{reason}") from error
    if shown:
        call.write(target + "\n")
    if "P" in options:
        path = call.machine.fs.find(path)[1]
    variables["OLDPWD"] = call.process.cwd
    variables["PWD"] = call.process.cwd = path
    call.process.bound_for = ""
    return 0


def _destination(call: Call, target: str) -> str:
    for folder in (
        call.process.variables.get("CDPATH", "").split(":") if not target.startswith((".", "/")) else ()
    ):
        if folder and call.machine.fs.is_directory(f"{folder}/{target}"):
            path = f"{folder}/{target}"
            call.write(path + "\n")
            return path
    path = call.path(target) or call.process.cwd
    double = path.startswith("//") and not path.startswith("///")
    return f"/{normal(path)}" if double else normal(path)


def _recent(call: Call) -> bool:
    """BusyBox says why since 1.27."""
    found = re.match(r"v1\.(\d+)", call.machine.persona.busybox_version)
    return found is None or int(found[1]) >= 27  # the version


def _pwd(call: Call) -> int:
    options = call.flags("LP")
    path = call.process.cwd
    call.write((call.machine.fs.find(path)[1] if "P" in options else path) + "\n")
    return 0


def _eval(call: Call) -> int:
    words = call.argv[2:] if call.argv[1:2] == ["--"] else call.argv[1:]
    text = " ".join(words)
    if not text.strip():
        return 0
    call.process.status = 0
    try:
        return call.shell.evaluate(text, call.process)
    except FaultError as fault:
        if not call.process.bash:
            raise
        return fault.status


def _dot(call: Call) -> int:
    process = call.process
    if len(call.argv) < 2:
        if process.bash:
            process.complain("filename argument required")
            call.say(f"{call.name}: usage: {call.name} filename [arguments]\n")
            return 2
        return 0
    name = call.argv[1]
    data = _sourced(call, name)
    programs.announce(call, name, data)
    arguments, depth, command = process.arguments, process.depth, process.command
    process.arguments = call.argv[2:] or arguments
    process.depth += 1
    process.sourcing += 1
    process.command = name
    process.status = 0
    try:
        return call.shell.script(decode(data), process)
    except ReturnError as error:
        return error.status
    finally:
        if call.argv[2:]:
            process.arguments = arguments
        process.depth, process.command = depth, command
        process.sourcing -= 1


def _sourced(call: Call, name: str) -> bytes:
    """The content of the file to run; it is looked for on PATH when its name has no slash."""
    bash = call.process.bash
    try:
        if "/" not in name and not bash:
            found = _on_path(call, name)
            if found is None:
                call.machine.wait_for_last()
                raise BuiltinFaultError(f"{name}: not found")
            return call.read(found)
        return call.read(name)
    except PathError as error:
        reason = call.lacks(error)
        if bash:
            call.process.command = ""
            raise BuiltinFaultError(f"{name}: {reason}", 1) from error
        raise BuiltinFaultError(f"can't open '{name}': {reason}") from error


def _on_path(call: Call, name: str) -> str | None:
    for folder in call.process.variables.get("PATH", "/bin").split(":")[:32]:
        if call.machine.fs.exists(f"{folder or '.'}/{name}"):
            return f"{folder}/{name}"
    return None


def _exec(call: Call) -> int:
    words = call.argv[2:] if call.argv[1:2] == ["--"] else call.argv[1:]
    if not words:
        return 0
    status = call.shell.execute(words, call.process, lambda reason: _not_run(call, words[0], reason))
    if status in {126, 127} and call.process.bash and call.process.interactive:
        return status
    raise ExitShellError(status)


def _not_run(call: Call, name: str, reason: str) -> None:
    missing = reason == "No such file or directory" and (call.process.ash or "/" not in name)
    if call.process.bash and "/" in name:
        call.process.command = ""
    call.process.complain(f"{name}: {'not found' if missing else reason}")


def _status(call: Call) -> int:
    if len(call.argv) < 2:
        return call.process.status
    return natural(call, call.argv[1]) & 0xFF


def _exit(call: Call) -> int:
    raise ExitShellError(_status(call))


def _return(call: Call) -> int:
    if call.process.bash and not call.process.local and not call.process.sourcing and not call.process.script:
        call.process.complain("can only `return' from a function or sourced script")
        return 2
    raise ReturnError(_status(call))


def _levels(call: Call) -> int:
    return natural(call, call.argv[1], least=1) if len(call.argv) > 1 else 1


def _break(call: Call) -> int:
    levels = _levels(call)
    if call.process.in_loop:
        raise BreakLoopError(levels)
    return _out_of_loop(call)


def _continue(call: Call) -> int:
    levels = _levels(call)
    if call.process.in_loop:
        raise ContinueLoopError(levels)
    return _out_of_loop(call)


def _out_of_loop(call: Call) -> int:
    if call.process.bash:
        call.process.complain("only meaningful in a `for', `while', or `until' loop")
    return 0


def _quiet(call: Call) -> int:
    del call
    return 0


def _times(call: Call) -> int:
    call.write("0m0.00s 0m0.00s\n0m0.00s 0m0.00s\n")
    return 0


TABLE: Final[dict[str, Applet]] = {
    "cd": _cd, "chdir": _cd, "pwd": _pwd, "eval": _eval, ".": _dot, "source": _dot, "exec": _exec,
    "exit": _exit, "return": _return, "break": _break, "continue": _continue, ":": _quiet, "times": _times,
}  # fmt: skip
