# SPDX-License-Identifier: Apache-2.0
"""ar (also .deb) and cpio in its four dialects."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format

__all__ = ["AR", "CPIO"]


def _ar(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data, at, names = artifact.data, 8, b""
    while at + 60 <= len(data):
        budget.check_time()
        name, size_text = data[at : at + 16].rstrip(), data[at + 48 : at + 58].strip()
        if not size_text.isdigit():
            raise Damaged(f"member header at {at} has no size")
        size, start = int(size_text), at + 60
        body = data[start : start + size]
        if len(body) < size:
            budget.damaged(f"the member at {at} is cut off")
        at = start + size + (size & 1)
        if name == b"//":
            names = body
            continue
        if name.startswith(b"#1/") and name[3:].isdigit():
            length = int(name[3:])
            name, body = body[:length].rstrip(b"\0"), body[length:]
        elif name.startswith(b"/") and name[1:].isdigit():
            name = names[int(name[1:]) :].split(b"/\n", 1)[0]
        elif name in {b"/", b"/SYM64/"}:
            continue
        yield Child(data=body, name=name.rstrip(b"/").decode("utf-8", "backslashreplace"), detail="ar")


_HEX, _OCTAL = re.compile(rb"[0-9a-fA-F]{104}"), re.compile(rb"[0-7]{70}")
_Header = tuple[int, int, int, int, int]  # mode, name bytes, body bytes, header bytes, padding unit


def _cpio_header(data: bytes, at: int) -> _Header | None:
    mark = data[at : at + 6]
    try:
        if mark in {b"070701", b"070702"}:
            digits = data[at + 6 : at + 110]
            if not _HEX.fullmatch(digits):
                return None
            field = [int(digits[8 * n : 8 * n + 8], 16) for n in range(13)]
            return field[1], field[11], field[6], 110, 4
        if mark == b"070707":
            octal = data[at + 6 : at + 76]
            if not _OCTAL.fullmatch(octal):
                return None
            return int(octal[12:18], 8), int(octal[53:59], 8), int(octal[59:70], 8), 76, 1
        for order, magic in (("<", b"\xc7\x71"), (">", b"\x71\xc7")):
            if mark[:2] == magic:
                words = struct.unpack_from(f"{order}13H", data, at)
                return words[3], words[10], words[11] << 16 | words[12], 26, 2
    except struct.error:
        return None
    return None


def _padded(length: int, unit: int) -> int:
    return length + -length % unit


def _cpio(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data, at = artifact.data, 0
    while (header := _cpio_header(data, at)) is not None:
        budget.check_time()
        mode, name_bytes, size, header_bytes, unit = header
        name = data[at + header_bytes : at + header_bytes + name_bytes].rstrip(b"\0")
        start = at + _padded(header_bytes + name_bytes, unit)
        if name == b"TRAILER!!!":
            return
        whole = start + size <= len(data)
        if not whole:
            budget.damaged(f"the member at {at} is cut off")
        if mode & 0o170000 == 0o100000:
            body = data[start : start + size]
            yield Child(data=body, name=name.decode("utf-8", "backslashreplace"), detail="cpio")
        if not whole:
            return
        at = start + _padded(size, unit)
    raise Damaged(f"no member header at {at}" if at < len(data) else "the end of the archive is missing")


def _ar_bid(data: bytes) -> int:
    return 90 if data.startswith(b"!<arch>\n") else 0


def _cpio_bid(data: bytes) -> int:
    if data[:6] in {b"070701", b"070702", b"070707"}:
        return 90
    return 60 if data[:2] in {b"\xc7\x71", b"\x71\xc7"} and _cpio_header(data, 0) else 0


AR = Format("ar", _ar_bid, _ar)
CPIO = Format("cpio", _cpio_bid, _cpio)
