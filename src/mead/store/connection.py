# SPDX-License-Identifier: Apache-2.0
"""DuckDB behind walls: it reads the files it was given and nothing else.

`mead.store.where` is the first wall against a query that wants more than rows; this is the second. Without
switching extensions off on every connection, an `s3://` path alone makes DuckDB try to download one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import duckdb

from mead.errors import StoreError
from mead.store.manifest import Manifest, Segment
from mead.store.rows import SQL_TYPES, STORE_COLUMNS
from mead.store.settings import StoreSettings

__all__ = ["connect", "events_sql", "files_sql", "quoted"]

_GLOB = set("*?[")


def quoted(text: str) -> str:
    """A string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def connect(
    settings: StoreSettings, *, files: Iterable[Path], spill: Path | None, writable: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection in memory that may read `files`, write below `writable`, and nothing else.

    Raises:
        StoreError: DuckDB does not start.
    """
    try:
        connection = duckdb.connect(
            ":memory:",
            config={
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "allow_community_extensions": "false",
                "allow_unsigned_extensions": "false",
                "threads": str(settings.query_threads),
                "memory_limit": f"{settings.query_memory_bytes // 1024}KiB",
                "temp_directory": str(spill) if spill else "",
            },
        )
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET allowed_paths = {_list(files)}")
        connection.execute(f"SET allowed_directories = {_list([writable] if writable else [])}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        raise StoreError(f"cannot start DuckDB: {error}") from error
    return connection


def _list(paths: Iterable[Path]) -> str:
    return "[" + ", ".join(quoted(str(path)) for path in paths) + "]"


def files_sql(paths: Iterable[Path]) -> str:
    """A table function call that reads exactly these files.

    Raises:
        StoreError: a path holds a character that DuckDB would take for a pattern.
    """
    listed = list(paths)
    for path in listed:
        if _GLOB & set(str(path)):
            raise StoreError(
                f"{path} holds one of * ? [, which DuckDB takes for a pattern: move the data directory"
            )
    return f"read_parquet({_list(listed)}, hive_partitioning = false)"


def events_sql(directory: Path, manifest: Manifest, segments: Iterable[Segment]) -> str:
    """A query for the rows of `segments` in today's columns; a column that a file lacks is NULL in it.

    Files of one layout are one scan, so that only the first footer of each is read when it is planned.
    """
    layouts: dict[str, list[Path]] = {}
    for segment in segments:
        layouts.setdefault(segment.layout, []).append(directory / segment.path)
    parts = [
        f"SELECT {_columns(set(manifest.layouts[layout]))} FROM {files_sql(paths)}"  # noqa: S608  # our own names
        for layout, paths in layouts.items()
    ]
    return " UNION ALL ".join(parts) if parts else f"SELECT {_columns(set())} WHERE false"


def _columns(present: set[str]) -> str:
    return ", ".join(
        f'"{column.name}"'
        if column.name in present
        else f'CAST(NULL AS {SQL_TYPES[column.type]}) AS "{column.name}"'
        for column in STORE_COLUMNS
    )
