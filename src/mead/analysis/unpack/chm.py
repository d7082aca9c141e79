# SPDX-License-Identifier: Apache-2.0
"""Compiled HTML help: a directory of files, most of them in one LZX stream.

Source: the public description "Unofficial (Preliminary) HTML Help Specification" (P. Wise, 2003).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.lzx import Lzx

__all__ = ["FORMAT"]

MAX_FILES = 20_000
FRAME = 32768
_CONTENT = "::DataSpace/Storage/MSCompressed/Content"
_CONTROL = "::DataSpace/Storage/MSCompressed/ControlData"
_RESET = (
    "::DataSpace/Storage/MSCompressed/Transform/"
    "{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable"
)


@dataclass(frozen=True, slots=True)
class _File:
    section: int
    offset: int
    size: int


def _number(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for _ in range(9):
        byte = data[at]
        at += 1
        value = value << 7 | byte & 127
        if not byte & 128:
            return value, at
    raise Damaged("number without end")


def _directory(data: bytes) -> tuple[dict[str, _File], int]:
    directory_at, _, content_at = struct.unpack_from("<QQQ", data, 72)
    (version,) = struct.unpack_from("<I", data, 4)
    header_size, _, chunk_size = struct.unpack_from("<III", data, directory_at + 8)
    (chunks,) = struct.unpack_from("<I", data, directory_at + 44)
    if version < 3:
        content_at = directory_at + header_size + chunks * chunk_size
    files: dict[str, _File] = {}
    for number in range(min(chunks, len(data) // max(chunk_size, 1) + 1)):
        start = directory_at + header_size + number * chunk_size
        if data[start : start + 4] != b"PMGL":
            continue
        (free,) = struct.unpack_from("<I", data, start + 4)
        at, end = start + 20, start + chunk_size - free
        while at < end and len(files) < MAX_FILES:
            length, at = _number(data, at)
            name = data[at : at + length].decode("utf-8", "backslashreplace")
            section, at = _number(data, at + length)
            offset, at = _number(data, at)
            size, at = _number(data, at)
            files[name] = _File(section, offset, size)
    return files, content_at


def _inside(data: bytes, base: int, file: _File) -> bytes:
    return data[base + file.offset : base + file.offset + file.size]


def _expanded(data: bytes, base: int, files: dict[str, _File]) -> Iterator[bytes]:
    control, table = _inside(data, base, files[_CONTROL]), _inside(data, base, files[_RESET])
    version, reset, window = struct.unpack_from("<III", control, 8)
    unit = FRAME if version == 2 else 1
    count, entry_size, header = struct.unpack_from("<III", table, 4)
    if entry_size < 8 or count > len(table) // entry_size:
        raise Damaged(f"reset table of {count} entries of {entry_size} bytes")
    (size,) = struct.unpack_from("<Q", table, 16)
    starts = [struct.unpack_from("<Q", table, header + n * entry_size)[0] for n in range(count)]
    packed = _inside(data, base, files[_CONTENT])
    decoder, every = Lzx((window * unit).bit_length() - 1), max(1, reset * unit // FRAME)
    for number, start in enumerate(starts):
        if number % every == 0:
            decoder.reset()
        end = starts[number + 1] if number + 1 < len(starts) else len(packed)
        left = size - number * FRAME
        yield decoder.block(packed[start:end], min(FRAME, max(0, left)))


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data
    files, base = _directory(data)
    content: bytes | None = b""
    if _CONTENT in files and _CONTROL in files and _RESET in files:
        content = budget.gather(_expanded(data, base, files))
    for name, file in files.items():
        budget.check_time()
        if name.startswith("::") or not file.size:
            continue
        body = (
            _inside(data, base, file)
            if file.section == 0
            else (content or b"")[file.offset : file.offset + file.size]
        )
        if len(body) == file.size:
            yield Child(data=body, name=name.lstrip("/"), detail="chm")


def _bid(data: bytes) -> int:
    return 85 if data[:4] == b"ITSF" else 0


FORMAT = Format("chm", _bid, _unpack)
