# SPDX-License-Identifier: Apache-2.0
"""What a name stands for: variables, arrays, positional and special parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Final

from mead.shell.arithmetic import evaluate
from mead.shell.arrays import element, parted, set_element
from mead.shell.machine import Machine
from mead.shell.process import Process

__all__ = ["ArithmeticVariables", "quoted", "traced", "value_of"]

_OPTION_LETTERS: Final = "EubaCvxcsnmiIfe"
_VERSION: Final = "5.2.15(1)-release"
_OF_BASH: Final[dict[str, Callable[[Process, Machine], str]]] = {
    "BASH_VERSION": lambda _, __: _VERSION,
    "BASH_VERSINFO": lambda _, __: _VERSION[0],
    "HOSTNAME": lambda _, machine: machine.persona.hostname,
    "UID": lambda _, machine: str(machine.uid),
    "EUID": lambda _, machine: str(machine.uid),
    "SECONDS": lambda _, machine: str(int(machine.now().timestamp() - machine.processes.shell.since)),
    "EPOCHSECONDS": lambda _, machine: str(int(machine.now().timestamp())),
    "OSTYPE": lambda _, __: "linux-gnu",
    "HOSTTYPE": lambda _, machine: machine.persona.machine_name,
    "MACHTYPE": lambda _, machine: f"{machine.persona.machine_name}-pc-linux-gnu",
    "BASH": lambda _, __: "/bin/bash",
    "BASHPID": lambda process, _: str(process.pid),
    "SHLVL": lambda _, __: "1",
    "DIRSTACK": lambda process, _: process.cwd,
    "PIPESTATUS": lambda process, _: str((process.statuses or (process.status,))[0]),
}


def value_of(name: str, process: Process, machine: Machine) -> str | None:
    """The value of a variable or special parameter; None when it is not set."""
    found = process.variables.get(name)
    if found is not None:
        return found
    if name.isdigit():
        index = int(name[:9])
        if index == 0:
            return process.name
        return process.arguments[index - 1] if index <= len(process.arguments) else None
    special = _SPECIAL.get(name)
    if special is not None:
        return special(process)
    if name == "RANDOM":
        return str(int.from_bytes(machine.random(2), "big") & 0x7FFF)
    return _of_bash(name, process, machine) if process.bash else None


def _of_bash(name: str, process: Process, machine: Machine) -> str | None:
    if name.startswith("!"):
        if name == "!#":
            return process.arguments[-1] if process.arguments else process.name
        meant = value_of(name[1:], process, machine)
        return value_of(meant, process, machine) if meant and not meant.startswith("!") else None
    if (reference := parted(name)) is not None:
        return element(reference[0], reference[1], process)
    if name in process.arrays:
        return process.arrays[name].get("0")
    known = _OF_BASH.get(name)
    return None if known is None else known(process, machine)


def _letters(process: Process) -> str:
    """The options that are on, in the order of each shell."""
    if process.bash:
        order = "aefhikmnprtuvxBCEHPTsc"
        shown = process.options | {"h", "B"} | ({"H"} if process.interactive else set())
        return "".join(letter for letter in order if letter in shown)
    return "".join(letter for letter in _OPTION_LETTERS if letter in process.options)


def _line_number(process: Process) -> str | None:
    if process.dash:
        return None
    if process.interactive:
        return str(process.base + process.line)
    return str(process.line - (not process.script and process.ash))


_SPECIAL: Final[dict[str, Callable[[Process], str | None]]] = {
    "?": lambda process: str(process.status),
    "$": lambda process: str(process.pid),
    "!": lambda process: str(process.background) if process.background else None,
    "#": lambda process: str(len(process.arguments)),
    "@": lambda process: " ".join(process.arguments),
    "*": lambda process: process.variables.get("IFS", " ")[:1].join(process.arguments),
    "-": _letters,
    "LINENO": _line_number,
}


class ArithmeticVariables(MutableMapping[str, str]):
    """Variables as arithmetic sees them: what it assigns obeys `readonly`."""

    __slots__ = ("_process",)

    def __init__(self, process: Process) -> None:
        self._process = process

    def __getitem__(self, name: str) -> str:
        process = self._process
        if (reference := parted(name)) is not None:
            value = element(reference[0], self._key(*reference), process)
        else:
            value = process.variables.get(name)
            if value is None and name in process.arrays:
                value = element(name, "0", process)
        if value is None:
            raise KeyError(name)
        return value

    def __setitem__(self, name: str, value: str) -> None:
        if (reference := parted(name)) is not None:
            set_element(self._process, reference[0], self._key(*reference), value)
        else:
            self._process.assign(name, value)

    def _key(self, array: str, subscript: str) -> str:
        if array in self._process.maps:
            return subscript.strip("\"'")
        return subscript if subscript.isdecimal() else str(evaluate(subscript, self, arrays=True))

    def __delitem__(self, name: str) -> None:
        del self._process.variables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._process.variables)

    def __len__(self) -> int:
        return len(self._process.variables)


def quoted(text: str) -> str:
    """`text` in quotes, as `set` and `export -p` show it."""
    if "'" not in text:
        return f"'{text}'"
    pieces: list[str] = []
    for index, piece in enumerate(text.split("'")):
        if index:
            if pieces and pieces[-1].endswith("'\"") and pieces[-1].startswith("\"'"):
                pieces[-1] = pieces[-1][:-1] + "'\""
            else:
                pieces.append('"\'"')
        if piece:
            pieces.append(f"'{piece}'")
    return "".join(pieces)


def traced(text: str) -> str:
    """A word as `set -x` shows it: in quotes only where ash thinks it needs them."""
    plain = all(
        char >= "+" and not ";" <= char <= "?" and char not in "`[\\" and char <= "z" for char in text
    )
    return text if plain else quoted(text)
