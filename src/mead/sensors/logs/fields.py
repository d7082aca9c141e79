# SPDX-License-Identifier: Apache-2.0
"""Values out of foreign records, each either usable or absent.

The text in a log is an attacker's: bounded here, and no surrogate or NUL goes further.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from mead.model import codec
from mead.model.network import canonical

__all__ = ["address_of", "count_of", "dicts_of", "digest_of", "moment_of", "port_of", "text_of", "texts_of"]

_MAX_LIST = 1000
_HEX = frozenset("0123456789abcdef")


def text_of(fields: Mapping[str, Any], *names: str) -> str | None:
    """The first of these fields that has text or a number; None when there is none."""
    for name in names:
        if (value := _text(fields.get(name))) is not None:
            return value
    return None


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _clean(value) if isinstance(value, str) else str(value)[:64]


def _clean(value: str) -> str:
    try:
        return codec.text(value.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return codec.text(value.encode("utf-8", "surrogatepass"))


def texts_of(fields: Mapping[str, Any], name: str) -> list[str | None]:
    """A list of texts, also when it is a single one; what is no text is None."""
    value = fields.get(name)
    return [_text(item) for item in value[:_MAX_LIST]] if isinstance(value, list) else [_text(value)]


def dicts_of(value: object) -> Sequence[dict[str, Any]]:
    """The objects of a list, or those that an object of lists (`{"a": [1, 2], "b": [3, 4]}`) stands for."""
    if isinstance(value, list):
        return [item for item in value[:_MAX_LIST] if isinstance(item, dict)]
    if isinstance(value, dict):
        columns = {key: item[:_MAX_LIST] for key, item in value.items() if isinstance(item, list)}
        length = max(map(len, columns.values()), default=0)
        return [
            {key: column[row] for key, column in columns.items() if row < len(column)}
            for row in range(length)
        ]
    return []


def address_of(fields: Mapping[str, Any], name: str) -> str | None:
    """An address in canonical text."""
    value = fields.get(name)
    try:
        return canonical(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None


def port_of(fields: Mapping[str, Any], name: str) -> int | None:
    """A port, also when it is written as text."""
    value = count_of(fields, name)
    return value if value is not None and value <= 65535 else None


def count_of(fields: Mapping[str, Any], name: str) -> int | None:
    """A number from 0 to 2⁶³ − 1, also when it is written as text; a fraction is cut off."""
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = int(float(value)) if isinstance(value, str | float) else value
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number < 1 << 63 else None


def digest_of(fields: Mapping[str, Any], name: str) -> str | None:
    """A sha256 in lower-case hex."""
    value = fields.get(name)
    if not isinstance(value, str) or len(value) != 64:
        return None
    value = value.lower()
    return value if _HEX.issuperset(value) else None


def moment_of(fields: Mapping[str, Any], *names: str) -> datetime | None:
    """An ISO 8601 time of the first of these fields that has one; without a zone it is UTC."""
    for name in names:
        value = fields.get(name)
        if not isinstance(value, str) or len(value) > 64:
            continue
        try:
            moment = datetime.fromisoformat(value.strip())
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None
