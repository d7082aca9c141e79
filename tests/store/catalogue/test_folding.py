# SPDX-License-Identifier: Apache-2.0
"""Rows are folded by key, and what is there stays."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, select

from mead.store.catalogue import tables
from mead.store.catalogue.database import open_engine, reading, writing
from mead.store.catalogue.folding import Fold, Row, insert_new


def counted(old: Row | None) -> Row:
    return {"value": str(int(old["value"]) + 1 if old else 1)}


def values(connection: Connection) -> dict[str, str]:
    return {row.key: row.value for row in connection.execute(select(tables.meta)) if row.key != "writer"}


def test_changes_of_one_key_are_folded_onto_what_is_there(place: str) -> None:
    engine: Engine = open_engine(place)
    for _ in range(2):
        with writing(engine) as connection:
            fold = Fold(tables.meta)
            for number in range(1203):
                fold.change(f"k{number % 601}", counted)
            fold.write(connection)
    with reading(engine) as connection:
        found = values(connection)
    assert len(found) == 601
    assert found["k0"] == "6"
    assert found["k600"] == "4"
    engine.dispose()


def test_what_is_there_is_not_inserted_again(tmp_path: Path) -> None:
    engine = open_engine(tmp_path / "c.sqlite")
    with writing(engine) as connection:
        insert_new(connection, tables.meta, [{"key": "a", "value": "1"}])
        insert_new(connection, tables.meta, [{"key": "a", "value": "2"}, {"key": "b", "value": "2"}])
        insert_new(connection, tables.meta, [])
        assert values(connection) == {"a": "1", "b": "2"}
    engine.dispose()
