# SPDX-License-Identifier: Apache-2.0
"""tar of all dialects; nothing is written to disk, so names, links and devices do no harm."""

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
    try:
        with tarfile.open(fileobj=BytesIO(artifact.data), mode="r:", errors="backslashreplace") as archive:
            for member in archive:
                budget.check_time()
                if not member.isreg():
                    continue
                content = _content(archive, member, budget)
                if content:
                    yield Child(data=content, name=member.name, detail="tar")
    except tarfile.TarError as error:
        raise Damaged(str(error)) from error


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, budget: Budget) -> bytes | None:
    reader = archive.extractfile(member)
    if reader is None:
        return None
    if member.size > budget.room():
        budget.over()
        return None
    return budget.gather(iter(lambda: reader.read(CHUNK), b""))


FORMAT = Format("tar", _bid, _unpack)
