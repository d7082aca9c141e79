# SPDX-License-Identifier: Apache-2.0
"""Opening: the schema of the scripts is the schema of the code, and what is wrong is said."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import mead.store.catalogue as package
from mead.errors import ConfigError, StoreError
from mead.store.catalogue import Catalogue, database
from mead.store.catalogue.tables import metadata


def test_the_scripts_make_exactly_the_tables_of_the_code(place: str) -> None:
    engine = database.open_engine(place)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_newest_script_is_the_version_that_the_code_expects() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == database.HEAD


def test_opening_again_changes_nothing_and_needs_no_alembic(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "catalogue.sqlite"
    Catalogue.open(file).close()
    script = (
        "import sys; from pathlib import Path; from mead.store.catalogue import Catalogue;"
        "Catalogue.open(Path(sys.argv[1])).close(); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, file], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_two_may_open_an_empty_catalogue_at_once(place: str) -> None:
    problems: list[BaseException] = []

    def opens() -> None:
        try:
            Catalogue.open(place).close()
        except BaseException as error:  # noqa: BLE001
            problems.append(error)

    threads = [threading.Thread(target=opens) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems


def test_sqlite_is_in_write_ahead_mode_with_durable_commits(tmp_path: Path) -> None:
    engine = database.open_engine(tmp_path / "c.sqlite")
    with database.reading(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()


def test_a_catalogue_of_a_newer_mead_is_refused(place: str) -> None:
    engine = database.open_engine(place)
    with database.writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(StoreError, match="newer than 0002, which this MEAD knows: upgrade MEAD"):
        Catalogue.open(place)


def _first_schema(place: str) -> None:
    """A catalogue as the first migration left it, with an offer and a sighting in it."""
    from alembic import command

    engine = database._engine(place)
    config = Config()
    config.set_main_option("script_location", str(Path(package.__file__).parent / "migrations"))
    with engine.execution_options(mead_writes=True).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        now = "'2026-03-01 12:00:00.000000'"
        names = "offer, url, url_key, state, reason, attempts, final, sensor, first_seen, last_seen"
        key = "x'00'" if connection.dialect.name == "sqlite" else "'\\x00'"
        values = f"'o1', 'http://x/', {key}, 'failed', 'timed out', 3, true, 'edge', {now}, {now}"
        connection.execute(text(f"INSERT INTO offers ({names}) VALUES ({values})"))
    engine.dispose()


def test_a_catalogue_of_the_first_schema_is_brought_to_the_newest(place: str) -> None:
    _first_schema(place)
    with Catalogue.open(place) as catalogue, catalogue.ask() as queries:
        (offer,) = queries.offers().rows
    assert (offer.offer, offer.state, offer.reason, offer.attempts) == ("o1", "failed", "timed out", 3)
    engine = database.open_engine(place)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


MIGRATES = """
import os, sys
from pathlib import Path
from sqlalchemy import event
from sqlalchemy.engine import Engine
from mead.store.catalogue import Catalogue

left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def count(connection, cursor, statement, *_):
    global left
    left -= 1
    if left == 0:
        os._exit(9)

Catalogue.open(sys.argv[1]).close()
"""


@pytest.mark.parametrize("first", [True, False], ids=["empty", "of the first schema"])
def test_a_migration_that_is_killed_at_any_statement_is_done_at_the_next_start(
    place: str, first: bool
) -> None:
    if not first:
        _first_schema(place)
    ended, statement, tried = 9, 1, 0
    while ended == 9:
        ended = subprocess.run(
            [sys.executable, "-c", MIGRATES, place, str(statement)], check=False
        ).returncode
        statement += 7 if first else 2
        tried += 1
    assert ended == 0
    assert tried > 3
    engine = database.open_engine(place)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "c.sqlite"
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="move the file away, it is made again from the events"):
        Catalogue.open(file)


def test_a_place_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        Catalogue.open(tmp_path / "file" / "c.sqlite")


@pytest.mark.parametrize("url", ["nonsense://", "no such://x"])
def test_an_unknown_url_is_told(url: str) -> None:
    with pytest.raises(ConfigError, match="give a file or postgresql"):
        Catalogue.open(url)


def test_a_password_is_not_shown() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as told:
        Catalogue.open("postgresql://user:secret@127.0.0.1:1/x")
    assert "secret" not in str(told.value)
