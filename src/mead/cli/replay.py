# SPDX-License-Identifier: Apache-2.0
"""`mead replay`: a packet capture, as if it came over the network."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mead.cli.context import settings
from mead.cli.inputs import InputPath, SensorName, regular
from mead.cli.output import emit, escape, output_option
from mead.cli.progress import Progress
from mead.errors import InputError

if TYPE_CHECKING:
    from mead.deck.playback import Playback
    from mead.deck.settings import Settings
    from mead.model.event import Event
    from mead.sensors.replay import ReplayCounts

__all__ = ["command"]


@click.command("replay")
@click.argument("files", nargs=-1, required=True, type=InputPath())
@click.option(
    "--sensor", type=SensorName(), default="replay", show_default=True,
    help="Name of the sensor that the events get.",
)  # fmt: skip
@click.option("--store", is_flag=True, help="Keep events and bodies in the store; twice adds nothing.")
@output_option
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], sensor: str, store: bool, output: str) -> None:
    """Play the peers' side of captures (pcap, pcapng) into the sensors' own dialogues.

    Prints the events that a sensor would have emitted, and on stderr what the capture held: packets,
    connections, sessions, bytes that are missing. Offers are recorded, never followed. Exit code 10: a file
    could not be read or is no capture; the others are played.
    """
    unread: list[Path] = []
    if store:
        asyncio.run(_store(settings(ctx), files, sensor, _ports(ctx), unread))
    else:
        columns = _columns() if output == "csv" else None
        rows = _rows(files, sensor, _ports(ctx), unread)
        emit(map(_readable, rows) if output == "table" else rows, output, columns)
    if unread:
        ctx.exit(InputError.exit_code)


def _ports(ctx: click.Context) -> dict[int, str]:
    """Which service this deck has at which port, as far as it is configured."""
    services = settings(ctx).sensor.services
    return {port: service for service, ports in services.items() for port in ports if port}


def _rows(
    files: tuple[Path, ...], sensor: str, ports: dict[int, str], unread: list[Path]
) -> Iterator[dict[str, Any]]:
    import msgspec

    from mead.deck.playback import Playback

    for path in files:
        try:
            played = Playback(regular(path), sensor, ports=ports)
            for event in _told(path, played):
                yield msgspec.to_builtins(event, builtin_types=(datetime,))
        except InputError as error:
            _refuse(path, error, unread)
        else:
            _say(path, played.counts)


def _told(path: Path, played: Playback) -> Iterator[Event]:
    with Progress(f"replaying {path.name}", "events") as progress:
        for event in played:
            progress.step()
            yield event


async def _store(
    tree: Settings, files: tuple[Path, ...], sensor: str, ports: dict[int, str], unread: list[Path]
) -> None:
    from mead.deck.embedded import way_in
    from mead.deck.foreign import take_in
    from mead.deck.playback import Playback

    async with way_in(tree) as way:
        for path in files:
            try:
                played = Playback(regular(path), sensor, way.bodies(), ports=ports)
                taken = await take_in(way, sensor, _numbered(_told(path, played)), lambda _: None)
            except InputError as error:
                _refuse(path, error, unread)
                continue
            text = f"{path}: {taken.events} events added, {taken.duplicates} known already"
            click.echo(escape(text, max_characters=1_000), err=True)
            _say(path, played.counts)


def _numbered(events: Iterator[Event]) -> Iterator[Event]:
    """Events whose origin is theirs alone: that of the capture, and their place in it."""
    import msgspec

    for number, event in enumerate(events):
        origin = sha256(f"{event.origin}:{number}".encode()).hexdigest()
        yield msgspec.structs.replace(event, origin=origin)


def _columns() -> list[str]:
    from mead.model.catalogue import ENVELOPE, KINDS, columns_of

    own = (column.name for kind in KINDS.values() for column in columns_of(kind))
    return list(dict.fromkeys((*(column.name for column in ENVELOPE), *own)))


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    from mead.cli.words import row_for_people

    return row_for_people(row)


def _refuse(path: Path, error: InputError, unread: list[Path]) -> None:
    unread.append(path)
    click.echo(f"mead: {escape(str(error), max_characters=1_000)}", err=True)


def _say(path: Path, counts: ReplayCounts) -> None:
    name = escape(str(path), max_characters=1_000)
    click.echo(
        f"{name}: {counts.frames} packets, {counts.flows} connections, {counts.sessions} sessions, "
        f"{counts.scans} without data, {counts.events} events; {counts.gaps_bytes} bytes missing, "
        f"{counts.truncated_bytes} bytes cut off",
        err=True,
    )
    for problem in counts.problems:
        click.echo(f"{name}: {problem}", err=True)
