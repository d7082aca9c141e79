# SPDX-License-Identifier: Apache-2.0
"""grep, sed and awk."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.applets import sed
from mead.shell.applets.awk_run import run_awk
from mead.shell.ast import decode, encode
from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.regex import Regex, RegexError
from mead.shell.vfs import PathError

__all__ = ["TABLE"]


def _patterns(call: Call, options: Options) -> list[str]:
    patterns = options.all("e")
    for name in options.all("f"):
        patterns = [*patterns, *decode(call.read(name)).splitlines()]
    if not options.all("e") and not options.all("f"):
        if not options.operands:
            raise UsageError
        patterns = [options.operands.pop(0)]
    return [part for pattern in patterns for part in pattern.split("\n")]


def _compile(call: Call, patterns: list[str], options: Options) -> list[Regex]:
    fixed = "F" in options or call.name == "fgrep"
    extended = fixed or "E" in options or "P" in options or call.name == "egrep"
    compiled: list[Regex] = []
    for pattern in patterns[:256]:
        text = re.sub(r"([][.*^$\\+?(){}|])", r"\\\1", pattern) if fixed else pattern
        if "w" in options:
            text = f"\\<({text})\\>" if extended else f"\\<\\({text}\\)\\>"
        if "x" in options:
            text = f"^({text})$" if extended else f"^\\({text}\\)$"
        try:
            compiled.append(
                Regex(text, extended=extended, budget=call.machine.budget, ignore_case="i" in options)
            )
        except RegexError as error:
            raise FailedError(f"bad regex '{pattern}': {error}", 2) from error
    return compiled


def _grep(call: Call) -> int:
    options = call.options(
        "HhnlLoqvsriwxFEPe:f:m:A:B:C:zcIa",
        {
            "color": "color",
            "colour": "color",
            "quiet": "q",
            "ignore-case": "i",
            "invert-match": "v",
            "count": "c",
            "only-matching": "o",
            "line-regexp": "x",
            "word-regexp": "w",
            "recursive": "r",
            "extended-regexp": "E",
        },
    )
    regexes = _compile(call, _patterns(call, options), options)
    names = options.operands
    if "r" in options:
        names = [
            path
            for name in names or ["."]
            for path, node in call.machine.fs.walk(call.path(name))
            if node.kind == "file"
        ]
    titled = ("H" in options or len(names) > 1) and "h" not in options
    found_any, status = False, 1
    for name in names or ["-"]:
        try:
            data = call.read(name)
        except PathError as error:
            status = 2
            if "s" not in options:
                call.complain(f"{name}: {error.reason}")
            continue
        found_any = _grep_one(call, options, regexes, decode(data), name if titled else "") or found_any
        if found_any and "q" in options:
            return 0
    return 0 if found_any and status != 2 else status


def _grep_one(call: Call, options: Options, regexes: list[Regex], text: str, name: str) -> bool:
    lines = text.removesuffix("\n").split("\n") if text else []
    most = int(options.get("m")[:9]) if options.get("m").isdigit() else len(lines)
    chosen: list[int] = []
    for index, line in enumerate(lines):
        if any(regex.search(line) for regex in regexes) != ("v" in options):
            chosen.append(index)
            if len(chosen) >= most or "q" in options:
                break
    if "q" in options:
        return bool(chosen)
    prefix = f"{name}:" if name else ""
    if "c" in options:
        call.write(f"{prefix}{len(chosen)}\n")
    elif "l" in options or "L" in options:
        if bool(chosen) == ("l" in options):
            call.write(f"{name or '(standard input)'}\n")
    else:
        _grep_show(call, options, regexes, lines, chosen, prefix)
    return bool(chosen)


def _grep_show(
    call: Call, options: Options, regexes: list[Regex], lines: list[str], chosen: list[int], prefix: str
) -> None:
    before = (
        int((options.get("B") or options.get("C") or "0")[:4])
        if (options.get("B") or options.get("C") or "0").isdigit()
        else 0
    )
    after = (
        int((options.get("A") or options.get("C") or "0")[:4])
        if (options.get("A") or options.get("C") or "0").isdigit()
        else 0
    )
    if "o" in options and "v" not in options:
        for index in chosen:
            for piece in _only(regexes, lines[index]):
                call.write(f"{prefix}{f'{index + 1}:' if 'n' in options else ''}{piece}\n")
        return
    last, wanted = -1, frozenset(chosen)
    for index in chosen:
        for at in range(max(last + 1, index - before), min(len(lines), index + after + 1)):
            mark = ":" if at in wanted else "-"
            number = f"{at + 1}{mark}" if "n" in options else ""
            call.write(f"{prefix}{number}{lines[at]}\n")
            last = at


def _only(regexes: list[Regex], line: str) -> list[str]:
    pieces: list[str] = []
    position = 0
    while position < len(line):
        matches = [
            found
            for regex in regexes
            if (found := regex.search(line, position)) is not None and found.end > found.start
        ]
        if not matches:
            break
        first = min(matches, key=lambda found: found.start)
        pieces.append(line[first.start : first.end])
        position = first.end
    return pieces


def _sed(call: Call) -> int:
    options = call.options(
        "e:f:inrEsz",
        {
            "expression": "e:",
            "in-place": "i",
            "quiet": "n",
            "silent": "n",
            "regexp-extended": "r",
            "file": "f:",
        },
    )
    scripts = options.all("e") + [decode(call.read(name)) for name in options.all("f")]
    if not scripts:
        if not options.operands:
            raise UsageError
        scripts = [options.operands.pop(0)]
    script = sed.parse(call, "\n".join(scripts), extended="r" in options or "E" in options)
    quiet = "n" in options
    if "i" not in options:
        data, status = call.all_input(options.operands, "{}: {}")
        call.write(sed.run(call, script, _lines(data), quiet=quiet))
        return status
    status = 0
    for name, data_or_none in call.inputs(options.operands, "{}: {}"):
        if data_or_none is None:
            status = 1
        else:
            call.save(name, encode(sed.run(call, script, _lines(data_or_none), quiet=quiet)))
    return status


def _lines(data: bytes) -> list[str]:
    return decode(data).removesuffix("\n").split("\n") if data else []


def _awk(call: Call) -> int:
    options = call.options("F:v:f:", first_operand_ends=True)
    settings = dict(word.partition("=")[::2] for word in options.all("v"))
    if "F" in options:
        settings["FS"] = "\t" if options.get("F") == "t" else options.get("F")
    operands = options.operands
    if "f" in options:
        program = "\n".join(decode(call.read(name)) for name in options.all("f"))
    elif operands:
        program, *operands = operands
    else:
        raise UsageError
    return run_awk(call, program, operands, settings)


TABLE: Final[dict[str, Applet]] = {
    "grep": _grep, "egrep": _grep, "fgrep": _grep, "sed": _sed, "awk": _awk, "gawk": _awk, "mawk": _awk,
}  # fmt: skip
