# SPDX-License-Identifier: Apache-2.0
"""OLE compound files: old Office documents, MSI installers, Outlook messages.

Source: [MS-CFB]; embedded objects of presentations: [MS-PPT] 2.10.34; names in MSI files by observation.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mead.analysis.analyser import Artifact, Child, Finding
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.package import native
from mead.analysis.unpack.zipmethods import inflate

__all__ = ["FORMAT", "Compound"]

MAGIC = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_ENTRIES = 20_000
_END = 0xFFFFFFFA
_ENCRYPTED = {"EncryptedPackage", "EncryptedSummary"}
"""Streams that only encrypted documents have. Source: [MS-OFFCRYPTO] 2.3.4.4, 2.3.5.4."""
_FILE_PASS = re.compile(rb"\x09\x08(?:\x10\0.{16}|\x08\0.{8}|\x06\0.{6})(?:\x86\0\0\0)?\x2f\0", re.DOTALL)
"""The record that follows the beginning of an encrypted workbook, write protection or not."""
_MSI_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._"


@dataclass(frozen=True, slots=True)
class _Stream:
    name: str
    start: int
    size: int


class Compound:
    """The streams of a compound file. Chains that loop or leave the file end early."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        try:
            shift, mini_shift = struct.unpack_from("<HH", data, 30)
            fat_count, directory, self._cutoff, mini_fat, more = _header(data)
        except struct.error as error:
            raise Damaged("header is cut off") from error
        if not 7 <= shift <= 16 or not 2 <= mini_shift < shift:
            raise Damaged("sector size out of range")
        self._sector, self._mini = 1 << shift, 1 << mini_shift
        self._fat = self._read_fat(fat_count, more)
        entries = self._chain(directory)
        self._mini_fat = _words(self._chain(mini_fat)) if mini_fat < _END else ()
        self.streams = list(self._entries(entries))

    def _sector_at(self, number: int) -> bytes:
        start = (number + 1) * self._sector
        return self._data[start : start + self._sector]

    def _read_fat(self, count: int, more: int) -> tuple[int, ...]:
        sectors = [n for n in _words(self._data[76:512]) if n < _END]
        seen: set[int] = set()
        while more < _END and more not in seen:
            seen.add(more)
            words = _words(self._sector_at(more))
            if not words:
                break
            sectors.extend(n for n in words[:-1] if n < _END)
            more = words[-1]
        limit = len(self._data) // self._sector + 1
        return _words(b"".join(self._sector_at(n) for n in sectors[: min(count, limit)]))

    def _chain(self, start: int, size: int | None = None) -> bytes:
        parts: list[bytes] = []
        number, left = start, len(self._data) // self._sector + 1
        while number < _END and left > 0 and (size is None or len(parts) * self._sector < size):
            parts.append(self._sector_at(number))
            if number >= len(self._fat):
                break
            number = self._fat[number]
            left -= 1
        return b"".join(parts)[:size]

    def _entries(self, raw: bytes) -> Iterator[_Stream]:
        self._mini_stream = b""
        for at in range(0, min(len(raw), MAX_ENTRIES * 128) - 127, 128):
            length, kind = struct.unpack_from("<HB", raw, at + 64)
            start, size = struct.unpack_from("<IQ", raw, at + 116)
            if self._sector == 512:
                size &= 0xFFFFFFFF
            if kind == 5:
                self._mini_stream = self._chain(start, size)
            elif kind == 2 and size:
                name = raw[at : at + max(0, min(length, 64) - 2)].decode("utf-16-le", "replace")
                yield _Stream(_msi_name(name), start, size)

    def read(self, stream: _Stream) -> bytes:
        """The content of a stream, as much as there is."""
        if stream.size >= self._cutoff:
            return self._chain(stream.start, stream.size)
        parts, number = [], stream.start
        left = min(stream.size, len(self._mini_stream)) // self._mini + 2
        while number < _END and left > 0:
            parts.append(self._mini_stream[number * self._mini : (number + 1) * self._mini])
            if number >= len(self._mini_fat):
                break
            number = self._mini_fat[number]
            left -= 1
        return b"".join(parts)[: stream.size]


def _words(raw: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(raw) // 4}I", raw[: len(raw) & ~3])


def _msi_name(name: str) -> str:
    """MSI packs two letters into one character from U+3800 on."""
    if not any(0x3800 <= ord(c) < 0x4841 for c in name):
        return name
    out = []
    for c in name:
        code = ord(c)
        if 0x3800 <= code < 0x4800:
            out += [_MSI_LETTERS[(code - 0x3800) & 63], _MSI_LETTERS[(code - 0x3800) >> 6]]
        elif 0x4800 <= code < 0x4840:
            out.append(_MSI_LETTERS[code - 0x4800])
        elif code != 0x4840:
            out.append(c)
    return "".join(out)


def _header(data: bytes) -> tuple[int, ...]:
    fat_count, directory = struct.unpack_from("<II", data, 44)
    cutoff, mini_fat = struct.unpack_from("<II", data, 56)
    (more,) = struct.unpack_from("<I", data, 68)
    return fat_count, directory, cutoff, mini_fat, more


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    compound = Compound(artifact.data)
    for stream in compound.streams:
        budget.check_time()
        body = compound.read(stream)
        if _is_locked(stream.name, body):
            budget.note(Finding(claim="encrypted", value="ole", confidence=95, evidence=(stream.name,)))
        if stream.name == "\x01Ole10Native":
            packaged = native(body[4:], "ole package")
            if packaged:
                yield packaged
                continue
        if stream.name == "PowerPoint Document":
            yield from _presentation(body, budget)
        yield Child(data=body, name=stream.name, detail="ole stream")


def _is_locked(name: str, body: bytes) -> bool:
    """Whether this stream says that the document is encrypted.

    Source: [MS-OFFCRYPTO] 2.3.4.4; [MS-DOC] 2.5.2 fEncrypted; [MS-XLS] 2.4.117 FilePass; [MS-PPT] 2.3.2.
    """
    if name == "WordDocument":
        return body[:2] == b"\xec\xa5" and len(body) > 11 and bool(body[11] & 1)
    if name in {"Workbook", "Book"}:
        return _FILE_PASS.match(body) is not None
    return name in _ENCRYPTED or (name == "Current User" and body[12:16] == b"\xdf\xc4\xd1\xf3")


def _presentation(body: bytes, budget: Budget) -> Iterator[Child]:
    """Embedded objects of a presentation: records ExOleObjStg, compressed or not."""
    at = 0
    while at + 8 <= len(body):
        version, kind, size = struct.unpack_from("<HHI", body, at)
        at += 8
        if version & 15 == 15:
            continue
        if kind == 0x1011:
            raw = body[at : at + size]
            stored = _expanded(raw, budget) if version >> 4 == 1 else raw
            if stored:
                yield Child(data=stored, name="embedded object", detail="ppt object")
        at += size


def _expanded(raw: bytes, budget: Budget) -> bytes | None:
    try:
        return budget.gather(inflate(raw[4:], 15))
    except Damaged as error:
        budget.damaged(f"embedded object: {error}")
        return None


def _bid(data: bytes) -> int:
    return 85 if data.startswith(MAGIC) else 0


FORMAT = Format("ole", _bid, _unpack)
