# SPDX-License-Identifier: Apache-2.0
"""How listings are printed: table for people, JSON, JSON lines or CSV for machines.

Text that an attacker chose is escaped before it reaches a terminal; indicators are defanged in tables
and raw in the machine formats.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

__all__ = ["defang", "emit", "escape", "output_option", "plain"]

_SHOWN_DIGITS = 16
F = TypeVar("F", bound=Callable[..., Any])

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


def defang(value: str) -> str:
    """An indicator that no program will turn into a link: `hxxp://192.0.2[.]1/x`."""
    scheme, separator, rest = value.rpartition("://")
    host, slash, path = rest.partition("/")
    safe = scheme.replace("tt", "xx").replace("ftp", "fxp") + separator if separator else ""
    return f"{safe}{host.replace('.', '[.]')}{slash}{path}"


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return value.hex()
    return value


def emit(rows: Iterable[Mapping[str, Any]], output: str, columns: Sequence[str] | None = None) -> int:
    """Print rows as they come (a table waits for all of them); returns how many there were."""
    if output == "table":
        return _table([dict(row) for row in rows], columns)
    count = 0
    writer: Any = None
    if output == "json":
        sys.stdout.write("[")
    for row in rows:
        record = {key: plain(value) for key, value in row.items() if value is not None or output == "csv"}
        if output == "csv":
            if writer is None:
                writer = csv.DictWriter(sys.stdout, list(columns or record), extrasaction="ignore")
                writer.writeheader()
            writer.writerow({key: _csv(value) for key, value in record.items()})
        elif output == "json":
            sys.stdout.write((",\n " if count else "\n ") + json.dumps(record, default=str))
        else:
            sys.stdout.write(json.dumps(record, default=str) + "\n")
        count += 1
    if output == "json":
        sys.stdout.write("\n]\n" if count else "]\n")
    sys.stdout.flush()
    return count


def _csv(value: Any) -> Any:
    """A cell that a spreadsheet will not run as a formula."""
    if isinstance(value, list | dict):
        value = json.dumps(value, default=str)
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t"} else value


def _table(rows: list[dict[str, Any]], columns: Sequence[str] | None) -> int:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = list(columns or dict.fromkeys(key for row in rows for key in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(name, row.get(name))) for name in shown))
    if rows:
        Console(file=sys.stdout, width=None if sys.stdout.isatty() else 200).print(table)
    return len(rows)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    if name == "sha256":
        return f"{str(value)[:_SHOWN_DIGITS]}…"  # `mead show` takes the beginning of a digest
    shown = escape(str(value))
    return defang(shown) if name in _INDICATOR_COLUMNS else shown
