# SPDX-License-Identifier: Apache-2.0
"""Opening the store for listings, and the one note that each of them owes the reader."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mead.cli.context import settings

if TYPE_CHECKING:
    from mead.store.catalogue import Catalogue
    from mead.store.reader import Snapshot, StoredEvents

__all__ = ["catalogue", "filtered", "note_empty", "note_unfetched", "rows_of", "snapshot", "stored_events"]


def stored_events(ctx: click.Context) -> StoredEvents:
    """The event store of the data directory, for reading."""
    from mead.deck.layout import Layout
    from mead.store.reader import StoredEvents

    tree = settings(ctx)
    return StoredEvents(Layout(tree.data_dir).events, tree.store)


def snapshot(ctx: click.Context) -> Snapshot:
    """The event store as it is now.

    Raises:
        StoreError: there is none yet, or it cannot be read.
    """
    return stored_events(ctx).snapshot()


def catalogue(ctx: click.Context) -> Catalogue:
    """The catalogue, for reading.

    Raises:
        StoreError: there is none yet, or it cannot be read.
    """
    from mead.deck.settings import catalogue_of
    from mead.errors import StoreError
    from mead.store.catalogue import Catalogue

    place = catalogue_of(settings(ctx))
    if isinstance(place, Path) and not place.exists():
        raise StoreError(
            f"there is no catalogue at {place} yet: start the deck with `mead run`, or `mead demo`"
        )
    return Catalogue.open(place)


def filtered(where: str | None, since: datetime | None, until: datetime | None) -> tuple[str, list[Any]]:
    """The test of a query over events, and its parameters.

    Raises:
        ConfigError: `where` is refused; names the place.
    """
    from mead.store.where import parse_where

    tests = ["true"]
    parameters: list[Any] = []
    for moment, comparison in ((since, ">="), (until, "<")):
        if moment is not None:
            tests.append(f'"time" {comparison} ?')
            parameters.append(moment)
    if where is not None:
        condition = parse_where(where)
        tests.append(f"({condition.sql})")
        parameters += condition.parameters
    return " AND ".join(tests), parameters


def rows_of(stored: Snapshot, query: str, parameters: list[Any]) -> Iterator[dict[str, Any]]:
    """The rows of a query of ours over the store, absent values left out.

    Raises:
        ConfigError: the part of the query that the user gave fails on the data.
        StoreError: a file of the store cannot be read.
    """
    import duckdb

    connection = stored.connect()
    try:
        cursor = connection.execute(query, parameters)
        names = [column[0] for column in cursor.description or ()]
        for values in cursor.fetchall():
            yield {name: value for name, value in zip(names, values, strict=True) if value is not None}
    except duckdb.Error as error:
        raise stored.explained(error) from error
    finally:
        connection.close()


def note_empty(count: int, output: str, what: str) -> None:
    """Say to people that there is nothing; a machine sees it."""
    if not count and output == "table":
        click.echo(f"no {what} here", err=True)


def note_unfetched(ctx: click.Context, stored: Snapshot) -> None:
    """Say how many offers were left because the egress policy was `observe`, if any were.

    Each of them is one `fetch.refused`: under that policy nothing is tried twice.
    """
    query = "SELECT count(*) AS count FROM events WHERE kind = 'fetch.refused' AND policy = 'observe'"
    left = next(rows_of(stored, query, []))["count"]
    if not left:
        return
    observing = settings(ctx).egress.policy == "observe"
    click.echo(
        f"{left} {'offer was' if left == 1 else 'offers were'} recorded and not fetched because the egress "
        f"policy was observe{'; `mead init` changes it' if observing else ''}",
        err=True,
    )
