# SPDX-License-Identifier: Apache-2.0
"""Open the catalogue's database: SQLite in a file, or PostgreSQL by its URL, at the newest schema."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from mead.errors import ConfigError, MissingTool, StoreError

__all__ = ["HEAD", "explained", "open_engine", "reading", "writing"]

HEAD = "0002"
"""Newest migration; a test holds it against the scripts."""

_WRITES = "mead_writes"
_BUSY_SECONDS = 30
_RETRY_SECONDS = 0.01
_UPGRADE_LOCK = 0x6D656164
"""Any number that only MEAD uses: the key of PostgreSQL's advisory lock during an upgrade."""


def open_engine(place: str | Path) -> Engine:
    """Connect, and bring the schema to the newest version.

    Raises:
        ConfigError: the URL cannot be understood.
        MissingTool: the driver of that database is not installed.
        StoreError: it cannot be reached, or a newer MEAD has written it.
    """
    engine = _engine(place)
    try:
        with explained(engine):
            _upgrade(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state and writes nothing."""
    with explained(engine), engine.begin() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; it takes SQLite's write lock at once, so it cannot fail half-way for it."""
    with explained(engine), engine.execution_options(**{_WRITES: True}).begin() as connection:
        yield connection


@contextmanager
def explained(engine: Engine) -> Iterator[None]:
    """Turn the database's errors into ours: where, what, what next."""
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"catalogue {_shown(engine)}: {error.orig}{_advice(str(error.orig))}") from error
    except SQLAlchemyError as error:
        raise StoreError(f"catalogue {_shown(engine)}: {error}") from error


def _advice(problem: str) -> str:
    if "full" in problem:
        return "; free space or move data_dir"
    if "locked" in problem:
        return "; another process writes to it: try again"
    if "malformed" in problem or "not a database" in problem:
        return "; move the file away, it is made again from the events"
    return ""


def _shown(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=True)


def _engine(place: str | Path) -> Engine:
    try:
        if isinstance(place, Path) or "://" not in place:
            file = Path(place)
            file.parent.mkdir(parents=True, exist_ok=True)
            return _sqlite(create_engine(f"sqlite:///{file}", poolclass=NullPool))
        url = make_url(place)
        if url.drivername in {"postgres", "postgresql"}:
            url = url.set(drivername="postgresql+psycopg")
        return _sqlite(create_engine(url)) if url.get_backend_name() == "sqlite" else create_engine(url)
    except (ArgumentError, NoSuchModuleError) as error:
        raise ConfigError(f"catalogue: {error}; give a file or postgresql://user@host/database") from error
    except ImportError as error:
        message = f"catalogue: the driver is missing ({error}): pip install 'mead-deck[postgres]'"
        raise MissingTool(message) from error
    except OSError as error:
        raise StoreError(f"catalogue {place}: {error.strerror}") from error


def _sqlite(engine: Engine) -> Engine:
    """Write-ahead log, durable commits, and transactions that begin when we say so."""

    @event.listens_for(engine, "connect")
    def connected(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
        connection.execute("PRAGMA synchronous=FULL")
        _switch_to_wal(connection)

    @event.listens_for(engine, "begin")
    def began(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Done once in a file's life; SQLite does not wait by itself when two do it at the same time."""
    give_up = time.monotonic() + _BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > give_up:
                raise
            time.sleep(_RETRY_SECONDS)


def _upgrade(engine: Engine) -> None:
    with engine.begin() as connection:
        if _version(connection) == HEAD:
            return
    with engine.execution_options(**{_WRITES: True}).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})"))
        version = _version(connection)
        if version is not None and version > HEAD:
            raise StoreError(
                f"catalogue {_shown(engine)}: its schema {version} is newer than {HEAD}, which this MEAD"
                " knows: upgrade MEAD"
            )
        _migrate(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _migrate(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - slow to import, and needed only when the schema is old
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    scripts = str(Path(__file__).parent / "migrations").replace("%", "%%")
    config.set_main_option("script_location", scripts)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
