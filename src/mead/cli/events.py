# SPDX-License-Identifier: Apache-2.0
"""`mead events`: what was observed, one row an event."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from difflib import get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from mead.cli.listing import listing_options
from mead.cli.output import defang, emit, escape, short_session
from mead.cli.stored import filtered, note_empty, note_unfetched, rows_of, stored_events
from mead.errors import ConfigError

if TYPE_CHECKING:
    from mead.store.reader import Snapshot, StoredEvents

__all__ = ["command"]

_POLL_SECONDS = 0.5
_HELD_EVENTS = 20_000


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
    rows = _newest(stored, limit, where=where, since=since, until=until, kinds=kinds)
    columns = _columns(kinds) if output == "csv" else None
    if follow:
        note_unfetched(ctx, stored)
        _follow(store, stored, rows, output, columns, where=where, kinds=kinds)
        return
    count = emit(map(_readable, rows) if output == "table" else rows, output, columns)
    note_empty(count, output, "events")
    note_unfetched(ctx, stored)


def _newest(stored: Snapshot, limit: int, **chosen: Any) -> Iterator[dict[str, Any]]:
    """The newest events, oldest first. Memory does not grow with a limit beyond a screen's worth."""
    rows: Iterator[dict[str, Any]]
    if limit <= _HELD_EVENTS:
        rows = reversed(list(stored.select(limit=limit, newest_first=True, **chosen)))
    else:
        rows = islice(stored.select(**chosen), max(0, _count(stored, **chosen) - limit), None)
    return rows


def _count(
    stored: Snapshot,
    where: str | None,
    since: datetime | None,
    until: datetime | None,
    kinds: Sequence[str],
) -> int:
    test, parameters = filtered(where, since, until)
    if kinds:
        test += f" AND kind IN ({', '.join('?' * len(kinds))})"
        parameters += kinds
    query = f"SELECT count(*) AS count FROM events WHERE {test}"  # noqa: S608 - `test` is written by us
    rows = rows_of(stored, query, parameters)
    return int(next(rows)["count"])


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

    src, service = (escape(row.get(name) or "-") for name in ("src", "service"))
    session = short_session(row.get("session") or "-")
    when = row["time"].strftime("%Y-%m-%d %H:%M:%S")
    return f"{when}  {row['kind']:<17} {defang(src):<21} {service:<7} {session:<20}  {summary(row)}"
