from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mead.errors import StoreError
from mead.store.connection import connect, files_sql, quoted
from mead.store.settings import StoreSettings

SETTINGS = StoreSettings()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    listed, other = tmp_path / "it's listed.parquet", tmp_path / "other.parquet"
    for path in (listed, other):
        pq.write_table(pa.table({"a": [1, 2, 3]}), path)
    return listed, other


def test_the_listed_file_is_read(files: tuple[Path, Path]) -> None:
    connection = connect(SETTINGS, files=[files[0]], spill=None)
    assert connection.execute(f"SELECT sum(a) FROM {files_sql([files[0]])}").fetchall() == [(6,)]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_parquet('{other}')",
        "SELECT * FROM '{other}'",
        "SELECT * FROM glob('{folder}/*')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_blob('/proc/self/environ')",
        "SELECT * FROM 's3://bucket/x.parquet'",
        "SELECT * FROM 'https://192.0.2.1/x.parquet'",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "COPY (SELECT 1) TO '{listed}' (FORMAT parquet)",
        "ATTACH '{folder}/x.db'",
        "EXPORT DATABASE '{folder}/export'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "SET allowed_paths = ['/etc/passwd']",
        "SET threads = 64",
        "SET temp_directory = '/tmp'",
        "RESET memory_limit",
    ],
)
def test_nothing_else_is_possible(files: tuple[Path, Path], query: str) -> None:
    listed, other = files
    connection = connect(SETTINGS, files=[listed], spill=None)
    text = query.format(other=other, folder=other.parent, listed=quoted(str(listed))[1:-1])
    with pytest.raises(duckdb.Error):
        connection.execute(text).fetchall()
    assert sorted(path.name for path in other.parent.iterdir()) == ["it's listed.parquet", "other.parquet"]
    assert pq.read_table(listed).num_rows == 3


def test_only_the_given_directory_is_writable(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    outside.mkdir()
    connection = connect(SETTINGS, files=[], spill=None, writable=inside)
    connection.execute(f"COPY (SELECT 1 AS a) TO '{inside}/x.parquet' (FORMAT parquet)")
    for path in (outside / "x.parquet", inside / ".." / "out" / "y.parquet"):
        with pytest.raises(duckdb.Error):
            connection.execute(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT parquet)")
    assert list(outside.iterdir()) == []


def test_times_are_utc_and_the_settings_hold() -> None:
    settings = StoreSettings(query_threads=1, query_memory_bytes=64 << 20)
    connection = connect(settings, files=[], spill=None)
    values = dict(
        connection.execute(
            "SELECT name, value FROM duckdb_settings() WHERE name IN ('TimeZone', 'threads', 'memory_limit')"
        ).fetchall()
    )
    assert values == {"TimeZone": "UTC", "threads": "1", "memory_limit": "64.0 MiB"}


@pytest.mark.parametrize("name", ["a*b", "a?b", "a[b]"])
def test_a_path_that_would_be_a_pattern_is_refused(name: str) -> None:
    with pytest.raises(StoreError, match="takes for a pattern"):
        files_sql([Path("/data") / name / "x.parquet"])
