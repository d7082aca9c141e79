# SPDX-License-Identifier: Apache-2.0
"""Writing segments: an Arrow table becomes a Parquet file that is whole, named and on disk."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mead.store.durable import publish
from mead.store.manifest import Segment
from mead.store.rows import LAYOUT, STORE_COLUMNS

__all__ = ["describe", "file_name", "write_segment"]

COMPRESSION_LEVEL = 3
_DELTA = ("time", "seq", "idx", "last_time")
_DICTIONARY = [column.name for column in STORE_COLUMNS if column.name not in _DELTA and column.type != "bool"]


def file_name(tier: str, generation: int) -> str:
    """A name that no other file of the store ever has, readable for people."""
    return f"{tier}-{generation:08d}-{secrets.token_hex(4)}.parquet"


def describe(table: pa.Table) -> tuple[datetime, datetime, dict[str, tuple[int, int]]]:
    """Earliest and latest time, and per stream the lowest and highest sequence, of a table's rows."""
    times = pc.min_max(table["time"]).as_py()
    ranges = table.group_by("stream").aggregate([("seq", "min"), ("seq", "max")]).to_pylist()
    return (
        times["min"].astimezone(UTC),
        times["max"].astimezone(UTC),
        {row["stream"]: (row["seq_min"], row["seq_max"]) for row in ranges},
    )


def write_segment(
    directory: Path, day: str, table: pa.Table, *, generation: int, row_group_rows: int
) -> Segment:
    """Write one day's rows as a new segment, durably. Nobody sees it before the manifest lists it.

    Raises:
        OSError: it could not be written; nothing is left of it.
    """
    name = file_name("raw", generation)
    temporary, final = directory / "tmp" / name, directory / f"day={day}" / name
    try:
        pq.write_table(
            table,
            temporary,
            compression="zstd",
            compression_level=COMPRESSION_LEVEL,
            row_group_size=row_group_rows,
            use_dictionary=_DICTIONARY,
            column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
        )
        publish(temporary, final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        final.unlink(missing_ok=True)
        raise
    first, last, sequences = describe(table)
    return Segment(
        path=str(final.relative_to(directory)),
        day=day,
        level=0,
        rows=table.num_rows,
        size_bytes=final.stat().st_size,
        first_time=first,
        last_time=last,
        layout=LAYOUT,
        sequences=sequences,
    )
