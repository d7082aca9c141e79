# SPDX-License-Identifier: Apache-2.0
"""`mead import`: the logs of other honeypots, as events."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mead.cli.context import settings
from mead.cli.output import emit, output_option
from mead.cli.progress import Progress

if TYPE_CHECKING:
    from mead.deck.foreign import Taken
    from mead.deck.settings import Settings

__all__ = ["command"]


@click.command("import")
@click.argument("kind")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--sensor", help="Name of the sensor that the events get; default: the kind.")
@output_option
@click.pass_context
def command(ctx: click.Context, kind: str, files: tuple[Path, ...], sensor: str | None, output: str) -> None:
    """Take in FILES written by another honeypot: cowrie, dionaea, heralding, honeytrap.

    Plain or gzip. Prints the events added per kind, the duplicates left out and the broken lines; importing
    the same records again adds nothing.
    """
    from mead.sensors.logs import LOGS

    LOGS.load(kind)
    for path in files:
        taken = asyncio.run(_one(settings(ctx), kind, path, sensor or kind))
        rows = [
            {"file": str(path), "what": name, "count": count} for name, count in sorted(taken.kinds.items())
        ]
        rows.append({"file": str(path), "what": "events added", "count": taken.events})
        rows.append({"file": str(path), "what": "duplicates left out", "count": taken.duplicates})
        rows += [
            {"file": str(path), "what": f"broken: {reason}", "count": count}
            for reason, count in taken.broken.items()
        ]
        emit(rows, output)


async def _one(tree: Settings, kind: str, path: Path, sensor: str) -> Taken:
    from mead.deck.embedded import way_in
    from mead.deck.foreign import take_in
    from mead.errors import InputError
    from mead.sensors.logs import read

    try:
        with path.open("rb") as stream, Progress(f"importing {path.name}") as progress:
            async with way_in(tree) as way:
                return await take_in(way, sensor, read(kind, stream, sensor), progress.step)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
