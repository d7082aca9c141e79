# SPDX-License-Identifier: Apache-2.0
"""ARJ and LHA.

Source: ARJ TECHNOTE.TXT (R. Jung); the public description of LHA headers, levels 0 to 2.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.bits import BitsHigh
from mead.analysis.unpack.budget import Budget, Damaged, Encrypted
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.lzh import Coding, expand

__all__ = ["ARJ", "LHA"]

_ARJ_CODING = Coding(26624, 17, 5)
_LHA_CODINGS = {
    b"-lh4-": Coding(1 << 12, 14, 4), b"-lh5-": Coding(1 << 13, 14, 4), b"-lh6-": Coding(1 << 15, 16, 5),
    b"-lh7-": Coding(1 << 16, 17, 5),
}  # fmt: skip


def _arj(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data = artifact.data
    at = _arj_next(data, data.index(b"\x60\xea"))
    while at >= 0 and data[at : at + 2] == b"\x60\xea":
        budget.check_time()
        (basic,) = struct.unpack_from("<H", data, at + 2)
        if not basic:
            return
        flags, method, kind = data[at + 8], data[at + 9], data[at + 10]
        packed, size = struct.unpack_from("<II", data, at + 16)
        name = data[at + 4 + data[at + 4] :].split(b"\0", 1)[0].decode("cp437")
        start = _arj_next(data, at)
        raw = data[start : start + packed]
        at = start + packed
        if kind not in {0, 1}:
            continue
        if flags & 1:
            raise Encrypted(name)
        if len(raw) < packed:
            raise Damaged(f"{name} is cut off")
        content = budget.gather(_arj_decode(method, raw, size))
        if content:
            yield Child(data=content, name=name, detail="arj")


def _arj_next(data: bytes, at: int) -> int:
    """Where the data after a header start: behind the basic and the extended headers and their CRCs."""
    (basic,) = struct.unpack_from("<H", data, at + 2)
    at += 4 + basic + 4
    while True:
        (extended,) = struct.unpack_from("<H", data, at)
        at += 2
        if not extended:
            return at
        at += extended + 4


def _arj_decode(method: int, raw: bytes, size: int) -> Iterator[bytes]:
    if method == 0:
        return iter((raw,))
    if method in {1, 2, 3}:
        return expand(raw, size, _ARJ_CODING)
    if method == 4:
        return _fastest(raw, size)
    raise Damaged(f"compression method {method} is not known")


def _fastest(raw: bytes, size: int) -> Iterator[bytes]:
    """ARJ's method 4: lengths and distances as counted runs of ones."""
    reader, out = BitsHigh(raw), bytearray()
    while len(out) < size:
        length = _counted(reader, 0, 7)
        if not length:
            out.append(reader.bits(8))
            continue
        distance = _counted(reader, 9, 13) + 1
        for _ in range(length + 2):
            out.append(out[-distance] if distance <= len(out) else 0x20)
    yield bytes(out[:size])


def _counted(reader: BitsHigh, start: int, stop: int) -> int:
    base, width = 0, start
    while width < stop and reader.bit():
        base += 1 << width
        width += 1
    return base + (reader.bits(width) if width else 0)


def _lha(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    data, at = artifact.data, 0
    while at + 22 < len(data) and data[at] and data[at + 2 : at + 4] == b"-l":
        budget.check_time()
        method, level = data[at + 2 : at + 7], data[at + 20]
        packed, size = struct.unpack_from("<II", data, at + 7)
        start, name, packed = _lha_header(data, at, level, packed)
        raw = data[start : start + packed]
        at = start + packed
        if method in {b"-lhd-", b"-lzd-"}:
            continue
        if method in {b"-lh0-", b"-lz4-"}:
            content: bytes | None = raw
        elif method in _LHA_CODINGS:
            content = budget.gather(expand(raw, size, _LHA_CODINGS[method]))
        else:
            raise Damaged(f"compression method {method!r} is not known")
        if content:
            yield Child(data=content, name=name, detail="lha")


def _lha_header(data: bytes, at: int, level: int, packed: int) -> tuple[int, str, int]:
    """Where the packed data start, the name, and how many packed bytes there are."""
    if level == 2:
        (total,) = struct.unpack_from("<H", data, at)
        extensions, start = at + 24, at + total
        name = b""
    elif level in {0, 1}:
        name = data[at + 22 : at + 22 + data[at + 21]]
        start = at + 2 + data[at]
        extensions = start - 2 if level == 1 else 0
    else:
        raise Damaged(f"header level {level}")
    while extensions:
        (size,) = struct.unpack_from("<H", data, extensions)
        if not size:
            break
        if data[extensions + 2] == 1:
            name = data[extensions + 3 : extensions + size]
        extensions += size
        if level == 1:
            start, packed = start + size, packed - size
    return start, name.decode("cp437"), packed


def _arj_bid(data: bytes) -> int:
    return 80 if data[:2] == b"\x60\xea" and len(data) > 40 and data[10] == 2 else 0


def _lha_bid(data: bytes) -> int:
    return 80 if data[2:5] in {b"-lh", b"-lz"} and data[6:7] == b"-" else 0


ARJ = Format("arj", _arj_bid, _arj)
LHA = Format("lha", _lha_bid, _lha)
