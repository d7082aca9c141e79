from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mead.model.event import SessionOpen
from mead.store.rows import LAYOUT, SCHEMA, by_day, table_of
from mead.store.segments import file_name, write_segment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def _write(directory: Path, **options: int) -> tuple[Path, object]:
    (directory / "tmp").mkdir(exist_ok=True)
    events = [SessionOpen(time=NOON.replace(second=at), sensor="a", src="192.0.2.1") for at in range(10)]
    table = table_of([("s", 5, events), ("s", 3, events), ("t", 9, events[:1])])
    day, part = next(by_day(table))
    segment = write_segment(directory, day, part, generation=4, row_group_rows=options.get("rows", 1000))
    return directory / segment.path, segment


def test_a_segment_says_what_is_in_it(tmp_path: Path) -> None:
    path, segment = _write(tmp_path)
    assert segment.rows == 21  # type: ignore[attr-defined]
    assert segment.day == "2026-03-01"  # type: ignore[attr-defined]
    assert segment.sequences == {"s": (3, 5), "t": (9, 9)}  # type: ignore[attr-defined]
    assert segment.first_time == NOON  # type: ignore[attr-defined]
    assert segment.last_time == NOON.replace(second=9)  # type: ignore[attr-defined]
    assert segment.layout == LAYOUT  # type: ignore[attr-defined]
    assert segment.size_bytes == path.stat().st_size  # type: ignore[attr-defined]
    assert path.parent.name == "day=2026-03-01"
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_file_is_plain_parquet_that_other_engines_read(tmp_path: Path) -> None:
    path, _ = _write(tmp_path, rows=7)
    file = pq.ParquetFile(path)
    assert file.schema_arrow.remove_metadata() == SCHEMA
    assert file.num_row_groups == 3
    group = file.metadata.row_group(0)
    columns = {group.column(at).path_in_schema: group.column(at) for at in range(group.num_columns)}
    assert columns["seq"].compression == "ZSTD"
    assert "DELTA_BINARY_PACKED" in columns["seq"].encodings
    assert str(columns["src"].physical_type) == "BYTE_ARRAY"


def test_nothing_is_left_when_it_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        _write(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_names_never_repeat() -> None:
    assert len({file_name("raw", 1) for _ in range(1000)}) == 1000
