# SPDX-License-Identifier: Apache-2.0
"""tar of all dialects; nothing is written to disk, so names, links and devices do no harm.

Archives that follow each other in one file are all read: what most programs pass over is a place to hide.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from io import BytesIO

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, Damaged
from mead.analysis.unpack.formats import Format

__all__ = ["FORMAT"]

CHUNK = 256 * 1024


def _bid(data: bytes) -> int:
    if data[257:262] == b"ustar":
        return 90
    return 60 if len(data) >= 512 and data[0] and _checksum_fits(data[:512]) else 0


def _checksum_fits(block: bytes) -> bool:
    try:
        stated = int(block[148:156].strip(b" \0") or b"x", 8)
    except ValueError:
        return False
    return stated == sum(block[:148]) + 8 * 32 + sum(block[156:])


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    start: int | None = 0
    while start is not None:
        with _archive(artifact.data, start) as archive:
            yield from _members(archive, budget)
            start = _next(artifact.data, start + archive.offset)


def _archive(data: bytes, start: int) -> tarfile.TarFile:
    try:
        return tarfile.open(fileobj=BytesIO(data[start:]), mode="r:", errors="backslashreplace")
    except tarfile.TarError as error:
        raise Damaged(str(error)) from error


def _members(archive: tarfile.TarFile, budget: Budget) -> Iterator[Child]:
    try:
        for member in archive:
            budget.check_time()
            content = _content(archive, member, budget) if member.isreg() else None
            if content:
                yield Child(data=content, name=member.name, detail="tar")
    except tarfile.TarError as error:
        budget.damaged(f"after {archive.offset} bytes: {error}")


def _next(data: bytes, at: int) -> int | None:
    """Where another archive begins behind the end of one. O(blocks)."""
    while at + 512 <= len(data) and not any(data[at : at + 512]):
        at += 512
    return at if _bid(data[at : at + 512]) else None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, budget: Budget) -> bytes | None:
    reader = archive.extractfile(member)
    if reader is None:
        return None
    if member.size > budget.room():
        budget.over()
        return None
    return budget.gather(iter(lambda: reader.read(CHUNK), b""))


FORMAT = Format("tar", _bid, _unpack)
