# SPDX-License-Identifier: Apache-2.0
"""`mead show`: everything known of one sample, session or event."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mead.cli.context import settings
from mead.cli.output import defang, defang_text, emit, escape, plain
from mead.cli.samples import verdict_of
from mead.cli.stored import catalogue, note_unfetched, rows_of, snapshot
from mead.errors import ConfigError

if TYPE_CHECKING:
    from mead.store.catalogue import Queries
    from mead.store.reader import Snapshot

__all__ = ["command"]

_DIGEST = re.compile(r"[0-9a-fA-F]{6,64}")
_DIGEST_DIGITS = 64
_ID = re.compile(r"[0-9A-Za-z_:.-]{6,100}")
_SESSIONS = "SELECT DISTINCT session FROM events WHERE starts_with(session, ?) ORDER BY session LIMIT 10"
_MOST_EVENTS = 100_000
_MOST_ROWS = 10_000


@click.command("show")
@click.argument("what")
@click.option(
    "-o", "--output", type=click.Choice(["table", "json", "jsonl"]),
    default=lambda: "table" if sys.stdout.isatty() else "json",
    show_default="table on a terminal, json in a pipe", help="Format.",
)  # fmt: skip
@click.option(
    "--transcript", type=click.Path(path_type=Path, dir_okay=False), help="Write the session's recording."
)
@click.option(
    "--body", type=click.Path(path_type=Path, dir_okay=False), help="Write the sample's bytes. Malware!"
)
@click.pass_context
def command(ctx: click.Context, what: str, output: str, transcript: Path | None, body: Path | None) -> None:
    """Show WHAT whole: a sample by its sha256, a session by its id; the beginning of either is enough.

    What is kept and no sample (a request's body, a payload) is shown by its whole sha256. A session's
    recording plays with `asciinema play FILE`. A body is written without any x bit; it is what an attacker
    sent.
    """
    stored = snapshot(ctx)
    session, events = _session(stored, what)
    if events:
        _refuse(body, "--body", "a session", "its samples have bodies")
        _show({"session": session, "events": events}, output)
        note_unfetched(ctx, stored)
        _write(ctx, _transcript(events), transcript)
        return
    _refuse(transcript, "--transcript", "a sample", "its sessions have transcripts")
    with catalogue(ctx) as known, known.ask() as queries:
        payload = _payload(queries, stored, what)
        digest = what.lower() if payload else _digest(queries, what)
        _show(payload or _sample(queries, digest), output)
    note_unfetched(ctx, stored)
    _write(ctx, digest, body)


def _refuse(path: Path | None, option: str, what: str, instead: str) -> None:
    if path is not None:
        raise ConfigError(f"{option} does not go with {what}; {instead}")


def _session(stored: Snapshot, what: str) -> tuple[str, list[dict[str, Any]]]:
    """The session's id and its events; none when there is no such session."""
    found = list(rows_of(stored, _SESSIONS, [what])) if _ID.fullmatch(what) else []
    names = [row["session"] for row in found]
    if what in names:
        names = [what]
    if len(names) > 1:
        raise ConfigError(f"{what} is the beginning of several sessions: {', '.join(names)}")
    if not names:
        return what, []
    test = f"session = '{names[0]}' or parent = '{names[0]}'"
    events = list(stored.select(test, limit=_MOST_EVENTS + 1))
    if len(events) > _MOST_EVENTS:
        click.echo(
            f'only the first {_MOST_EVENTS:,} events are shown; all: mead events --where "{test}"', err=True
        )
    return names[0], events[:_MOST_EVENTS]


def _digest(queries: Queries, what: str) -> str:
    if not _DIGEST.fullmatch(what):
        raise ConfigError(f"{what!r} is no session of this store, and no sha256 (or its first 6 digits)")
    found = queries.matching(what)
    if not found:
        raise ConfigError(f"no session, sample or artifact begins with {what}")
    if len(found) > 1:
        raise ConfigError(f"{what} is the beginning of several: {', '.join(found)}")
    return found[0]


def _payload(queries: Queries, stored: Snapshot, what: str) -> dict[str, Any] | None:
    """A body that was kept without being a sample: the events that name it."""
    if len(what) != _DIGEST_DIGITS or not _DIGEST.fullmatch(what) or queries.matching(what):
        return None
    digest = what.lower()
    events = list(stored.select(f"sha256 = '{digest}'", limit=_MOST_ROWS))
    return {"sha256": digest, "size": events[0]["size"], "events": events} if events else None


def _sample(queries: Queries, digest: str) -> dict[str, Any]:
    from msgspec import to_builtins

    sample = queries.sample(digest)
    return {
        "sha256": digest,
        "verdict": verdict_of(digest, queries),
        "sample": to_builtins(sample) if sample else None,
        "sightings": _every(queries.sightings, digest),
        "came out of": _every(queries.parents, digest),
        "contains": _every(queries.children, digest),
        "findings": _every(queries.findings, digest),
        "indicators": _every(queries.indicators, digest),
        "scans": _every(queries.scan_history, digest),
        "time to detection": [to_builtins(row) for row in queries.time_to_detection(digest)],
        "served by": _every(queries.urls_of, digest),
    }


def _every(ask: Callable[..., Any], digest: str) -> list[dict[str, Any]]:
    """All pages of a question about a body, up to a bound that is said when it is reached."""
    from msgspec import to_builtins

    found: list[dict[str, Any]] = []
    after: str | None = None
    while True:
        page = ask(digest, after=after)
        found += [to_builtins(row) for row in page.rows]
        after = page.next
        if after is None:
            return found
        if len(found) >= _MOST_ROWS:
            name = ask.__name__.replace("_", " ")
            click.echo(f"only the first {len(found):,} rows of {name} are shown", err=True)
            return found


def _transcript(events: list[dict[str, Any]]) -> str:
    for event in events:
        if event.get("transcript"):
            return str(event["transcript"])
    return ""


def _write(ctx: click.Context, digest: str, path: Path | None) -> None:
    """Write a body of the store to a file that must not be there yet."""
    if path is None:
        return
    if not digest:
        raise ConfigError("this session has no transcript: it did not end yet, or said nothing")
    from mead.deck.layout import Layout
    from mead.store.bodies import BodyStore

    data = BodyStore(Layout(settings(ctx).data_dir).bodies).read(digest)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(data)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; choose a file that is not there yet") from error
    click.echo(f"wrote {len(data)} bytes to {escape(str(path), max_characters=1_000)}", err=True)


def _show(record: dict[str, Any], output: str) -> None:
    if output != "table":
        click.echo(json.dumps(record, default=plain, indent=1 if output == "json" else None))
        return
    for key, value in record.items():
        if isinstance(value, list):
            _list(key, value)
        elif isinstance(value, dict):
            emit([value], "table")
        elif value is not None:
            click.echo(f"{key}: {escape(str(value), max_characters=400)}")


def _list(key: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    click.echo(f"\n{key} ({len(rows)})")
    for row in rows:
        click.echo("  " + "  ".join(_event(row) if "kind" in row and "time" in row else _cells(row)))


def _event(row: dict[str, Any]) -> Iterator[str]:
    from mead.cli.words import summary

    yield row["time"].strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    yield f"{row['kind']:<17}"
    yield summary(row, max_characters=400)


_NOISE = {
    "stream", "seq", "sequence", "idx", "event_index", "finding", "entry", "edge", "sha256", "sensor",
}  # fmt: skip


def _cells(row: dict[str, Any]) -> Iterator[str]:
    for name, cell in row.items():
        if cell not in (None, [], "") and name not in _NOISE:
            shown = escape(str(plain(cell)), max_characters=400)
            yield f"{name}={defang(shown) if name in {'url', 'indicator'} else defang_text(shown)}"
