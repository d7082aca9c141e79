# SPDX-License-Identifier: Apache-2.0
"""`mead events`: what was observed, one row an event."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from mead.cli.listing import listing_options
from mead.cli.output import defang, emit, escape
from mead.cli.stored import note_empty, note_unfetched, stored_events
from mead.errors import ConfigError

if TYPE_CHECKING:
    from mead.store.reader import Snapshot, StoredEvents

__all__ = ["command"]

_POLL_SECONDS = 0.5


@click.command("events")
@listing_options
@click.option("--kind", "kinds", multiple=True, help="Only this kind of event; may be repeated.")
@click.option("-f", "--follow", is_flag=True, help="Go on showing events as they are stored.")
@click.pass_context
def command(
    ctx: click.Context,
    output: str,
    where: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    kinds: tuple[str, ...],
    follow: bool,
) -> None:
    """List events: the newest --limit of them, oldest first.

    With -f a table becomes one line an event, and json becomes jsonl.
    """
    _refuse_unknown(kinds)
    store = stored_events(ctx)
    stored = store.snapshot()
    chosen = stored.select(where, since=since, until=until, limit=limit, kinds=kinds, newest_first=True)
    rows: Iterator[dict[str, Any]] = reversed(list(chosen))
    columns = _columns(kinds) if output == "csv" else None
    if follow:
        note_unfetched(ctx, stored)
        _follow(store, stored, rows, output, columns, where=where, kinds=kinds)
        return
    count = emit(map(_readable, rows) if output == "table" else rows, output, columns)
    note_empty(count, output, "events")
    note_unfetched(ctx, stored)


def _refuse_unknown(kinds: Sequence[str]) -> None:
    from mead.model.catalogue import KINDS

    for kind in kinds:
        if kind not in KINDS:
            near = get_close_matches(kind, KINDS, 1)
            hint = f"did you mean {near[0]}?" if near else "`mead explain events` lists them"
            raise ConfigError(f"--kind: no event is called {kind!r}; {hint}")


def _columns(kinds: Sequence[str]) -> list[str]:
    """The same columns whichever events there are: those of the chosen kinds, or of all."""
    from mead.model.catalogue import ENVELOPE, KINDS, columns_of

    own = (column.name for kind in kinds or KINDS for column in columns_of(KINDS[kind]))
    return list(dict.fromkeys((*(column.name for column in ENVELOPE), *own, "stream", "seq", "idx")))


def _follow(
    store: StoredEvents,
    stored: Snapshot,
    rows: Iterator[dict[str, Any]],
    output: str,
    columns: list[str] | None,
    **chosen: Any,
) -> None:
    """Show what is there, then what comes, until interrupted."""
    first = True
    while True:
        if output == "table":
            for row in rows:
                click.echo(_line(row))
        else:
            emit(rows, "jsonl" if output == "json" else output, columns, header=first)
        first = False
        position = stored.position
        stored.close()
        time.sleep(_POLL_SECONDS)
        stored = store.snapshot()
        rows = stored.select(after=position, **chosen)


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    from mead.cli.words import row_for_people

    return row_for_people(row)


def _line(row: dict[str, Any]) -> str:
    """The same as one line, which needs to know nothing of the others."""
    from mead.cli.words import summary

    src, service, session = (escape(row.get(name) or "-") for name in ("src", "service", "session"))
    when = row["time"].strftime("%Y-%m-%d %H:%M:%S")
    return f"{when}  {row['kind']:<17} {defang(src):<21} {service:<7} {session:<20}  {summary(row)}"
