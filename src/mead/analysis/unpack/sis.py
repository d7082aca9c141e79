# SPDX-License-Identifier: Apache-2.0
"""Symbian installers of the first kind (EPOC releases 3 to 8).

Source: by observation of files; field order as in the public descriptions of the SIS format.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.zipmethods import inflate

__all__ = ["FORMAT"]

MAX_FILES = 2000
_UID3 = b"\x19\x04\x00\x10"


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data
    languages, files = struct.unpack_from("<HH", data, 18)
    options, _, _, _, _, _, at = struct.unpack_from("<HHHHIII", data, 36)
    if not 0 < languages <= 100:
        raise Damaged(f"{languages} languages")
    for _ in range(min(files, MAX_FILES)):
        budget.check_time()
        record, _, _, _, _, name_bytes, name_at = struct.unpack_from("<7I", data, at)
        if record not in {0, 1}:
            raise Damaged(f"record type {record}")
        spans = languages if record == 1 else 1
        sizes = struct.unpack_from(f"<{spans}I", data, at + 28)
        starts = struct.unpack_from(f"<{spans}I", data, at + 28 + 4 * spans)
        name = data[name_at : name_at + name_bytes].decode(
            "utf-16-le" if options & 1 else "latin-1", "replace"
        )
        for start, size in zip(starts, sizes, strict=True):
            yield from _file(data[start : start + size], name, budget)
        at += 28 + 12 * spans + 8


def _file(raw: bytes, name: str, budget: Budget) -> Iterator[Child]:
    try:
        content = budget.gather(inflate(raw, 15))
    except Damaged:
        content = raw
    if content:
        yield Child(data=content, name=name, detail="sis")


def _bid(data: bytes) -> int:
    return 85 if data[8:12] == _UID3 else 0


FORMAT = Format("sis", _bid, _unpack)
