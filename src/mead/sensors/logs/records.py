# SPDX-License-Identifier: Apache-2.0
"""JSON records out of lines that were once a valid file.

Seen in the wild: one object a line; an array with one object a line and stray commas between them; several
objects in a line; an object that wraps the array; half an object where the writer was killed. Every object
that can be read is a record; a line with only punctuation is nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from mead.sensors.logs.lines import BrokenLine, lines_of

__all__ = ["Origins", "Record", "json_records"]

_MAX_REMEMBERED = 200_000
_BETWEEN = b" \t\r,[]\0"
_decode = msgspec.json.Decoder().decode
_scan = json.JSONDecoder().raw_decode


@dataclass(frozen=True, slots=True)
class Record:
    """One foreign record."""

    line: int
    data: bytes
    """As it stands in the file."""
    fields: dict[str, Any]
    digest: str
    """Names this record: sha256 of its bytes, and of its number where several are equal."""


class Origins:
    """Names records by their digest, equal ones also by how many came before.

    Some logs have no finer time than a second and repeat a record byte for byte; both happened. Equal
    records further apart than the last 200,000 different ones are taken for one.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def name(self, data: bytes) -> str:
        """The digest of the next occurrence of `data`."""
        digest = hashlib.sha256(data)
        key = digest.digest()[:16]
        count = self._counts.get(key, 0)
        self._counts[key] = count + 1
        self._counts.move_to_end(key)
        if len(self._counts) > _MAX_REMEMBERED:
            self._counts.popitem(last=False)
        if count:
            digest.update(b"\0%d" % count)
        return digest.hexdigest()


def json_records(stream: Iterable[bytes], *, wrapper: str = "") -> Iterator[Record | BrokenLine]:
    """The JSON objects of a log, in order.

    Args:
        stream: the log.
        wrapper: key of the array that holds the records, where an object wraps them all.
    """
    opening = re.compile(rb'\s*\{\s*"' + re.escape(wrapper.encode()) + rb'"\s*:\s*\[') if wrapper else None
    origins = Origins()
    for line in lines_of(stream):
        if isinstance(line, BrokenLine):
            yield line
            continue
        number, data = line
        for found in _objects(number, data, opening):
            if isinstance(found, BrokenLine):
                yield found
                continue
            raw, value = found
            yield Record(number, raw, value, origins.name(raw))


def _objects(
    number: int, data: bytes, opening: re.Pattern[bytes] | None
) -> Iterator[tuple[bytes, dict[str, Any]] | BrokenLine]:
    if opening and (found := opening.match(data)):
        data = data[found.end() :]
    data = data.strip(_BETWEEN)
    if not data or data == b"}":
        return
    try:
        value = _decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        yield from _scanned(number, data)
        return
    if isinstance(value, dict):
        yield data, value
    else:
        yield BrokenLine.of(number, "not a JSON object", data)


def _scanned(number: int, data: bytes) -> Iterator[tuple[bytes, dict[str, Any]] | BrokenLine]:
    """Objects found one after the other; what stands between them, commas apart, is broken. O(len(data))."""
    text = data.decode("utf-8", "surrogateescape")
    position = 0
    while (start := text.find("{", position)) >= 0:
        if _rest(text[position:start]):
            yield BrokenLine.of(number, "not JSON", data[:64])
        try:
            value, position = _scan(text, start)
        except (ValueError, RecursionError):
            yield BrokenLine.of(
                number, "not JSON", text[start : start + 64].encode("utf-8", "surrogateescape")
            )
            return
        yield text[start:position].encode("utf-8", "surrogateescape"), value
    if _rest(text[position:]):
        yield BrokenLine.of(
            number, "not JSON", text[position : position + 64].encode("utf-8", "surrogateescape")
        )


def _rest(text: str) -> str:
    return text.strip(" \t\r,[]}")
