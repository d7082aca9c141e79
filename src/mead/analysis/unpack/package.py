# SPDX-License-Identifier: Apache-2.0
"""OLE packages: how Windows wraps a file that was dropped into a document.

Source: [MS-OLEDS] 2.2 (OLE 1.0 objects), 2.3.6 (Ole10Native); the inside of a package by observation.
"""

from __future__ import annotations

import struct

from mead.analysis.analyser import Child

__all__ = ["native", "object_one"]


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("latin-1"), end + 1


def native(data: bytes, detail: str) -> Child | None:
    """The file inside native data of a package; `None` when it is no package."""
    try:
        if data[:2] != b"\x02\0":
            return None
        name, at = _string(data, 2)
        _, at = _string(data, at)
        at += 4
        (length,) = struct.unpack_from("<I", data, at)
        at += 4 + length
        (size,) = struct.unpack_from("<I", data, at)
    except (struct.error, ValueError):
        return None
    body = data[at + 4 : at + 4 + size]
    return Child(data=body, name=name, detail=detail) if size and len(body) == size else None


def object_one(data: bytes, detail: str) -> Child | None:
    """The content of an OLE 1.0 object: the packaged file, or the native data of another class."""
    try:
        _, kind, length = struct.unpack_from("<III", data, 0)
        at = 12 + length
        name = data[12:at].rstrip(b"\0").decode("latin-1")
        for _ in range(2):
            (length,) = struct.unpack_from("<I", data, at)
            at += 4 + length
        (size,) = struct.unpack_from("<I", data, at)
    except struct.error:
        return None
    if kind != 2:
        return None
    body = data[at + 4 : at + 4 + size]
    return native(body, detail) or Child(data=body, name=f"object {name}", detail=detail)
