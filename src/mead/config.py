# SPDX-License-Identifier: Apache-2.0
"""From `mead.toml` to a typed tree, with errors that name the line.

Every part of MEAD declares its options once, as a frozen `msgspec.Struct` with defaults and an
`Attributes:` section; flags, this loader and the generated reference page all come from that. The tree
itself is put together in `mead.deck.settings` and handed to constructors: there is no global.
"""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import msgspec

from mead.errors import ConfigError

__all__ = ["describe", "dump", "load", "parse"]

T = TypeVar("T", bound=msgspec.Struct)

_TABLE = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")
_PATH = re.compile(r"`\$\.?([^`]*)`")


def load(path: Path, tree: type[T]) -> T:
    """Read a configuration file.

    Raises:
        ConfigError: it cannot be read, has an unknown key or a value out of range; names the line.
    """
    try:
        content = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return parse(content, tree, where=str(path))


def parse(content: str, tree: type[T], *, where: str) -> T:
    """Turn TOML text into `tree`; `where` names the text in errors."""
    try:
        raw = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML: {error}") from error
    lines = _lines_of_keys(content)
    _refuse_unknown(raw, tree, (), lines, where)
    try:
        return msgspec.convert(raw, tree, dec_hook=_decode)
    except msgspec.ValidationError as error:
        message, _, location = str(error).partition(" - at ")
        found = _PATH.search(location)
        key = tuple(part for part in re.split(r"[.\[\]]+", found.group(1)) if part) if found else ()
        line = next((lines[key[:n]] for n in range(len(key), 0, -1) if key[:n] in lines), 1)
        raise ConfigError(f"{where}:{line}: {'.'.join(key)}: {message[:1].lower()}{message[1:]}") from error


def dump(settings: msgspec.Struct) -> dict[str, Any]:
    """The tree as plain values, for `mead config`."""
    plain: dict[str, Any] = msgspec.to_builtins(settings, enc_hook=str)
    return plain


def describe(tree: type[msgspec.Struct], prefix: str = "") -> list[tuple[str, str, Any, str]]:
    """Every option as (dotted name, type, default, help), in the order of the tree."""
    rows: list[tuple[str, str, Any, str]] = []
    helps = _attribute_helps(tree.__doc__ or "")
    hints = get_type_hints(tree)
    for field in msgspec.structs.fields(tree):
        name = f"{prefix}{field.name}"
        nested = _struct_of(hints[field.name])
        if nested is not None:
            rows += describe(nested, f"{name}.")
            continue
        default = field.default if field.default is not msgspec.NODEFAULT else None
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        rows.append((name, _type_name(hints[field.name]), default, helps.get(field.name, "")))
    return rows


def _decode(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value).expanduser()
    raise NotImplementedError(kind)


def _lines_of_keys(content: str) -> dict[tuple[str, ...], int]:
    lines: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(content.splitlines(), 1):
        if header := _TABLE.match(line):
            table = tuple(part.strip("\"' ") for part in header.group(1).split("."))
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *(part.strip("\"'") for part in key.group(1).split("."))), number)
    return lines


def _refuse_unknown(
    raw: dict[str, Any],
    tree: type[msgspec.Struct],
    path: tuple[str, ...],
    lines: dict[tuple[str, ...], int],
    where: str,
) -> None:
    hints = get_type_hints(tree)
    for key, value in raw.items():
        here = (*path, key)
        if key not in hints:
            near = get_close_matches(key, hints, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(hints)}"
            raise ConfigError(f"{where}:{lines.get(here, 1)}: unknown key {'.'.join(here)}{hint}")
        nested = _struct_of(hints[key])
        if nested is not None and isinstance(value, dict):
            _refuse_unknown(value, nested, here, lines, where)


def _struct_of(hint: Any) -> type[msgspec.Struct] | None:
    for option in (hint, *get_args(hint)):
        if isinstance(option, type) and issubclass(option, msgspec.Struct):
            return option
    return None


def _type_name(hint: Any) -> str:
    return (
        hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")
    )


def _attribute_helps(docstring: str) -> dict[str, str]:
    """The `Attributes:` section of a docstring: name → one line of help."""
    helps: dict[str, str] = {}
    section = docstring.partition("Attributes:")[2]
    name = ""
    for line in section.splitlines():
        if found := re.match(r"\s*(\w+)(?: \([^)]*\))?: (.*)", line):
            name = found.group(1)
            helps[name] = found.group(2).strip()
        elif name and line.strip():
            helps[name] += " " + line.strip()
    return helps
