# SPDX-License-Identifier: Apache-2.0
"""Write many rows with few statements, in SQL that SQLite and PostgreSQL share.

Rows that events add to are loaded by key, folded in Python and written back whole; rows that are events
are inserted, and what is there already stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

__all__ = ["Fold", "insert_new"]

_CHUNK = 500

Row = dict[str, Any]


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Row], earliest: str | None = None
) -> None:
    """Insert rows; of two with the same key the first stays, or the one that has less in `earliest`."""
    if not rows:
        return
    statement = _insert(connection, table)
    if earliest is None:
        statement = statement.on_conflict_do_nothing()
    else:
        statement = statement.on_conflict_do_update(
            index_elements=list(table.primary_key.columns),
            set_={earliest: statement.excluded[earliest]},
            where=statement.excluded[earliest] < table.c[earliest],
        )
    connection.execute(statement, list(rows))


class Fold:
    """Rows of one table by their single-column key, to be changed and written back."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.key = next(iter(table.primary_key.columns))
        self._changes: dict[str, list[Callable[[Row | None], Row]]] = {}

    def change(self, key: str, change: Callable[[Row | None], Row]) -> None:
        """Have `change` applied to the row of this key, or to None where there is none yet."""
        self._changes.setdefault(key, []).append(change)

    def write(self, connection: Connection) -> None:
        """Load, fold and write back."""
        keys = iter(self._changes)
        while chunk := list(islice(keys, _CHUNK)):
            found = connection.execute(select(self.table).where(self.key.in_(chunk))).mappings()
            rows: dict[str, Row | None] = dict.fromkeys(chunk)
            rows.update({row[self.key.name]: dict(row) for row in found})
            self._replace(connection, [self._folded(key, row) for key, row in rows.items()])
        self._changes.clear()

    def _folded(self, key: str, row: Row | None) -> Row:
        for change in self._changes[key]:
            row = change(row)
        return {**(row or {}), self.key.name: key}

    def _replace(self, connection: Connection, rows: Iterable[Row]) -> None:
        statement = _insert(connection, self.table)
        others = {
            column.name: statement.excluded[column.name]
            for column in self.table.columns
            if not column.primary_key
        }
        connection.execute(
            statement.on_conflict_do_update(index_elements=[self.key], set_=others), list(rows)
        )


def _insert(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
