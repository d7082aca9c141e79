# SPDX-License-Identifier: Apache-2.0
"""All commands that the shell has in itself, and which of them are special."""

from __future__ import annotations

from typing import Final

from mead.shell.applets import assigning, flow, jobs, lists, naming, options
from mead.shell.call import Applet, Call

__all__ = ["ASSIGNING", "BASH_TABLE", "NOT_IN_DASH", "SPECIAL", "TABLE"]


def _quiet(call: Call) -> int:
    del call
    return 0


def _history(call: Call) -> int:
    machine = call.machine
    if "-c" in call.argv:
        machine.history.clear()
        return 0
    if not call.process.interactive:
        return 0
    width = 5 if call.process.bash else 4
    gap = "  " if call.process.bash else " "
    for number, line in enumerate(machine.history, 1 if call.process.bash else 0):
        call.write(f"{number:>{width}}{gap}{line}\n")
    return 0


def _help(call: Call) -> int:
    call.write(
        "Built-in commands:\n------------------\n"
        "\t. : [ [[ alias bg break cd chdir command continue echo eval exec\n"
        "\texit export false fg getopts hash help history jobs kill let\n"
        "\tlocal printf pwd read readonly return set shift source test times\n"
        "\ttrap true type ulimit umask unalias unset wait\n"
    )
    return 0


def _shopt(call: Call) -> int:
    del call
    return 0


_ONLY_OF_BASH: Final = (
    "bind", "builtin", "caller", "compgen", "complete", "compopt", "declare", "dirs", "disown", "enable",
    "fc", "logout", "mapfile", "popd", "pushd", "readarray", "shopt", "suspend", "typeset",
)  # fmt: skip


_PROGRAMS_TOO: Final = ("[", "echo", "false", "kill", "printf", "test", "true")


def _enable(call: Call) -> int:
    options = call.flags("adnpsf:")
    known = sorted(
        {*TABLE, *_ONLY_OF_BASH, "[", "echo", "false", "kill", "printf", "test", "true"} - {"chdir"}
    )
    if not options.operands:
        call.write("".join(f"enable {name}\n" for name in known))
        return 0
    status = 0
    for name in options.operands:
        if name not in known:
            call.process.complain(f"{name}: not a shell builtin")
            status = 1
    return status


SPECIAL: Final = frozenset({
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift",
    "source", "times", "trap", "unset", "local",
})  # fmt: skip
"""Those whose failure ends a shell that is not interactive."""
ASSIGNING: Final = frozenset({"export", "readonly", "local", "alias", "declare", "typeset"})
"""Those whose operands are split like assignments, that is, not."""
TABLE: Final[dict[str, Applet]] = {
    **flow.TABLE, **assigning.TABLE, **options.TABLE, **jobs.TABLE, **naming.TABLE, "history": _history,
    "help": _help,
}  # fmt: skip
NOT_IN_DASH: Final = frozenset({"[[", "help", "history", "let", "source"})
BASH_TABLE: Final[dict[str, Applet]] = {
    **assigning.BASH_TABLE, **naming.BASH_TABLE, **lists.TABLE, "logout": TABLE["exit"],
    "shopt": _shopt, "disown": _quiet,
    "enable": _enable, "caller": _quiet, "complete": _quiet, "suspend": _quiet,
}  # fmt: skip
