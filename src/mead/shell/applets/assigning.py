# SPDX-License-Identifier: Apache-2.0
"""Commands of the shell about variables: export, readonly, local, unset, read, getopts, let.

**Source:** POSIX.1-2017, Shell Command Language §2.14; messages observed from BusyBox ash 1.35.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.arithmetic import ArithmeticFault, evaluate
from mead.shell.arrays import parted, set_all
from mead.shell.ast import decode
from mead.shell.call import Applet, BuiltinFaultError, Call
from mead.shell.expand import ExpansionError
from mead.shell.fields import Fields
from mead.shell.process import Process
from mead.shell.streams import Source
from mead.shell.variables import ArithmeticVariables, quoted

__all__ = ["TABLE"]

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def _checked(call: Call, name: str) -> str:
    if not _NAME.fullmatch(name):
        if call.process.bash:
            raise BuiltinFaultError(f"`{name}': not a valid identifier", 1)
        raise BuiltinFaultError(f"{name}: bad variable name")
    return name


def _export(call: Call) -> int:
    process = call.process
    options = call.flags("npf")
    marked = process.exported if call.name == "export" else process.readonly
    if not options.operands:
        _show(call, marked)
    for word in options.operands:
        name, equals, value = word.partition("=")
        _checked(call, name)
        if equals:
            process.assign(name, value)
        if "n" in options:
            marked.discard(name)
        else:
            marked.add(name)
    return 0


def _show(call: Call, names: set[str]) -> None:
    variables = call.process.variables
    for name in sorted(names):
        if call.process.bash:
            letter = "x" if call.name == "export" else "r"
            value = variables.get(name)
            tail = "" if value is None else '="' + re.sub(r'([\\"$`])', r"\\\1", value) + '"'
            call.write(f"declare -{letter} {name}{tail}\n")
        else:
            tail = f"={quoted(variables[name])}" if name in variables else ""
            call.write(f"{call.name} {name}{tail}\n")


def _local(call: Call) -> int:
    process = call.process
    if not process.local:
        text = "can only be used in a function" if process.bash else "not in a function"
        raise BuiltinFaultError(text, 1 if process.bash else 2)
    for word in call.argv[1:]:
        if word.startswith("-"):
            continue
        name, equals, value = word.partition("=")
        _checked(call, name)
        if name not in process.local[-1]:
            process.local[-1][name] = process.variables.get(name)
            if not equals:
                process.variables.pop(name, None)
        if equals:
            process.assign(name, value)
    return 0


def _declare(call: Call) -> int:
    """`declare`: in a function what it names is local to that."""
    process, words = call.process, call.argv[1:]
    flags = "".join(word[1:] for word in words if word.startswith("-"))
    named = [word for word in words if not word.startswith(("-", "+"))]
    status = 0
    if process.local and "g" not in flags:
        status = _local(call)
    for word in named:
        name, equals, value = word.partition("=")
        if not _NAME.fullmatch(name):
            continue
        _mark(process, name, flags)
        if equals:
            value = str(_calculated(call, value)) if "i" in flags else value
            process.assign(name, value)
        if "r" in flags:
            process.readonly.add(name)
    if "p" in flags or not named:
        _print_declared(call, [word for word in named if "=" not in word])
    return status


def _local_of_bash(call: Call) -> int:
    return _declare(call) if call.process.local else _local(call)


def _mark(process: Process, name: str, flags: str) -> None:
    if "A" in flags:
        process.maps |= {name}
    if flags and {"a", "A"} & set(flags):
        process.arrays.setdefault(name, {})
    if "i" in flags:
        process.integers |= {name}
    if "x" in flags:
        process.exported.add(name)


def _calculated(call: Call, text: str) -> int:
    try:
        return evaluate(text or "0", ArithmeticVariables(call.process), arrays=True)
    except ArithmeticFault as error:
        raise BuiltinFaultError(str(error), 1) from error


def _print_declared(call: Call, names: list[str]) -> None:
    variables = call.process.variables
    for name in names or sorted(name for name in variables if "." not in name):
        if name in variables:
            value = re.sub(r'([\\"$`])', r"\\\1", variables[name])
            call.write(f'declare -{"x" if name in call.process.exported else "-"} {name}="{value}"\n')


def _unset(call: Call) -> int:
    process = call.process
    options = call.flags("vf")
    for name in options.operands:
        if "f" in options:
            process.functions.pop(name, None)
            continue
        if process.bash and (reference := parted(name)) is not None:
            _unset_element(call, *reference)
            continue
        if not _NAME.fullmatch(name) and not process.bash:
            raise BuiltinFaultError(f"{name}: bad variable name")
        if name in process.readonly:
            text = f"{name}: cannot unset: readonly variable" if process.bash else f"{name}: is read only"
            raise BuiltinFaultError(text, 1 if process.bash else 2)
        if process.bash and name not in process.variables and name not in process.arrays:
            process.functions.pop(name, None)
        process.variables.pop(name, None)
        process.arrays.pop(name, None)
        process.maps -= {name}
        process.integers -= {name}
        process.exported.discard(name)
    return 0


def _unset_element(call: Call, array: str, subscript: str) -> None:
    process = call.process
    items = process.arrays.get(array, {})
    try:
        key = call.shell.expander.key(array, subscript, process)
    except ExpansionError:
        return
    process.arrays[array] = {each: value for each, value in items.items() if each != key}


def _read(call: Call) -> int:
    options = call.flags("rp:t:n:d:su:a:eN:")
    for name in options.operands:
        if not _NAME.fullmatch(name):
            _bad_name(call, name)
            return 1
    if "p" in options and call.process.interactive:
        call.say(options.get("p"))
    source = _descriptor(call, options.get("u"))
    if options.get("n").isdigit() and int(options.get("n")[:6]) > 0:
        text, whole = _counted(call, source, int(options.get("n")[:6]))
    else:
        end = options.get("d")[:1] if "d" in options else "\n"
        text, whole = _line(call, source, end.encode("latin-1") or b"\0", raw="r" in options)
    if "a" in options and call.process.bash:
        set_all(call.process, options.get("a"), _fields(call, text, raw="r" in options))
    else:
        _spread(call, options.operands or ["REPLY"], text, raw="r" in options)
    return 0 if whole else 1


def _bad_name(call: Call, name: str) -> None:
    if call.process.bash:
        call.process.complain(f"`{name}': not a valid identifier")
    else:
        call.say(f"{call.title}: read: '{name}': bad variable name\n")


def _descriptor(call: Call, text: str) -> Source:
    found = call.process.fds.get(int(text[:3])) if text.isdigit() else None
    return found if isinstance(found, Source) else call.stdin


def _counted(call: Call, source: Source, count: int) -> tuple[str, bool]:
    """Up to `count` bytes of a line, and whether all of them, or its end, were there."""
    data = source.read(count)
    call.machine.budget.charge_bytes(len(data))
    cut = data.split(b"\n", 1)[0]
    return decode(cut.replace(b"\0", b"")), len(cut) < len(data) or len(data) == count


def _line(call: Call, source: Source, end: bytes, *, raw: bool) -> tuple[str, bool]:
    """What was typed up to `end`, and whether that was seen; backslashes stand as they are."""
    data = b""
    while True:
        line = source.line() if end == b"\n" else _until(source, end)
        if source.waits is not None and not line:
            call.machine.body(source.waits)
        call.machine.budget.charge_bytes(len(line))
        data += line
        if not line.endswith(end):
            return decode(data.replace(b"\0", b"")), False
        if raw or not _continues(data):
            return decode(data[: -len(end)].replace(b"\0", b"")), True


def _continues(data: bytes) -> bool:
    text = data[:-1]
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1


def _until(source: Source, end: bytes) -> bytes:
    pieces: list[bytes] = []
    while piece := source.read(1):
        pieces.append(piece)
        if piece == end:
            break
    return b"".join(pieces)


_PIECE: Final = re.compile(r"\\(\n)|\\(.)|([^\\])|(\\)", re.DOTALL)


def _spread(call: Call, names: list[str], text: str, *, raw: bool) -> None:
    """Share the fields of a line among variables; the last one gets what is left."""
    separators = call.process.variables.get("IFS", " \t\n")
    blanks = "".join(char for char in separators if char in " \t\n")
    marks = _marks(text, raw=raw)
    start, end = 0, len(marks)
    while end > start and not marks[end - 1][1] and marks[end - 1][0] in blanks:
        end -= 1
    while start < end and not marks[start][1] and marks[start][0] in blanks:
        start += 1
    for index, name in enumerate(names):
        stop = end
        if index < len(names) - 1:
            stop = next(
                (at for at in range(start, end) if not marks[at][1] and marks[at][0] in separators), end
            )
        _set(call, name, "".join(char for char, _ in marks[start:stop]))
        start = _past(marks, stop, end, separators, blanks)


def _fields(call: Call, text: str, *, raw: bool) -> list[str]:
    """All fields of a line."""
    separators = call.process.variables.get("IFS", " \t\n")
    fields = Fields(call.machine.limits.word_bytes)
    for char, escaped in _marks(text, raw=raw):
        if escaped:
            fields.add(char, quoted=True)
        else:
            fields.add_split(char, separators)
    fields.end()
    return [field for field, _ in fields.done]


def _past(marks: list[tuple[str, bool]], at: int, end: int, separators: str, blanks: str) -> int:
    """Where the next field begins behind the delimiter at `at`."""
    seen = False
    while at < end and not marks[at][1] and marks[at][0] in separators:
        if marks[at][0] not in blanks:
            if seen:
                break
            seen = True
        at += 1
    return at


def _marks(text: str, *, raw: bool) -> list[tuple[str, bool]]:
    """Characters, and whether a backslash stood in front of each."""
    if raw or "\\" not in text:
        return [(char, False) for char in text]
    marks: list[tuple[str, bool]] = []
    for newline, escaped, plain, alone in _PIECE.findall(text):
        if newline:
            continue
        marks.append((escaped or plain or alone, bool(escaped)))
    return marks


def _set(call: Call, name: str, value: str) -> None:
    if call.process.bash or name not in call.process.readonly:
        call.process.assign(name, value)
        return
    raise BuiltinFaultError(f"{name}: is read only")


def _let(call: Call) -> int:
    if len(call.argv) < 2:
        raise BuiltinFaultError("expression expected", 1 if call.process.bash else 2)
    value = 0
    for word in call.argv[1:]:
        try:
            value = evaluate(word, ArithmeticVariables(call.process), arrays=call.process.bash)
        except ArithmeticFault as error:
            raise BuiltinFaultError(str(error)) from error
    return int(value == 0)


def _getopts(call: Call) -> int:
    if len(call.argv) < 3:
        raise BuiltinFaultError("usage: getopts optstring var [arg]")
    spec, name = call.argv[1], call.argv[2]
    words = call.argv[3:] or call.process.arguments
    index, inside = _place(call.process.variables)
    word = words[index - 1] if index <= len(words) else ""
    if inside == 0 and (len(word) < 2 or word[0] != "-" or word == "--"):
        _note(call, index + (word == "--"), 0)
        call.process.assign(name, "?")
        return 1
    inside = max(1, inside)
    found, index, inside = _option(call, spec, words, index, inside)
    if index <= len(words) and inside >= len(words[index - 1]):
        index, inside = index + 1, 0
    _note(call, index, inside)
    call.process.assign(name, found)
    return 0


def _option(call: Call, spec: str, words: list[str], index: int, inside: int) -> tuple[str, int, int]:
    """The option at a place: what it is, and the place where its argument ends."""
    word, variables = words[index - 1], call.process.variables
    letter, inside = word[inside], inside + 1
    letters = spec.removeprefix(":")
    at = letters.find(letter) if letter != ":" else -1
    variables.pop("OPTARG", None)
    if at < 0:
        return _wrong(call, spec, letter, f"Illegal option -{letter}", "?"), index, inside
    if letters[at + 1 : at + 2] != ":":
        variables["OPTARG"] = ""
        return letter, index, inside
    if inside < len(word):
        variables["OPTARG"] = word[inside:]
    elif index < len(words):
        index += 1
        variables["OPTARG"] = words[index - 1]
    else:
        sign = ":" if spec.startswith(":") else "?"
        return _wrong(call, spec, letter, f"No arg for -{letter} option", sign), index, inside
    return letter, index, len(words[index - 1])


def _place(variables: dict[str, str]) -> tuple[int, int]:
    """Which word getopts stands at, and where in it; who sets OPTIND starts anew."""
    text = variables.get("OPTIND", "1")
    known, _, place = variables.get(".getopts", "").partition(":")
    if known == text and place:
        index, _, inside = place.partition(":")
        return int(index), int(inside)
    return max(1, int(text[:6])) if text.isdecimal() else 1, 0


def _note(call: Call, index: int, inside: int) -> None:
    call.process.variables["OPTIND"] = str(index)
    call.process.variables[".getopts"] = f"{index}:{index}:{inside}"


def _wrong(call: Call, spec: str, letter: str, message: str, sign: str) -> str:
    if spec.startswith(":"):
        call.process.assign("OPTARG", letter)
        return sign
    call.say(f"{message}\n")
    return "?"


TABLE: Final[dict[str, Applet]] = {
    "export": _export, "readonly": _export, "local": _local, "unset": _unset, "read": _read, "let": _let,
    "getopts": _getopts,
}  # fmt: skip
BASH_TABLE: Final[dict[str, Applet]] = {"declare": _declare, "typeset": _declare, "local": _local_of_bash}
