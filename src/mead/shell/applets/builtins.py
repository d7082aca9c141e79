# SPDX-License-Identifier: Apache-2.0
"""Commands that change the shell itself.

**Source:** POSIX.1-2017, Shell Command Language §2.14; messages observed from BusyBox ash 1.35.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.applets import programs
from mead.shell.arithmetic import ArithmeticFault, evaluate
from mead.shell.ast import decode
from mead.shell.call import Applet, Call, FailedError
from mead.shell.control import BreakLoopError, ContinueLoopError, ExitShellError, ReturnError
from mead.shell.vfs import PathError, normal

__all__ = ["TABLE"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def _cd(call: Call) -> int:
    words = [word for word in call.argv[1:] if word not in {"-P", "-L", "--"}]
    variables = call.process.variables
    target = words[0] if words else variables.get("HOME", "/")
    if target == "-":
        target = variables.get("OLDPWD", call.process.cwd)
        call.write(target + "\n")
    path = normal(call.path(target))
    try:
        call.machine.fs.names(path)
    except PathError as error:
        if call.machine.persona.gnu:
            return call.fault(f"{target}: {error.reason}", 1)
        return call.fault(f"can't cd to {target}" + (f": {error.reason}" if _recent(call) else ""))
    variables["OLDPWD"] = call.process.cwd
    variables["PWD"] = call.process.cwd = path
    return 0


def _recent(call: Call) -> bool:
    """BusyBox says why since 1.27."""
    found = re.match(r"v1\.(\d+)", call.machine.persona.busybox_version)
    return found is None or int(found[1]) >= 27


def _pwd(call: Call) -> int:
    call.write(call.process.cwd + "\n")
    return 0


def _export(call: Call) -> int:
    process = call.process
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if not words and call.name == "export":
        for name in sorted(process.exported & process.variables.keys()):
            call.write(f"export {name}='{process.variables[name]}'\n")
    for word in words:
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name):
            return call.fault(f"{name}: bad variable name")
        if equals:
            process.variables[name] = value
        process.exported.add(name)
    return 0


def _local(call: Call) -> int:
    process = call.process
    if not process.local:
        return call.fault("not in a function")
    for word in call.argv[1:]:
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name):
            continue
        process.local[-1].setdefault(name, process.variables.get(name))
        if equals:
            process.variables[name] = value
    return 0


def _unset(call: Call) -> int:
    for name in call.argv[1:]:
        if not name.startswith("-"):
            call.process.variables.pop(name, None)
            call.process.exported.discard(name)
            if "-f" in call.argv:
                call.process.functions.pop(name, None)
    return 0


def _set(call: Call) -> int:
    process, words = call.process, call.argv[1:]
    if not words:
        for name in sorted(process.variables):
            call.write(f"{name}='{process.variables[name]}'\n")
    while words and re.fullmatch(r"[-+][A-Za-z]+", words[0]):
        word = words.pop(0)
        letters = word[1:]
        if letters == "o":
            words = words[1:]
            continue
        for letter in letters:
            (process.options.add if word[0] == "-" else process.options.discard)(letter)
        if not words:
            return 0
    if call.argv[1:] and (words or call.argv[-1] == "--"):
        process.arguments = words[1:] if words[:1] == ["--"] else words
    return 0


def _shift(call: Call) -> int:
    count = int(call.argv[1][:6]) if len(call.argv) > 1 and call.argv[1].isdigit() else 1
    if count > len(call.process.arguments):
        return 1
    call.process.arguments = call.process.arguments[count:]
    return 0


def _read(call: Call) -> int:
    options = call.options("rp:t:n:d:su:a:")
    if "p" in options:
        call.say(options.get("p"))
    source = call.stdin
    if "u" in options and options.get("u").isdigit():
        source = call.process.fds.get(int(options.get("u")[:3]), source)  # type: ignore[assignment]  # read from sinks fails below
    if "n" in options and options.get("n").isdigit():
        line = source.read(int(options.get("n")[:6]))
    else:
        line = source.line()
        if source.waits is not None and not line:
            call.machine.body(source.waits)
    call.machine.budget.charge_bytes(len(line))
    text = decode(line).removesuffix("\n")
    if "r" not in options:
        text = re.sub(r"\\(.)", r"\1", text)
    _assign(call, options.operands or ["REPLY"], text)
    return 0 if line.endswith(b"\n") or ("n" in options and line) else 1


def _assign(call: Call, names: list[str], text: str) -> None:
    separators = call.process.variables.get("IFS", " \t\n")
    blank = "".join(char for char in separators if char in " \t\n")
    text = text.strip(blank) if blank else text
    for index, name in enumerate(names):
        if index == len(names) - 1 or not separators:
            value, text = text, ""
        else:
            found = re.search(f"[{re.escape(separators)}]", text)
            value, text = (text[: found.start()], text[found.end() :].lstrip(blank)) if found else (text, "")
        if _NAME.fullmatch(name):
            call.process.variables[name] = value


def _eval(call: Call) -> int:
    return call.shell.evaluate(" ".join(call.argv[1:]), call.process)


def _dot(call: Call) -> int:
    if len(call.argv) < 2:
        raise FailedError("filename argument required", 2)
    name = call.argv[1]
    try:
        data = call.read(name if "/" in name or call.machine.fs.exists(call.path(name)) else call.path(name))
    except PathError:
        call.process.complain(
            f".: can't open '{name}'"
            if not call.machine.persona.gnu
            else f"{name}: No such file or directory"
        )
        return 2 if not call.machine.persona.gnu else 1
    programs.announce(call, name, data)
    process = call.process
    arguments, depth = process.arguments, process.depth
    process.arguments = call.argv[2:] or arguments
    process.depth += 1
    try:
        return call.shell.script(decode(data), process)
    except ReturnError as error:
        return error.status
    finally:
        process.arguments, process.depth = arguments, depth


def _exec(call: Call) -> int:
    if len(call.argv) < 2:
        return 0
    status = call.shell.launch(call.argv[1:], call.process)
    if status in {126, 127} and call.process.stdin.interactive:
        return status
    raise ExitShellError(status)


def _status(call: Call) -> int:
    if len(call.argv) < 2:
        return call.process.status
    if not re.fullmatch(r"\d{1,9}", call.argv[1], re.ASCII):
        return call.fault(f"Illegal number: {call.argv[1]}")
    return int(call.argv[1]) & 0xFF


def _exit(call: Call) -> int:
    raise ExitShellError(_status(call))


def _return(call: Call) -> int:
    raise ReturnError(_status(call))


def _levels(call: Call) -> int:
    return int(call.argv[1][:4]) if len(call.argv) > 1 and call.argv[1].isdigit() else 1


def _break(call: Call) -> int:
    if call.process.in_loop:
        raise BreakLoopError(_levels(call))
    return 0


def _continue(call: Call) -> int:
    if call.process.in_loop:
        raise ContinueLoopError(_levels(call))
    return 0


def _quiet(call: Call) -> int:
    del call
    return 0


def _trap(call: Call) -> int:
    for signal in call.argv[2:]:
        if len(call.process.traps) < 64:
            call.process.traps[signal] = call.argv[1]
    return 0


def _umask(call: Call) -> int:
    if len(call.argv) < 2:
        call.write("0022\n")
    return 0


def _kind_of(call: Call, name: str) -> str | None:
    if name in call.process.functions:
        return "a function"
    if name in TABLE or name in {"echo", "printf", "test", "[", "true", "false", "kill"}:
        return "a shell builtin"
    found = call.shell.which(name, call.process)
    return None if found is None else found


def _type(call: Call) -> int:
    status = 0
    for name in call.argv[1:]:
        kind = _kind_of(call, name)
        if kind is None:
            call.write(f"{name}: not found\n")
            status = 127
        else:
            call.write(f"{name} is {kind}\n")
    return status


def _command(call: Call) -> int:
    words = call.argv[1:]
    if words[:1] in (["-v"], ["-V"]):
        status = 127
        for name in words[1:]:
            kind = _kind_of(call, name)
            if kind is not None:
                status = 0
                call.write(f"{kind if kind.startswith('/') else name}\n")
        return status
    words = words[1:] if words[:1] == ["-p"] else words
    if not words:
        return 0
    builtin = TABLE.get(words[0])
    return (
        call.shell.apply(builtin, words, call.process) if builtin else call.shell.launch(words, call.process)
    )


def _history(call: Call) -> int:
    if "-c" in call.argv:
        call.machine.history.clear()
        return 0
    width = 5 if call.machine.persona.gnu else 4
    for number, line in enumerate(call.machine.history, 1):
        call.write(
            f"{number:>{width}}  {line}\n" if call.machine.persona.gnu else f"{number:>{width}} {line}\n"
        )
    return 0


def _ulimit(call: Call) -> int:
    if call.argv[1:] == ["-a"]:
        call.write(
            "core file size (blocks)         (-c) 0\ndata seg size (kb)              (-d) unlimited\n"
            "file size (blocks)              (-f) unlimited\nmax locked memory (kb)          (-l) 64\n"
            "open files                      (-n) 1024\nstack size (kb)                 (-s) 8192\n"
        )
    elif len(call.argv) < 3:
        call.write("1024\n" if "-n" in call.argv else "unlimited\n")
    return 0


def _let(call: Call) -> int:
    value = 0
    for word in call.argv[1:]:
        try:
            value = evaluate(word, call.process.variables)
        except ArithmeticFault as error:
            raise FailedError(str(error), 2) from error
    return int(value == 0)


def _getopts(call: Call) -> int:
    del call
    return 1


def _help(call: Call) -> int:
    call.write(
        "Built-in commands:\n------------------\n"
        "\t. : [ [[ alias bg break cd chdir command continue echo eval exec\n"
        "\texit export false fg getopts hash help history jobs kill let\n"
        "\tlocal printf pwd read readonly return set shift "
        "source test times\n\ttrap true type ulimit umask unalias unset wait\n\n"
    )
    return 0


TABLE: Final[dict[str, Applet]] = {
    "cd": _cd,
    "chdir": _cd,
    "pwd": _pwd,
    "export": _export,
    "readonly": _export,
    "local": _local,
    "declare": _local,
    "typeset": _local,
    "unset": _unset,
    "set": _set,
    "shift": _shift,
    "read": _read,
    "eval": _eval,
    ".": _dot,
    "source": _dot,
    "exec": _exec,
    "exit": _exit,
    "logout": _exit,
    "return": _return,
    "break": _break,
    "continue": _continue,
    ":": _quiet,
    "trap": _trap,
    "umask": _umask,
    "wait": _quiet,
    "jobs": _quiet,
    "fg": _quiet,
    "bg": _quiet,
    "hash": _quiet,
    "alias": _quiet,
    "unalias": _quiet,
    "times": _quiet,
    "disown": _quiet,
    "shopt": _quiet,
    "unhistory": _quiet,
    "type": _type,
    "command": _command,
    "builtin": _command,
    "history": _history,
    "ulimit": _ulimit,
    "let": _let,
    "getopts": _getopts,
    "help": _help,
}
