# SPDX-License-Identifier: Apache-2.0
"""What a name stands for: variables, arrays, positional and special parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from typing import Final

from mead.shell.machine import Machine
from mead.shell.process import Process

__all__ = ["ArithmeticVariables", "all_values", "quoted", "set_element", "traced", "value_of"]

_OPTION_LETTERS: Final = "EubaCvxcsnmiIfe"
_MAX_ITEMS: Final = 4_096


def all_values(name: str, process: Process) -> list[str]:
    """The values of `@`, `*`, `a[@]` and `a[*]`."""
    if name in {"@", "*"}:
        return process.arguments
    array, _, _ = name.partition("[")
    if array in process.arrays:
        return list(process.arrays[array].values())
    value = process.variables.get(array)
    return [] if value is None else [value]


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
        meant = value_of(name[1:], process, machine)
        return value_of(meant, process, machine) if meant and not meant.startswith("!") else None
    if name.endswith("]"):
        array, _, index = name[:-1].partition("[")
        if index in {"@", "*"}:
            return " ".join(all_values(name, process)) or None
        index = value_of(index[1:], process, machine) or "0" if index.startswith("$") else index
        if array not in process.arrays:
            return process.variables.get(array) if index == "0" else None
        return process.arrays[array].get(index)
    if name in process.arrays:
        return process.arrays[name].get("0")
    return {
        "BASH_VERSION": "5.2.15(1)-release", "HOSTNAME": machine.persona.hostname, "UID": str(machine.uid),
        "EUID": str(machine.uid), "SECONDS": "0", "OSTYPE": "linux-gnu",
        "HOSTTYPE": machine.persona.machine_name, "BASH": "/bin/bash",
    }.get(name)  # fmt: skip


def set_element(process: Process, name: str, index: str, value: str) -> None:
    """Set `name[index]`."""
    array = process.arrays.setdefault(name, {})
    if len(array) < _MAX_ITEMS:
        array[index] = value


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
        return self._process.variables[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._process.assign(name, value)

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
