# SPDX-License-Identifier: Apache-2.0
"""What is known of every body, in SQL: samples, how they came, what came out of them, what was found.

The catalogue is made from events and can be made again from those that are kept. It is SQLite in one file
on one machine and PostgreSQL when that is outgrown; the schema and the statements are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Self

from sqlalchemy import Engine

from mead.store.catalogue.database import open_engine, reading, writing
from mead.store.catalogue.forgetting import Forgotten, forget
from mead.store.catalogue.project import Projected, Projection, Sequenced, lock_out_other_writers
from mead.store.catalogue.queries import Queries
from mead.store.catalogue.rows import (
    Detection,
    Edge,
    Finding,
    Indicator,
    Offer,
    Page,
    Sample,
    Scan,
    Sighting,
    UrlBody,
)  # fmt: skip

__all__ = [
    "Catalogue", "Detection", "Edge", "Finding", "Forgotten", "Indicator", "Offer", "Page", "Projected",
    "Queries", "Sample", "Scan", "Sequenced", "Sighting", "UrlBody",
]  # fmt: skip


class Catalogue:
    """An open catalogue; blocking, one instance may be used by several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, place: str | Path) -> Self:
        """Open a catalogue by file or URL; made, or brought to the newest schema, where needed.

        Raises:
            ConfigError: the URL cannot be understood.
            MissingTool: the driver of that database is not installed.
            StoreError: it cannot be reached, or a newer MEAD has written it.
        """
        return cls(open_engine(place))

    def apply(self, events: Sequence[Sequenced]) -> Projected:
        """Take events into the tables; what was applied before is skipped.

        Events of one stream must come in the order of their sequence.
        """
        with writing(self._engine) as connection:
            return Projection().apply(connection, events)

    def forget(self, before: datetime) -> Forgotten:
        """Forget who came before a moment; samples and what is known of them stay."""
        with writing(self._engine) as connection:
            lock_out_other_writers(connection)
            return forget(connection, before)

    def samples(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        detected: bool | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Page[Sample]:
        """Samples, the last seen first."""
        with self.ask() as queries:
            return queries.samples(since=since, until=until, detected=detected, limit=limit, after=after)

    def sample(self, sha256: str) -> Sample | None:
        """One sample."""
        with self.ask() as queries:
            return queries.sample(sha256)

    def findings(self, sha256: str, *, limit: int = 1000, after: str | None = None) -> Page[Finding]:
        """What is claimed of a body."""
        with self.ask() as queries:
            return queries.findings(sha256, limit=limit, after=after)

    def scan_history(self, sha256: str, *, limit: int = 1000, after: str | None = None) -> Page[Scan]:
        """Every scan of a body, the first first."""
        with self.ask() as queries:
            return queries.scan_history(sha256, limit=limit, after=after)

    def time_to_detection(self, sha256: str) -> list[Detection]:
        """Per engine, how long it took to know a sample."""
        with self.ask() as queries:
            return queries.time_to_detection(sha256)

    def seen_origins(self, origins: Iterable[str]) -> set[str]:
        """Which of these foreign records were imported already."""
        with self.ask() as queries:
            return queries.seen_origins(origins)

    @contextmanager
    def ask(self) -> Iterator[Queries]:
        """All questions, and several of them to one state of the catalogue."""
        with reading(self._engine) as connection:
            yield Queries(connection)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
