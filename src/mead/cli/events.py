# SPDX-License-Identifier: Apache-2.0
"""`mead events`: what was observed, one row an event."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mead.cli.listing import listing_options
from mead.cli.output import defang, emit
from mead.cli.stored import note_unfetched, snapshot

if TYPE_CHECKING:
    from mead.store.reader import Snapshot

__all__ = ["command"]

_POLL_SECONDS = 0.5
_ENVELOPE = {
    "time",
    "kind",
    "sensor",
    "session",
    "src",
    "src_port",
    "dst",
    "dst_port",
    "transport",
    "service",
}
_HIDDEN = {*_ENVELOPE, "stream", "seq", "idx", "parent", "origin"}


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
    """List events: the newest --limit of them, oldest first."""
    stored = snapshot(ctx)
    chosen = stored.select(where, since=since, until=until, limit=limit, kinds=kinds, newest_first=True)
    rows: Iterator[dict[str, Any]] = reversed(list(chosen))
    if follow:
        note_unfetched(ctx, stored)
        _follow(ctx, stored, rows, output, where=where, kinds=kinds)
        return
    emit(map(_readable, rows) if output == "table" else rows, output)
    note_unfetched(ctx, stored)


def _follow(
    ctx: click.Context, stored: Snapshot, rows: Iterator[dict[str, Any]], output: str, **chosen: Any
) -> None:
    """Show what is there, then what comes, until interrupted."""
    lines = "jsonl" if output == "json" else output
    while True:
        emit(map(_readable, rows) if lines == "table" else rows, lines)
        position = stored.position
        stored.close()
        time.sleep(_POLL_SECONDS)
        stored = snapshot(ctx)
        rows = stored.select(after=position, **chosen)


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A row for people: the envelope in short, the kind's own fields in one column."""
    own = ", ".join(
        f"{name}={defang(value) if name == 'url' else value}"
        for name, value in row.items()
        if name not in _HIDDEN
    )
    return {
        "time": row["time"],
        "kind": row["kind"],
        "src": row.get("src"),
        "service": row.get("service"),
        "session": row.get("session"),
        "what": own,
    }
