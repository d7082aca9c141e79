# SPDX-License-Identifier: Apache-2.0
"""7z through py7zr, in memory, with passwords."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from io import BytesIO

import py7zr
from py7zr.exceptions import ArchiveError, PasswordRequired
from py7zr.io import Py7zIO, WriterFactory

from mead.analysis.analyser import Artifact, Child
from mead.analysis.unpack.budget import Budget, BudgetSpent, Damaged, Encrypted
from mead.analysis.unpack.formats import Format
from mead.analysis.unpack.passwords import candidates

__all__ = ["FORMAT"]

_MAGIC = b"7z\xbc\xaf\x27\x1c"


class _Member(Py7zIO):
    """A member that stops the extraction when it goes over its bound."""

    def __init__(self, budget: Budget, gathered: list[int]) -> None:
        self.data = bytearray()
        self._budget = budget
        self._gathered = gathered

    def write(self, s: bytes | bytearray) -> int:
        self._gathered[0] += len(s)
        if self._gathered[0] > self._budget.room():
            self._budget.over()
            raise BudgetSpent
        self.data += s
        return len(s)

    def read(self, size: int | None = None) -> bytes:
        return bytes(self.data[:size])

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002  # the interface of py7zr
        return 0

    def flush(self) -> None:
        """Nothing is buffered."""

    def size(self) -> int:
        return len(self.data)


class _Members(WriterFactory):
    def __init__(self, budget: Budget) -> None:
        self.members: list[tuple[str, _Member]] = []
        self._budget = budget
        self._gathered = [0]

    def create(self, filename: str) -> Py7zIO:
        member = _Member(self._budget, self._gathered)
        self.members.append((filename, member))
        return member


def _unpack(artifact: Artifact, budget: Budget) -> Iterator[Child]:
    at = artifact.data.find(_MAGIC)
    data = artifact.data[at:]
    try:
        found, password = _extract(data, budget, None), None
    except Encrypted:
        found, password = _guess(artifact, data, budget)
    for name, member in found:
        detail = "7z" if password is None else f"password {password}"
        relation = "contains" if password is None else "unpacked_with"
        yield Child(data=bytes(member.data), name=name, relation=relation, detail=detail)  # type: ignore[arg-type]  # one of two literals


def _guess(artifact: Artifact, data: bytes, budget: Budget) -> tuple[list[tuple[str, _Member]], str]:
    for word in candidates(artifact, budget.settings):
        budget.check_time()
        if not word:
            continue
        try:
            return _extract(data, budget, word), word
        except Encrypted:
            continue
    raise Encrypted("no known password fits")


def _extract(data: bytes, budget: Budget, password: str | None) -> list[tuple[str, _Member]]:
    members = _Members(budget)
    try:
        with py7zr.SevenZipFile(BytesIO(data), password=password) as archive:
            if password is None and archive.needs_password():
                raise Encrypted("a password is needed")
            archive.extractall(factory=members)
    except BudgetSpent:
        return members.members[:-1]
    except PasswordRequired as error:
        raise Encrypted(str(error)) from error
    except (ArchiveError, lzma.LZMAError, OSError, EOFError, TypeError, ValueError, AssertionError) as error:
        if password is not None:
            raise Encrypted("wrong password") from error
        if isinstance(error, Encrypted):
            raise
        raise Damaged(str(error)) from error
    return members.members


def _bid(data: bytes) -> int:
    return 90 if data.startswith(_MAGIC) else 0


FORMAT = Format("7z", _bid, _unpack)
