# SPDX-License-Identifier: Apache-2.0
"""From `mead.toml` to a typed tree, with errors that name the line.

Every part of MEAD declares its options once, as a frozen `msgspec.Struct` with defaults and an
`Attributes:` section; flags, this loader and the generated reference page all come from that. The tree
itself is put together in `mead.deck.settings` and handed to constructors: there is no global.
"""

from __future__ import annotations

import re
import reprlib
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from mead.errors import ConfigError

__all__ = ["describe", "dump", "load", "parse", "quoted"]

T = TypeVar("T", bound=msgspec.Struct)

_MAX_BYTES = 1 << 20
_TABLE = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'-]+)\s*=")
_ESCAPES = {'"': '\\"', "\\": "\\\\"}


def load(path: Path, tree: type[T]) -> T:
    """Read a configuration file.

    Raises:
        ConfigError: it cannot be read, has an unknown key or a value out of range; names the line.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(data) > _MAX_BYTES:
        raise ConfigError(f"{path}: longer than {_MAX_BYTES} bytes; is it a configuration at all?")
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}:{line}: not UTF-8, which TOML must be; save it as UTF-8") from error
    return parse(content, tree, where=str(path))


def parse(content: str, tree: type[T], *, where: str) -> T:
    """Turn TOML text into `tree`; `where` names the text in errors."""
    try:
        raw = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{where}: not TOML: {error}") from error
    lines = _lines_of_keys(content)
    _refuse_unknown(raw, tree, (), lines, where)
    try:
        return msgspec.convert(raw, tree, dec_hook=_decode)
    except msgspec.ValidationError as error:
        fault = _fault(raw, tree, ()) or _Fault((), raw, str(error))
        line = next((lines[key] for key in _prefixes(fault.path) if key in lines), 1)
        raise ConfigError(f"{where}:{line}: {fault}") from error


@dataclass(frozen=True, slots=True)
class _Fault:
    """The innermost value that cannot be used."""

    path: tuple[str, ...]
    value: object
    message: str

    def __str__(self) -> str:
        what = self.message.partition(" - at ")[0]
        shown = "" if isinstance(self.value, dict) else f", is {reprlib.repr(self.value)}"
        return f"{'.'.join(self.path)}: {what[:1].lower()}{what[1:]}{shown}"


def _fault(value: Any, hint: Any, path: tuple[str, ...]) -> _Fault | None:
    """Where in `value`, which is to be a `hint`, the first thing stands that cannot be used."""
    try:
        msgspec.convert(value, hint, dec_hook=_decode)
    except msgspec.ValidationError as error:
        inner = (_fault(part, kind, (*path, name)) for name, part, kind in _parts(value, hint))
        message = _choice(hint) or str(error)
        return next((fault for fault in inner if fault is not None), _Fault(path, value, message))
    return None


def _parts(value: Any, hint: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, value and type of what `value` consists of, as far as its own shape is right."""
    tree = _struct_of(hint)
    if isinstance(value, dict) and tree is not None:
        hints = get_type_hints(tree, include_extras=True)
        yield from ((name, part, hints[name]) for name, part in value.items())
    elif isinstance(value, dict) and get_origin(hint) is dict:
        yield from ((name, part, get_args(hint)[1]) for name, part in value.items())
    elif isinstance(value, list) and get_origin(hint) in {list, tuple}:
        yield from ((str(number), part, get_args(hint)[0]) for number, part in enumerate(value))


def _choice(hint: Any) -> str:
    if get_origin(hint) is not Literal:
        return ""
    return f"must be one of {', '.join(map(str, get_args(hint)))}"


def _prefixes(path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    return (path[:length] for length in range(len(path), 0, -1))


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


def quoted(text: object) -> str:
    """A TOML string that means exactly `text`.

    Raises:
        ConfigError: TOML cannot hold it (a file name that is not UTF-8).
    """
    try:
        str(text).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ConfigError(f"{text}: a configuration file holds UTF-8 only; choose another name") from error
    escaped = (
        _ESCAPES.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c) for c in str(text)
    )
    return f'"{"".join(escaped)}"'


def _decode(kind: type, value: Any) -> Any:
    if kind is not Path:
        raise NotImplementedError(kind)
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("must be a path")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:  # nobody is called so
        raise ValueError(str(error)) from error


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
