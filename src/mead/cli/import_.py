# SPDX-License-Identifier: Apache-2.0
"""`mead import`: the logs of other honeypots, as events."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mead.cli.context import settings
from mead.cli.inputs import InputPath, SensorName, opened
from mead.cli.output import emit, escape, output_option
from mead.cli.progress import Progress
from mead.errors import InputError

if TYPE_CHECKING:
    from mead.deck.embedded import Way
    from mead.deck.foreign import Taken
    from mead.deck.settings import Settings

__all__ = ["command"]


@click.command("import")
@click.argument("kind")
@click.argument("files", nargs=-1, required=True, type=InputPath())
@click.option(
    "--sensor", type=SensorName(), help="Name of the sensor that the events get; default: the kind."
)
@output_option
@click.pass_context
def command(ctx: click.Context, kind: str, files: tuple[Path, ...], sensor: str | None, output: str) -> None:
    """Take in FILES written by another honeypot: cowrie, dionaea, heralding, honeytrap.

    Plain or gzip, `-` for standard input. Prints the events added per kind, the duplicates left out and the
    broken lines; importing the same records again adds nothing. Exit code 10: a file could not be read, or
    no record of that kind is in it; the others are taken in.
    """
    from mead.sensors.logs import LOGS

    LOGS.load(kind)
    taken, unread = asyncio.run(_all(settings(ctx), kind, files, sensor or kind))
    emit([row for path, result in taken for row in _rows(path, result)], output)
    for error in unread:
        click.echo(f"mead: {escape(str(error), max_characters=1_000)}", err=True)
    if unread:
        ctx.exit(InputError.exit_code)


def _rows(path: Path, taken: Taken) -> list[dict[str, Any]]:
    counts = {
        **dict(sorted(taken.kinds.items())),
        "events added": taken.events,
        "duplicates left out": taken.duplicates,
        "lines left out": taken.broken.total(),
        **{f"broken: {reason}": count for reason, count in taken.broken.items()},
    }
    return [{"file": str(path), "what": what, "count": count} for what, count in counts.items()]


async def _all(
    tree: Settings, kind: str, files: tuple[Path, ...], sensor: str
) -> tuple[list[tuple[Path, Taken]], list[InputError]]:
    from mead.deck.embedded import way_in

    done: list[tuple[Path, Taken]] = []
    unread: list[InputError] = []
    async with way_in(tree) as way:
        for path in files:
            try:
                done.append((path, await _one(way, kind, path, sensor)))
            except InputError as error:
                unread.append(error)
                continue
            if done[-1][1].nothing_known:
                unread.append(InputError(f"{path}: no record of a {kind} log is in it; is it another kind?"))
    return done, unread


async def _one(way: Way, kind: str, path: Path, sensor: str) -> Taken:
    from mead.deck.foreign import take_in
    from mead.sensors.logs import read

    try:
        with opened(path) as stream, Progress(f"importing {path.name}") as progress:
            return await take_in(way, sensor, read(kind, stream, sensor), progress.step)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
