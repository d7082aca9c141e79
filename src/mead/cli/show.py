# SPDX-License-Identifier: Apache-2.0
"""`mead show`: everything known of one sample, session or event."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mead.cli.context import settings
from mead.cli.output import defang, emit, escape, plain
from mead.cli.samples import verdict_of
from mead.cli.stored import catalogue, note_unfetched, snapshot
from mead.errors import ConfigError

if TYPE_CHECKING:
    from mead.store.catalogue import Queries
    from mead.store.reader import Snapshot

__all__ = ["command"]

_DIGEST = re.compile(r"[0-9a-fA-F]{6,64}")


@click.command("show")
@click.argument("what")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option(
    "--transcript", type=click.Path(path_type=Path, dir_okay=False), help="Write the session's recording."
)
@click.option(
    "--body", type=click.Path(path_type=Path, dir_okay=False), help="Write the sample's bytes. Malware!"
)
@click.pass_context
def command(ctx: click.Context, what: str, output: str, transcript: Path | None, body: Path | None) -> None:
    """Show WHAT whole: the sha256 (or its first digits) of a sample, or the id of a session.

    A session's recording plays with `asciinema play FILE`. A body is written without any x bit; it is what
    an attacker sent.
    """
    stored = snapshot(ctx)
    events = _session(stored, what)
    if events:
        _show({"session": what, "events": events}, output)
        note_unfetched(ctx, stored)
        _write(ctx, _transcript(events), transcript, "transcript")
        return
    with catalogue(ctx) as known, known.ask() as queries:
        digest = _digest(queries, what)
        _show(_sample(queries, digest), output)
    note_unfetched(ctx, stored)
    _write(ctx, digest, body, "body")


def _session(stored: Snapshot, what: str) -> list[dict[str, Any]]:
    quoted = what.replace("'", "''")
    return list(stored.select(f"session = '{quoted}' or parent = '{quoted}'", limit=100_000))


def _digest(queries: Queries, what: str) -> str:
    if not _DIGEST.fullmatch(what):
        raise ConfigError(
            f"{escape(what)!r} is no session of this store, and no sha256 (or its first 6 digits)"
        )
    found = queries.matching(what)
    if not found:
        raise ConfigError(f"no session, sample or artifact begins with {what}")
    if len(found) > 1:
        raise ConfigError(f"{what} is the beginning of several: {', '.join(found)}")
    return found[0]


def _sample(queries: Queries, digest: str) -> dict[str, Any]:
    from msgspec import to_builtins

    def rows(page: Any) -> list[dict[str, Any]]:
        return [to_builtins(row) for row in page.rows]

    sample = queries.sample(digest)
    return {
        "sha256": digest,
        "verdict": verdict_of(digest, queries),
        "sample": to_builtins(sample) if sample else None,
        "sightings": rows(queries.sightings(digest)),
        "came out of": rows(queries.parents(digest)),
        "contains": rows(queries.children(digest)),
        "findings": rows(queries.findings(digest)),
        "indicators": rows(queries.indicators(digest)),
        "scans": rows(queries.scan_history(digest)),
        "time to detection": [to_builtins(row) for row in queries.time_to_detection(digest)],
        "served by": rows(queries.urls_of(digest)),
    }


def _transcript(events: list[dict[str, Any]]) -> str | None:
    return next((event["transcript"] for event in events if event.get("transcript")), None)


def _write(ctx: click.Context, digest: str | None, path: Path | None, what: str) -> None:
    """Write a body of the store to a file that must not be there yet."""
    if path is None:
        return
    if digest is None:
        raise ConfigError(f"this session has no {what}")
    from mead.deck.layout import Layout
    from mead.store.bodies import BodyStore

    data = BodyStore(Layout(settings(ctx).data_dir).bodies).read(digest)
    try:
        with path.open("xb") as stream:
            stream.write(data)
        path.chmod(0o600)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; choose a file that is not there yet") from error
    click.echo(f"wrote {len(data)} bytes to {path}", err=True)


def _show(record: dict[str, Any], output: str) -> None:
    if output == "json":
        click.echo(json.dumps(record, default=plain, indent=1))
        return
    for key, value in record.items():
        if isinstance(value, list):
            if value:
                click.echo(f"\n{key} ({len(value)})")
                for row in value:
                    click.echo(
                        "  " + "  ".join(f"{name}={_readable(name, cell)}" for name, cell in _own(row))
                    )
        elif isinstance(value, dict):
            emit([value], "table")
        elif value is not None:
            click.echo(f"{key}: {escape(str(value), max_characters=400)}")


_NOISE = {
    "stream",
    "seq",
    "sequence",
    "idx",
    "event_index",
    "finding",
    "entry",
    "edge",
    "sha256",
    "sensor",
    "session",
}


def _own(row: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, cell) for name, cell in row.items() if cell not in (None, [], "") and name not in _NOISE]


def _readable(name: str, cell: Any) -> str:
    shown = escape(str(plain(cell)), max_characters=400)
    return defang(shown) if name in {"url", "indicator"} else shown
