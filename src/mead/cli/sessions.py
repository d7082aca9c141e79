# SPDX-License-Identifier: Apache-2.0
"""`mead sessions`: who came, how long, and how far it went."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from mead.cli.listing import listing_options
from mead.cli.output import emit
from mead.cli.stored import filtered, note_empty, note_unfetched, rows_of, snapshot

__all__ = ["command"]

_COUNTS = {
    "logins": "login.attempt",
    "commands": "command.input",
    "requests": "request.received",
    "exploits": "exploit.seen",
    "offers": "offer.seen",
    "bodies": "sample.captured",
}

_ONE = {
    "logins": "login",
    "commands": "command",
    "requests": "request",
    "exploits": "exploit",
    "offers": "offer",
    "bodies": "body",
}
_ENVELOPE = (
    "session", "time", "sensor", "service", "src", "src_port", "dst", "dst_port", "parent", "duration_ms",
)  # fmt: skip

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
    rows = reversed(list(rows_of(stored, query, parameters)))
    columns = (*_ENVELOPE, *_COUNTS, "ended", "transcript")
    if output == "table":
        count = emit(map(_readable, rows), output)
    else:
        count = emit(rows, output, columns if output == "csv" else None)
    note_empty(count, output, "sessions")
    note_unfetched(ctx, stored)


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """A row for people: the counts that are not zero in one column."""
    done = (f"{row[name]} {name if row[name] > 1 else _ONE[name]}" for name in _COUNTS if row[name])
    return {
        "time": row["time"],
        "session": row["session"],
        "service": row.get("service"),
        "src": row.get("src"),
        "port": row.get("dst_port"),
        "seconds": f"{row['duration_ms'] / 1000:.1f}" if "duration_ms" in row else None,
        "what": ", ".join(done),
        "ended": row.get("ended"),
    }
