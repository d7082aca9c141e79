# SPDX-License-Identifier: Apache-2.0
"""`mead samples`: the bodies that reached us, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from mead.cli.listing import listing_options
from mead.cli.output import emit
from mead.cli.stored import catalogue, filtered, note_empty, note_unfetched, rows_of, snapshot

if TYPE_CHECKING:
    from mead.store.catalogue import Queries

__all__ = ["command", "verdict_of"]

MAX_INSIDE = 200
_SCANNED = {"clean", "skipped", "failed"}
_COLUMNS = (
    "sha256", "size", "first_seen", "last_seen", "sightings", "sources", "how", "services", "name", "url",
    "type", "verdict",
)  # fmt: skip

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

    --where filters the sightings (`sample.captured`). The verdict is `found` (or `found inside`) with the
    engine's name for it, `nothing found` when every engine that looked found nothing in all of it, else `not
    analysed`, `skipped` or `failed`.
    """
    stored = snapshot(ctx)
    test, parameters = filtered(where, since, until)
    bodies = reversed(list(rows_of(stored, _QUERY.format(test=test, limit=int(limit)), parameters)))
    with catalogue(ctx) as known, known.ask() as queries:
        found = (_described(body, queries) for body in bodies)
        if output == "table":
            count = emit(map(_readable, found), output)
        else:
            count = emit(found, output, _COLUMNS if output == "csv" else None)
    note_empty(count, output, "samples")
    note_unfetched(ctx, stored)


def _readable(sample: dict[str, Any]) -> dict[str, Any]:
    """A row for people: what fits on a screen."""
    return {
        "last seen": sample["last_seen"],
        "sha256": sample["sha256"],
        "size": sample["size"],
        "type": sample["type"],
        "verdict": sample["verdict"],
        "seen": f"{sample['sightings']} from {sample['sources']}",
        "by": f"{sample.get('services', '')} {sample.get('how', '')}".strip(),
        "url or name": sample.get("url") or sample.get("name"),
    }


def _described(body: dict[str, Any], queries: Queries) -> dict[str, Any]:
    findings = queries.findings(body["sha256"]).rows
    kind = next((finding.value for finding in findings if finding.claim == "type"), None)
    return {**body, "type": kind, "verdict": verdict_of(body["sha256"], queries)}


def verdict_of(sha256: str, queries: Queries) -> str:
    """One word or two for a sample and what is in it; what was not looked at never reads as harmless."""
    last = _last_scans(sha256, queries)
    if not last:
        return "not analysed"
    if "found" in last.values():
        return _found("found", sha256, last, queries)
    scanners = {verdict for verdict in last.values() if verdict in _SCANNED}
    for inner in _inside(sha256, queries):
        scans = _last_scans(inner, queries)
        if "found" in scans.values():
            return _found("found inside", inner, scans, queries)
        scanners |= {verdict for verdict in scans.values() if verdict in _SCANNED}
    for word in ("failed", "skipped"):
        if word in scanners:
            return word
    return "nothing found" if "clean" in scanners else "no scanner looked"


def _last_scans(sha256: str, queries: Queries) -> dict[str, str]:
    """Each engine's last word on a body."""
    return {scan.engine: scan.verdict for scan in queries.scan_history(sha256).rows}


def _found(words: str, sha256: str, last: dict[str, str], queries: Queries) -> str:
    names = [
        finding.value or finding.claim
        for finding in queries.findings(sha256).rows
        if last.get(finding.analyser) == "found" and finding.rule
    ]
    return f"{words}: {', '.join(dict.fromkeys(names))}" if names else words


def _inside(sha256: str, queries: Queries) -> Iterator[str]:
    """Bodies that came out of this one, at any depth; at most `MAX_INSIDE`."""
    waiting, seen = [sha256], {sha256}
    while waiting:
        for edge in queries.children(waiting.pop(0)).rows:
            if edge.sha256 not in seen and len(seen) <= MAX_INSIDE:
                seen.add(edge.sha256)
                waiting.append(edge.sha256)
                yield edge.sha256
