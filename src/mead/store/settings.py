# SPDX-License-Identifier: Apache-2.0
"""What an operator may tune about the store."""

from __future__ import annotations

import msgspec

__all__ = ["StoreSettings"]


class StoreSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds and habits of the store.

    Attributes:
        catalogue: URL of the catalogue's database, for example postgresql://user@host/database with the
            password in ~/.pgpass; empty: an SQLite file in data_dir.
        retention_days: days for which events, sightings, offers and bodies that nothing else refers to
            (transcripts, requests) are kept; samples and what is known of them stay; 0 keeps everything.
        max_pending_events: events held in memory before `append` commits by itself.
        row_group_rows: rows per Parquet row group.
        merge_width: segments of one day and level that are merged into one of the next level.
        close_after_minutes: minutes after midnight UTC before a day is sorted and rolled up.
        grace_seconds: how long a replaced file stays for queries that already read it; longer than the
            longest query.
        query_threads: threads of one query or compaction.
        query_memory_bytes: memory of one query or compaction before it spills to disk.
    """

    catalogue: str = ""
    retention_days: int = 0
    max_pending_events: int = 200_000
    row_group_rows: int = 250_000
    merge_width: int = 16
    close_after_minutes: int = 30
    grace_seconds: int = 3600
    query_threads: int = 2
    query_memory_bytes: int = 1 << 30
