# SPDX-License-Identifier: Apache-2.0
"""`mead samples`: the bodies that reached us, and what is known of each."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mead.cli.listing import listing_options
from mead.cli.output import emit
from mead.cli.stored import catalogue, filtered, note_unfetched, rows_of, snapshot

if TYPE_CHECKING:
    from mead.store.catalogue import Queries

__all__ = ["command", "verdict_of"]

_QUERY = """
SELECT sha256, any_value(size) AS size, min("time") AS first_seen, max("time") AS last_seen,
  count(*) AS sightings, count(DISTINCT src) AS sources, string_agg(DISTINCT how, ',' ORDER BY how) AS how,
  string_agg(DISTINCT service, ',' ORDER BY service) AS services,
  arg_max(name, "time") AS name, arg_max(url, "time") AS url
FROM events WHERE kind = 'sample.captured' AND {test}
GROUP BY sha256 ORDER BY last_seen DESC LIMIT {limit}
"""


@click.command("samples")
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
    """List captured bodies: the last seen --limit of them, oldest first.

    --where filters the sightings (`sample.captured`). The verdict is `found` with the engine's name for it,
    `nothing found` when every engine that looked found nothing, else `not analysed`, `skipped` or `failed`.
    """
    stored = snapshot(ctx)
    test, parameters = filtered(where, since, until)
    bodies = reversed(list(rows_of(stored, _QUERY.format(test=test, limit=int(limit)), parameters)))
    with catalogue(ctx) as known, known.ask() as queries:
        emit((_described(body, queries) for body in bodies), output)
    note_unfetched(ctx, stored)


def _described(body: dict[str, Any], queries: Queries) -> dict[str, Any]:
    findings = queries.findings(body["sha256"]).rows
    kind = next((finding.value for finding in findings if finding.claim == "type"), None)
    return {**body, "type": kind, "verdict": verdict_of(body["sha256"], queries)}


def verdict_of(sha256: str, queries: Queries) -> str:
    """One word or two for a sample; what was not looked at never reads as harmless."""
    last = {scan.engine: scan for scan in queries.scan_history(sha256).rows}
    if not last:
        return "not analysed"
    verdicts = {scan.verdict for scan in last.values()}
    if "found" in verdicts:
        names = [
            finding.value or finding.claim
            for finding in queries.findings(sha256).rows
            if finding.analyser in last and last[finding.analyser].verdict == "found" and finding.rule
        ]
        return f"found: {', '.join(dict.fromkeys(names))}" if names else "found"
    scanners = {scan.verdict for scan in last.values() if scan.verdict in {"clean", "skipped", "failed"}}
    for word in ("failed", "skipped"):
        if word in scanners:
            return word
    return "nothing found" if "clean" in scanners else "no scanner looked"
