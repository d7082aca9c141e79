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
    with pytest.raises(StoreError, match="newer than 0001, which this MEAD knows: upgrade MEAD"):
        Catalogue.open(place)


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
