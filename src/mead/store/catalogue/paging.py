# SPDX-License-Identifier: Apache-2.0
"""Pages by the last row seen, never by offset: the thousandth page costs what the first costs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Connection, Integer, Select, and_, or_

from mead.errors import ConfigError
from mead.store.catalogue.columns import Digest, UtcTime
from mead.store.catalogue.rows import Page

__all__ = ["MAX_ROWS", "Order", "page"]

T = TypeVar("T")

MAX_ROWS = 10_000
"""Rows of one page at most."""

Order = tuple[ColumnElement[Any], bool]
"""A column, and whether it descends. The columns of an order together are unique and never null."""


def page(
    connection: Connection,
    query: Select[Any],
    order: Sequence[Order],
    row_type: type[T],
    *,
    limit: int,
    after: str | None,
) -> Page[T]:
    """One page of a query.

    Raises:
        ConfigError: `after` did not come from an earlier page of the same listing.
    """
    limit = max(1, min(limit, MAX_ROWS))
    if after is not None:
        query = query.where(_behind(order, _position(after, order)))
    query = query.order_by(*(column.desc() if descends else column.asc() for column, descends in order))
    found = connection.execute(query.limit(limit + 1)).mappings().all()
    rows = [row_type(**_readable(dict(row))) for row in found[:limit]]
    if len(found) <= limit:
        return Page(rows, None)
    last = [found[limit - 1][column.key] for column, _ in order]  # type: ignore[index]  # columns have keys
    return Page(rows, base64.urlsafe_b64encode(msgspec.json.encode(last)).decode())


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    if "evidence" in row:
        row["evidence"] = msgspec.json.decode(row["evidence"])
    return row


def _position(after: str, order: Sequence[Order]) -> list[Any]:
    try:
        values = msgspec.json.decode(base64.urlsafe_b64decode(after.encode()), type=list[str | int])
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise ConfigError(f"not a page of this listing: {after[:40]!r}; start without it") from error
    if len(values) != len(order):
        raise ConfigError(f"a page of another listing: {after[:40]!r}; start without it")
    return [_typed(value, column) for value, (column, _) in zip(values, order, strict=True)]


def _typed(value: str | int, column: ColumnElement[Any]) -> Any:
    try:
        if isinstance(column.type, UtcTime):
            return datetime.fromisoformat(str(value))
        if isinstance(column.type, Digest):
            return bytes.fromhex(str(value)).hex()
        return int(value) if isinstance(column.type, Integer) else str(value)
    except ValueError as error:
        raise ConfigError(f"a page of another listing: {value!r}; start without it") from error


def _behind(order: Sequence[Order], values: Sequence[Any]) -> ColumnElement[bool]:
    """Rows after the given one: (a > x) or (a = x and b > y) or …."""
    choices = []
    for number, ((column, descends), value) in enumerate(zip(order, values, strict=True)):
        equal = [before == at for (before, _), at in zip(order[:number], values[:number], strict=True)]
        choices.append(and_(*equal, column < value if descends else column > value))
    return or_(*choices)
