# SPDX-License-Identifier: Apache-2.0
"""Fields and files out of a request body: urlencoded or multipart, tolerant and bounded.

Uploads of web shells and firmware come this way; a parser that gives up on a missing quote loses them.

**Source:** RFC 7578, RFC 2046 §5.1, URL standard (application/x-www-form-urlencoded).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

__all__ = ["Field", "File", "Form", "parse_form", "parse_query"]

MAX_PARTS = 1000
MAX_PART_HEAD_BYTES = 16384
_BOUNDARY = re.compile(rb"boundary\s*=\s*(?:\"([^\"]*)\"|([^\s;,]+))", re.IGNORECASE)
_GUESS = re.compile(rb"\s*--([!-~]{1,200})[ \t]*\r?\n")
_PARAMETER = re.compile(rb";\s*([\w*-]+)\s*=\s*(?:\"((?:[^\"\\]|\\.)*)\"?|([^\s;]*))", re.DOTALL)
_PART_HEAD_END = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Field:
    """A named value."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class File:
    """An uploaded file."""

    name: bytes
    filename: bytes
    content_type: bytes
    data: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """What a body held."""

    fields: tuple[Field, ...] = ()
    files: tuple[File, ...] = ()
    faults: tuple[str, ...] = ()
    """What was wrong, or which bound was reached."""


def parse_query(data: bytes) -> tuple[Field, ...]:
    """Fields of a query string or an urlencoded body; at most 1,000."""
    fields = []
    for pair in data.split(b"&", MAX_PARTS)[:MAX_PARTS]:
        if pair:
            name, _, value = pair.partition(b"=")
            fields.append(Field(_decode(name), _decode(value)))
    return tuple(fields)


def parse_form(content_type: bytes, body: bytes) -> Form:
    """Read `body` as its content type says, or as it looks when that is wrong. O(len(body))."""
    kind = content_type.partition(b";")[0].strip().lower()
    if kind.startswith(b"multipart/"):
        return _multipart(content_type, body)
    if kind == b"application/x-www-form-urlencoded":
        faults = ("too many fields",) if body.count(b"&") >= MAX_PARTS else ()
        return Form(fields=parse_query(body.rstrip(b"\r\n")), faults=faults)
    return Form()


def _decode(text: bytes) -> bytes:
    return unquote_to_bytes(text.replace(b"+", b" "))


def _multipart(content_type: bytes, body: bytes) -> Form:
    faults: list[str] = []
    named = _BOUNDARY.search(content_type)
    boundary = (named[1] or named[2] or b"") if named else b""
    if not boundary or b"--" + boundary not in body:
        faults.append("boundary missing or wrong")
        guess = _GUESS.match(body)
        if guess is None:
            return Form(faults=tuple(faults))
        boundary = guess[1]
    parts, ended = _split(body, b"--" + boundary)
    if not ended:
        faults.append("not ended")
    if len(parts) > MAX_PARTS:
        faults.append("too many parts")
    fields, files = [], []
    for part in parts[:MAX_PARTS]:
        found = _part(part)
        if isinstance(found, File):
            files.append(found)
        else:
            fields.append(found)
    return Form(tuple(fields), tuple(files), tuple(faults))


def _split(body: bytes, delimiter: bytes) -> tuple[list[bytes], bool]:
    """The parts between the delimiters, and whether the closing one came."""
    start = body.find(delimiter)
    parts: list[bytes] = []
    while len(parts) <= MAX_PARTS:
        start += len(delimiter)
        if body.startswith(b"--", start):
            return parts, True
        next_start = body.find(b"\n" + delimiter, start)
        part = body[start:] if next_start < 0 else body[start:next_start].removesuffix(b"\r")
        parts.append(part.partition(b"\n")[2])
        if next_start < 0:
            return parts, False
        start = next_start + 1
    return parts, True


def _part(part: bytes) -> Field | File:
    head, data = _part_head(part)
    disposition, content_type = b"", b""
    for line in re.sub(rb"\r?\n[ \t]+", b" ", head).split(b"\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            disposition = value.strip()
        elif name.strip().lower() == b"content-type":
            content_type = value.strip()
    parameters = {
        found[1].lower(): re.sub(rb"\\([\"\\])", rb"\1", found[2] or b"") or (found[3] or b"")
        for found in _PARAMETER.finditer(disposition)
    }
    name = parameters.get(b"name", b"")
    extended = parameters.get(b"filename*", b"").rpartition(b"'")[2]
    filename = unquote_to_bytes(extended) if extended else parameters.get(b"filename")
    return Field(name, data) if filename is None else File(name, filename, content_type, data)


def _part_head(part: bytes) -> tuple[bytes, bytes]:
    if part.startswith((b"\r\n", b"\n")):
        return b"", part.partition(b"\n")[2]
    end = _PART_HEAD_END.search(part, 0, MAX_PART_HEAD_BYTES)
    return (part[: end.start()], part[end.end() :]) if end else (b"", part)
