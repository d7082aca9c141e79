# SPDX-License-Identifier: Apache-2.0
"""TNEF, Outlook's `winmail.dat`.

Source: [MS-OXTNEF] 2.1.3; property types of [MS-OXCDATA] 2.11.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget
from mead.analysis.unpack.formats import Format

__all__ = ["FORMAT"]

_MAGIC = b"\x78\x9f\x3e\x22"
_BEGIN, _TITLE, _DATA, _BODY = 0x00069002, 0x00018010, 0x0006800F, 0x0002800C


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data, at = artifact.data, 6
    title: str | None = None
    content: bytes | None = None
    while at + 9 <= len(data):
        budget.check_time()
        kind, size = struct.unpack_from("<II", data, at + 1)
        value = data[at + 9 : at + 9 + size]
        at += 9 + size + 2
        if kind == _BEGIN:
            if content:
                yield Child(data=content, name=title, detail="tnef")
            title, content = None, None
        elif kind == _TITLE:
            title = value.rstrip(b"\0").decode("cp1252", "replace")
        elif kind == _DATA:
            content = value
        elif kind == _BODY:
            yield Child(data=value.rstrip(b"\0"), name="body.txt", detail="tnef")
    if content:
        yield Child(data=content, name=title, detail="tnef")


def _bid(data: bytes) -> int:
    return 85 if data.startswith(_MAGIC) else 0


FORMAT = Format("tnef", _bid, _unpack)
