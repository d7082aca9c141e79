# SPDX-License-Identifier: Apache-2.0
"""How listings are printed: table for people, JSON, JSON lines or CSV for machines.

Text that an attacker chose is escaped before it reaches a terminal; indicators are defanged in tables
and raw in the machine formats.
"""

from __future__ import annotations

import csv
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

__all__ = [
    "coloured", "defang", "defang_text", "emit", "escape", "escape_lines", "output_option", "plain",
    "promptly", "short_digest", "short_session",
]  # fmt: skip

_SHOWN_DIGITS = 16
_SHOWN_ID = 20
_PIPE_COLUMNS = 200
_WHOLE = {"time", "kind", "session", "sha256", "state", "src", "service"}
"""Columns of a table whose cells are not broken into lines while another one can be."""
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://([^/\s?#]*)")
_DOT = re.compile(r"(?<!\[)\.(?!\])")
"""A dot that was not put into brackets yet."""
_INDICATOR_COLUMNS = {"url", "src", "dst", "address", "indicator", "target_host", "host"}


def output_option(function: F) -> F:
    """Add `-o table|json|jsonl|csv`; the default is a table on a terminal and JSON lines in a pipe."""
    return click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json", "jsonl", "csv"]),
        default=lambda: "table" if sys.stdout.isatty() else "jsonl",
        show_default="table on a terminal, jsonl in a pipe",
        help="Format of the listing.",
    )(function)


def escape(value: str, *, max_characters: int = 160) -> str:
    r"""Text without anything that a terminal would obey: control and format characters become `\xNN`."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return shown if len(shown) <= max_characters else f"{shown[: max_characters - 1]}…"


def escape_lines(value: str) -> str:
    """A message of several lines, each of them escaped."""
    return "\n".join(escape(line, max_characters=2_000) for line in value.split("\n"))


def short_digest(value: str) -> str:
    """The beginning of a digest, which is enough for `mead show`."""
    return f"{escape(value[:_SHOWN_DIGITS])}…"


def short_session(value: str) -> str:
    """A session's id as our sensors make them whole, a longer one of a foreign log by its beginning."""
    return escape(value) if len(value) <= _SHOWN_ID else f"{escape(value[:_SHOWN_ID])}…"


def defang(value: str) -> str:
    """An indicator that no program will turn into a link: `hxxp://192.0.2[.]1/x`."""
    if "://" in value:
        return defang_text(value)
    host, slash, path = value.partition("/")
    return f"{_DOT.sub('[.]', host)}{slash}{path}"


def defang_text(value: str) -> str:
    """Text of an attacker, such as a command, with every URL in it made unclickable."""
    return _URL.sub(_defanged, value)


def _defanged(url: re.Match[str]) -> str:
    scheme, host = url.groups()
    safe = re.sub(r"(?i)tt(?=ps?$)", "xx", scheme)
    safe = re.sub(r"(?i)ft(?=ps?$)", "fx", safe)
    return f"{safe}://{_DOT.sub('[.]', host)}"


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    return value


def emit(
    rows: Iterable[Mapping[str, Any]],
    output: str,
    columns: Sequence[str] | None = None,
    *,
    header: bool = True,
) -> int:
    """Print rows as they come and return how many there were.

    A table waits for all rows, and so does CSV without `columns`: its header names every field of any row.
    """
    if output == "table":
        return _table([dict(row) for row in rows], columns)
    if output == "csv":
        count = _csv(rows, columns, header=header)
    else:
        count = _json(rows, one_document=output == "json")
    sys.stdout.flush()
    return count


def promptly(rows: Iterable[T]) -> Iterator[T]:
    """The rows, each of them printed before the next one is made: for those that take time."""
    for row in rows:
        yield row
        sys.stdout.flush()


def _json(rows: Iterable[Mapping[str, Any]], *, one_document: bool) -> int:
    count = 0
    if one_document:
        sys.stdout.write("[")
    for row in rows:
        record = {key: plain(value) for key, value in row.items() if value is not None}
        before, after = (",\n " if count else "\n ", "") if one_document else ("", "\n")
        sys.stdout.write(before + json.dumps(record, default=str) + after)
        count += 1
    if one_document:
        sys.stdout.write("\n]\n" if count else "]\n")
    return count


def _csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None, *, header: bool) -> int:
    if columns is None:
        rows = list(rows)
        columns = list(dict.fromkeys(key for row in rows for key in row))
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore")
    if header and columns:
        writer.writeheader()
    count = 0
    for row in rows:
        writer.writerow({key: _csv_cell(plain(value)) for key, value in row.items()})
        count += 1
    return count


def _csv_cell(value: Any) -> Any:
    """A cell that a spreadsheet will not run as a formula, and that every reader of UTF-8 can read."""
    if isinstance(value, list | dict | tuple):
        value = json.dumps(value, default=str)
    if not isinstance(value, str):
        return value
    value = value.encode("utf-8", "backslashreplace").decode()  # what is no UTF-8 in the name of a file
    return f"'{value}" if value[:1] in {"=", "+", "-", "@", "\t", "\r"} else value


def _table(rows: list[dict[str, Any]], columns: Sequence[str] | None) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = list(columns or dict.fromkeys(key for row in rows for key in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        table.add_column(name, overflow="fold", no_wrap=name in _WHOLE)
    for row in rows:
        table.add_row(*(Text(_cell(name, row.get(name))) for name in shown))
    if rows:
        colour = coloured()
        console = Console(
            file=sys.stdout,
            width=None if sys.stdout.isatty() else _PIPE_COLUMNS,
            color_system="standard" if colour else None,
            force_terminal=colour,
        )
        console.print(table)
    return len(rows)


def coloured() -> bool:
    """Whether to colour what is printed: `--color`, else NO_COLOR, else on a terminal."""
    context = click.get_current_context(silent=True)
    if context is not None and context.color is not None:
        return context.color
    return not os.environ.get("NO_COLOR") and sys.stdout.isatty()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if name == "sha256":
        return short_digest(str(value))
    if name == "session":
        return short_session(str(value))
    shown = escape(str(value))
    return defang(shown) if name in _INDICATOR_COLUMNS else defang_text(shown)
