# SPDX-License-Identifier: Apache-2.0
"""`mead sessions`: who came, how long, and how far it went."""

from __future__ import annotations

from datetime import datetime

import click

from mead.cli.listing import listing_options
from mead.cli.output import emit
from mead.cli.stored import filtered, note_unfetched, rows_of, snapshot

__all__ = ["command"]

_COUNTS = {
    "logins": "login.attempt",
    "commands": "command.input",
    "requests": "request.received",
    "exploits": "exploit.seen",
    "offers": "offer.seen",
    "bodies": "sample.captured",
}

_QUERY = """
SELECT session, min("time") AS "time", any_value(sensor) AS sensor, any_value(service) AS service,
  any_value(src) AS src, any_value(src_port) AS src_port, any_value(dst) AS dst,
  any_value(dst_port) AS dst_port, any_value(parent) AS parent, max(duration_ms)
    FILTER (kind = 'session.close') AS duration_ms, {counts},
  any_value(reason) FILTER (kind = 'session.close') AS ended,
  any_value(transcript) AS transcript
FROM events
WHERE session IN (SELECT session FROM events WHERE session IS NOT NULL AND {test})
GROUP BY session ORDER BY "time" DESC LIMIT {limit}
"""


@click.command("sessions")
@listing_options
@click.pass_context
def command(
    ctx: click.Context,
    output: str,
    where: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
) -> None:
    """List sessions: the newest --limit of them, oldest first.

    --where chooses the sessions that have at least one event for which it holds.
    """
    stored = snapshot(ctx)
    test, parameters = filtered(where, since, until)
    counts = ", ".join(f"count(*) FILTER (kind = '{kind}') AS {name}" for name, kind in _COUNTS.items())
    query = _QUERY.format(counts=counts, test=test, limit=int(limit))
    emit(reversed(list(rows_of(stored, query, parameters))), output)
    note_unfetched(ctx, stored)
