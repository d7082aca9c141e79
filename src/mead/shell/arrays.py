# SPDX-License-Identifier: Apache-2.0
"""Arrays of bash: their elements and subscripts, and the lists that bash itself keeps in them.

**Source:** GNU bash manual, 6.7 (Arrays); observed from bash 5.2.
"""

from __future__ import annotations

import re
from typing import Final

from mead.shell.process import Process

__all__ = ["all_values", "element", "is_all", "parted", "set_all", "set_element", "slice_of", "subscripts"]

_ITEM: Final = re.compile(r"\[([^\]]*)\](\+?)=(.*)", re.DOTALL)
_MAX_ITEMS: Final = 4_096
_EVERYTHING: Final = frozenset({"@", "*", "@]", "*]"})


def is_all(name: str) -> bool:
    """Whether a name stands for many values: `@`, `*`, `a[@]`, `!a[@]`, `!prefix*`."""
    return name[-2:] in _EVERYTHING or (name[:1] == "!" and name[-1:] in {"@", "*"})


def parted(name: str) -> tuple[str, str] | None:
    """Array and subscript of `a[i]`; None for a plain name."""
    if not name.endswith("]"):
        return None
    array, _, subscript = name[:-1].partition("[")
    return array, subscript


def _items(array: str, process: Process) -> dict[str, str] | None:
    if array == "PIPESTATUS":
        return {str(index): str(status) for index, status in enumerate(process.statuses or (process.status,))}
    found = process.arrays.get(array)
    if found is not None:
        return found
    value = process.variables.get(array)
    return None if value is None else {"0": value}


def _ordered(array: str, items: dict[str, str], process: Process) -> list[str]:
    return list(items) if array in process.maps else sorted(items, key=_number)


def _number(key: str) -> int:
    return int(key) if key.lstrip("-").isdecimal() else 0


def all_values(name: str, process: Process) -> list[str]:
    """The values of `@`, `*`, `a[@]` and `a[*]`, the subscripts of `!a[@]`, the names of `!prefix*`."""
    if name in {"@", "*"}:
        return process.arguments
    if name[:1] == "!":
        if not name.endswith("]"):
            known = {*process.variables, *process.arrays}
            return sorted(each for each in known if each.startswith(name[1:-1]) and "." not in each)
        return subscripts(name[1:].partition("[")[0], process)
    array = name.partition("[")[0]
    items = _items(array, process)
    return [] if items is None else [items[key] for key in _ordered(array, items, process)]


def subscripts(array: str, process: Process) -> list[str]:
    """The subscripts of an array in their order."""
    items = _items(array, process)
    return [] if items is None else _ordered(array, items, process)


def element(array: str, key: str, process: Process) -> str | None:
    """One element; a negative subscript counts from the end."""
    items = _items(array, process)
    if items is None:
        return None
    return items.get(_from_end(array, key, items, process))


def _from_end(array: str, key: str, items: dict[str, str], process: Process) -> str:
    if key[:1] != "-" or array in process.maps or not items:
        return key
    return str(max(map(_number, items)) + 1 + _number(key))


def set_element(process: Process, array: str, key: str, value: str, *, append: bool = False) -> None:
    """Set or lengthen one element."""
    items = process.arrays.get(array)
    if items is None:
        items = _items(array, process) or {}
        process.variables.pop(array, None)
    key = _from_end(array, key, items, process)
    if len(items) < _MAX_ITEMS or key in items:
        process.arrays[array] = items | {key: items.get(key, "") + value if append else value}


def set_all(process: Process, array: str, values: list[str], *, append: bool = False) -> None:
    """Make an array of values, some of which may name their subscript (`[key]=value`)."""
    items: dict[str, str] = dict(_items(array, process) or {}) if append else {}
    following = max(map(_number, items), default=-1) + 1
    for text in values[: _MAX_ITEMS - len(items)]:
        found = _ITEM.fullmatch(text)
        if found is None:
            key, value = str(following), text
        else:
            key = found[1].strip("\"'")
            key = key if array in process.maps or key.isdecimal() else "0"
            value = items.get(key, "") + found[3] if found[2] else found[3]
        items[key] = value
        following = _number(key) + 1
    process.variables.pop(array, None)
    process.arrays[array] = items


def slice_of(name: str, start: int, count: int | None, process: Process) -> list[str]:
    """`${a[@]:start:count}`, by subscript; the positional parameters count from `$0`."""
    if name in {"@", "*"}:
        keys, values = list(range(len(process.arguments) + 1)), [process.name, *process.arguments]
    else:
        array = name.partition("[")[0]
        keys = [_number(key) for key in subscripts(array, process)]
        values = all_values(name, process)
        if array in process.maps:
            keys = list(range(len(values)))
    if start < 0:
        start += (keys[-1] if keys else -1) + 1
        if start < 0:
            return []
    chosen = [value for key, value in zip(keys, values, strict=True) if key >= start]
    return chosen if count is None else chosen[: max(0, count)]
