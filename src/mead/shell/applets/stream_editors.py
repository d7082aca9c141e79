# SPDX-License-Identifier: Apache-2.0
"""sed and awk."""

from __future__ import annotations

from typing import Final

from mead.shell.applets import sed, sed_run
from mead.shell.applets.awk_run import run_awk
from mead.shell.ast import decode, encode
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.nodes import PathError

__all__ = ["TABLE"]


def _sed(call: Call) -> int:
    words = ["sed", *(word for word in call.argv[1:] if not word.startswith("-i"))]
    in_place = next((word for word in call.argv[1:] if word.startswith(("-i", "--in-place"))), None)
    if "--version" in words and not call.gnu:
        call.write("This is not GNU sed version 4.0\n")
        return 0
    long = {
        "expression": "e:",
        "in-place": "i",
        "quiet": "n",
        "silent": "n",
        "regexp-extended": "r",
        "file": "f:",
    }
    options = Call(words, call.process, call.shell).options("e:f:nrEs" + ("z" if call.gnu else ""), long)
    scripts = options.all("e") + [decode(call.read(name)) for name in options.all("f")]
    if not scripts:
        if not options.operands:
            raise UsageError
        scripts = [options.operands.pop(0)]
    script = sed.parse(call, "\n".join(scripts), extended="r" in options or "E" in options)
    quiet = "n" in options
    if in_place is None:
        data, status = call.all_input(options.operands, "{}: {}" if not call.gnu else "can't read {}: {}")
        call.write(sed_run.run(call, script, decode(data), quiet=quiet))
        return status
    suffix = in_place.removeprefix("--in-place").lstrip("=") if in_place.startswith("--") else in_place[2:]
    status = 0
    for name, data_or_none in call.inputs(options.operands, "{}: {}"):
        if data_or_none is None:
            status = 1
            continue
        if suffix:
            call.save(name + suffix, data_or_none)
        call.save(name, encode(sed_run.run(call, script, decode(data_or_none), quiet=quiet)))
    return status


def _awk(call: Call) -> int:
    options = call.options("F:v:f:", first_operand_ends=True)
    settings = dict(word.partition("=")[::2] for word in options.all("v"))
    if "F" in options:
        settings["FS"] = "\t" if options.get("F") == "t" else options.get("F")
    operands = options.operands
    if "f" in options:
        program = "\n".join(decode(_program(call, name)) for name in options.all("f"))
    elif operands:
        program, *operands = operands
    else:
        raise UsageError
    return run_awk(call, program, operands, settings)


def _program(call: Call, name: str) -> bytes:
    try:
        return call.read(name)
    except PathError as error:
        raise FailedError(f"can't open '{name}': {error.reason}") from error


TABLE: Final[dict[str, Applet]] = {
    "sed": _sed, "awk": _awk, "gawk": _awk, "mawk": _awk,
}  # fmt: skip
