# SPDX-License-Identifier: Apache-2.0
"""Objects inside RTF, written as hex, whatever was strewn between the digits."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.package import object_one

__all__ = ["FORMAT"]

MAX_OBJECTS = 100

_OBJECT = re.compile(rb"\\\*?\s*\\?objdata\b", re.IGNORECASE)
_CONTROL = re.compile(rb"\\(?:bin(\d{1,8}) ?|'[0-9a-fA-F]{2}|[a-zA-Z]{1,64}-?\d{0,10} ?|[^a-zA-Z])")


def _digits(data: bytes, at: int, end: int) -> bytes:
    """Hex digits from `at` to the end of the group, at most to `end`; groups and words in it are left out."""
    found, depth = bytearray(), 0
    while at < end:
        byte = data[at : at + 1]
        if byte == b"\\":
            match = _CONTROL.match(data, at)
            at = match.end() if match else at + 1
            continue
        if byte == b"{":
            depth += 1
        elif byte == b"}":
            depth -= 1
            if depth < 0:
                break
        elif byte in b"0123456789abcdefABCDEF" and depth == 0:
            found += byte
        at += 1
    return bytes(found)


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    marks = list(_OBJECT.finditer(artifact.data))
    ends = [*(mark.start() for mark in marks[1:]), len(artifact.data)]
    for count, (match, end) in enumerate(zip(marks, ends, strict=True)):
        budget.check_time()
        if count >= MAX_OBJECTS:
            budget.hit("unpack.objects", MAX_OBJECTS, "objects")
            return
        digits = _digits(artifact.data, match.end(), end)
        raw = bytes.fromhex(digits[: len(digits) & ~1].decode())
        found = object_one(raw, "rtf object")
        if found:
            yield found
        elif raw:
            yield Child(data=raw, name=f"object at {match.start()}", detail="rtf object")


def _bid(data: bytes) -> int:
    return 80 if data.lstrip()[:4].lower() in {b"{\\rt", b"{\\\\r"} else 0


FORMAT = Format("rtf", _bid, _unpack)
