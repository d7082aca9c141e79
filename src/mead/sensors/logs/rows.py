# SPDX-License-Identifier: Apache-2.0
"""CSV rows as records, and the choice between CSV and JSON by the first byte that says something.

An attacker's line end in a quoted field makes one row of several lines; a quote that never ends must not
swallow the rest of the file, so a row has at most a few lines.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from mead.sensors.logs.lines import MAX_LINE_BYTES, BrokenLine, lines_of
from mead.sensors.logs.records import Origins, Record, json_records

__all__ = ["rows_or_records"]

_MAX_ROW_LINES = 16
_JSON = (b"{", b"[")


def rows_or_records(
    stream: Iterable[bytes], *, headers: Mapping[int, Sequence[str]]
) -> Iterator[Record | BrokenLine]:
    """Records of a log that is JSON or CSV.

    Args:
        stream: the log.
        headers: column names by the number of columns, for a file without a header line.
    """
    lines = lines_of(stream)
    seen: list[tuple[int, bytes] | BrokenLine] = []
    for line in lines:
        seen.append(line)
        if not isinstance(line, BrokenLine) and line[1].strip():
            break
    everything = chain(seen, lines)
    last = seen[-1] if seen else None
    if isinstance(last, tuple) and last[1].lstrip().startswith(_JSON):
        yield from json_records(_again(everything))
    else:
        yield from _rows(everything, headers)


def _again(lines: Iterable[tuple[int, bytes] | BrokenLine]) -> Iterator[bytes]:
    for line in lines:
        yield b"\n" if isinstance(line, BrokenLine) else line[1] + b"\n"


def _rows(
    lines: Iterable[tuple[int, bytes] | BrokenLine], headers: Mapping[int, Sequence[str]]
) -> Iterator[Record | BrokenLine]:
    names: Sequence[str] | None = None
    origins = Origins()
    for row in _whole(lines):
        if isinstance(row, BrokenLine):
            yield row
            continue
        number, data = row
        if not data.strip():
            continue
        cells = _cells(data)
        if "timestamp" in cells:
            names = cells
            continue
        named = names if names and len(names) == len(cells) else headers.get(len(cells))
        if named is None:
            yield BrokenLine.of(number, "wrong number of columns", data)
        else:
            yield Record(number, data, dict(zip(named, cells, strict=True)), origins.name(data))


def _whole(lines: Iterable[tuple[int, bytes] | BrokenLine]) -> Iterator[tuple[int, bytes] | BrokenLine]:
    """Rows: lines joined while a quote is open."""
    open_row: list[tuple[int, bytes]] = []
    for line in lines:
        if isinstance(line, BrokenLine):
            yield from _given_up(open_row)
            open_row = []
            yield line
            continue
        open_row.append(line)
        data = b"\n".join(part for _, part in open_row)
        if data.count(b'"') % 2 == 0:
            yield open_row[0][0], data
            open_row = []
        elif len(open_row) >= _MAX_ROW_LINES or len(data) > MAX_LINE_BYTES:
            yield from _given_up(open_row)
            open_row = []
    yield from _given_up(open_row)


def _given_up(lines: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, bytes] | BrokenLine]:
    """The line with the open quote is broken; those after it stand for themselves."""
    for number, data in lines:
        yield BrokenLine.of(number, "quote is not closed", data) if data.count(b'"') % 2 else (number, data)


def _cells(data: bytes) -> list[str]:
    text = data.decode("utf-8", "surrogateescape").replace("\0", "\\x00")
    try:
        return next(csv.reader(text.splitlines(keepends=True)), [])
    except csv.Error:  # a field over csv's own limit
        return []
