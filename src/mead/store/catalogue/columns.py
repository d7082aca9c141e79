# SPDX-License-Identifier: Apache-2.0
"""Column types that SQLite and PostgreSQL hold alike: digests as 32 bytes, times as UTC, bounded names."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, LargeBinary, Text, types

__all__ = ["Digest", "Name", "UtcTime", "key_of", "shortened"]

_MAX_NAME_CHARACTERS = 512
"""PostgreSQL's index holds no value beyond 2,700 bytes; a character has at most four."""


class Digest(types.TypeDecorator[str]):
    """A sha256, hex in Python and 32 bytes in the database."""

    impl = LargeBinary(32)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002 - the interface's
        return None if value is None else bytes.fromhex(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else bytes(value).hex()


class Name(types.TypeDecorator[str]):
    """A text that an index holds: one that is too long stands as its beginning and its digest."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - the interface's
        return None if value is None else shortened(value)


def shortened(text: str) -> str:
    """The text itself if an index can hold it; no NUL, which PostgreSQL does not take."""
    text = text.replace("\0", "\\x00")
    if len(text) <= _MAX_NAME_CHARACTERS:
        return text
    digest = key_of(text)
    return text[: _MAX_NAME_CHARACTERS - len(digest) - 1] + "~" + digest


class UtcTime(types.TypeDecorator[datetime]):
    """A moment with a time zone in Python, always UTC in the database, microseconds."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        moment: datetime = value
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def key_of(*parts: str | None) -> str:
    """One digest for several texts: the key of a row that has no shorter name."""
    digest = hashlib.sha256()
    for part in parts:
        data = b"" if part is None else part.encode()
        digest.update(b"%d:" % (-1 if part is None else len(data)) + data)
    return digest.hexdigest()
