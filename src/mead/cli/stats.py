# SPDX-License-Identifier: Apache-2.0
"""`mead stats`: the funnel, the services, the sources, and the reasons of loss."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mead.cli.listing import Moment
from mead.cli.output import emit, escape, output_option
from mead.cli.stored import note_unfetched, snapshot

if TYPE_CHECKING:
    from mead.store.stats import Stats

__all__ = ["command"]

_REASONS = 15
"""Reasons shown to people; a server chooses the words of some, and can choose many."""


_COLUMNS = ("group", "name", "value", "count", "sessions", "days", "bodies")


@click.command("stats")
@output_option
@click.option("--since", type=Moment(), help="From this time or age on.")
@click.option("--until", type=Moment(), help="Up to this time or age.")
@click.option("--top", type=click.IntRange(1, 1000), default=10, show_default=True, help="Sources to name.")
@click.pass_context
def command(
    ctx: click.Context, output: str, since: datetime | None, until: datetime | None, top: int
) -> None:
    """Count: sessions → malicious → offered → captured, with the reason of every loss.

    A session counts for every step up to the highest that it reached. Offers that gave no body are counted
    by their last reason.
    """
    from mead.store.stats import stats

    stored = snapshot(ctx)
    figures = stats(stored, since=since, until=until, top=top)
    if output == "table":
        _for_people(figures)
    else:
        emit(_rows(figures), output, _COLUMNS if output == "csv" else None)
    note_unfetched(ctx, stored)


def _rows(figures: Stats) -> Iterator[dict[str, Any]]:
    """One row a figure: group, name, count."""
    funnel = figures.funnel
    yield {"group": "period", "name": "first", "value": figures.first}
    yield {"group": "period", "name": "last", "value": figures.last}
    yield {"group": "total", "name": "events", "count": figures.events}
    yield {"group": "total", "name": "sources", "count": figures.sources}
    for step in ("sessions", "malicious", "offered", "captured", "offers", "fetched"):
        yield {"group": "funnel", "name": step, "count": getattr(funnel, step)}
    for group, counts in (
        ("no body because", funnel.left),
        ("kind", figures.kinds),
        ("service", figures.services),
        ("day", figures.days),
    ):
        for count in counts:
            yield {"group": group, "name": count.name, "count": count.count}
    for source in figures.top_sources:
        yield {"group": "source", "name": source.src, "count": source.events, "sessions": source.sessions,
               "days": source.days, "bodies": source.samples}  # fmt: skip


def _for_people(figures: Stats) -> None:
    funnel = figures.funnel
    if not figures.events:
        click.echo("no events in this period")
        return
    click.echo(
        f"{figures.events:,} events of {figures.sources:,} sources, "
        f"{figures.first:%Y-%m-%d %H:%M} to {figures.last:%Y-%m-%d %H:%M} UTC\n"
    )
    steps = ((name, getattr(funnel, name)) for name in ("sessions", "malicious", "offered", "captured"))
    click.echo("funnel (sessions)   " + "  →  ".join(f"{name} {count:,}" for name, count in steps))
    click.echo(f"offers              {funnel.offers:,}, of these fetched {funnel.fetched:,}")
    for left in funnel.left[:_REASONS]:
        click.echo(f"  no body because   {left.count:,}  {escape(left.name, max_characters=100)}")
    if rest := funnel.left[_REASONS:]:
        count = sum(left.count for left in rest)
        click.echo(f"  no body because   {count:,}  {len(rest):,} other reasons; -o json names them")
    for title, counts in (("service", figures.services), ("kind", figures.kinds)):
        click.echo()
        emit(({title: count.name, "events": count.count} for count in counts), "table")
    click.echo()
    emit(
        (
            {"src": source.src, "events": source.events, "sessions": source.sessions, "days": source.days,
             "bodies": source.samples}
            for source in figures.top_sources
        ),
        "table",
    )  # fmt: skip
