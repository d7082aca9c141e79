# SPDX-License-Identifier: Apache-2.0
"""`mead replay`: a packet capture, as if it came over the network."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mead.cli.context import settings
from mead.cli.output import emit, output_option
from mead.cli.progress import Progress

if TYPE_CHECKING:
    from mead.deck.foreign import Taken
    from mead.deck.settings import Settings
    from mead.model.event import Event
    from mead.sensors.replay import ReplayCounts

__all__ = ["command"]

_SEED = sha256(b"mead replay").digest()
"""Nobody sees the persona of a replay: a fixed one makes the same capture give the same events."""


@click.command("replay")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--sensor", default="replay", show_default=True, help="Name of the sensor that the events get.")
@click.option("--store", is_flag=True, help="Keep events and bodies in the store; twice adds nothing.")
@output_option
@click.pass_context
def command(ctx: click.Context, files: tuple[Path, ...], sensor: str, store: bool, output: str) -> None:
    """Play the peers' side of captures (pcap, pcapng) into the sensors' own dialogues.

    Prints the events that a sensor would have emitted, and on stderr what the capture held: packets,
    connections, sessions, bytes that are missing. Offers are recorded, never followed.
    """
    for path in files:
        if store:
            counts, taken = asyncio.run(_stored(settings(ctx), path, sensor))
            click.echo(f"{path}: {taken.events} events added, {taken.duplicates} known already", err=True)
        else:
            events, counts = asyncio.run(_played(path, sensor))
            emit(_rows(events), output)
        _say(path, counts)


async def _played(path: Path, sensor: str, bodies: Any = None) -> tuple[list[Event], ReplayCounts]:
    from mead.sensors.persona import Persona
    from mead.sensors.replay import replay

    events: list[Event] = []
    with Progress(f"replaying {path.name}", "events") as progress:

        def take(event: Event) -> None:
            events.append(event)
            progress.step()

        counts = await replay(path, sensor, Persona(_SEED), take, bodies=bodies)
    return events, counts


async def _stored(tree: Settings, path: Path, sensor: str) -> tuple[ReplayCounts, Taken]:
    import msgspec

    from mead.deck.embedded import way_in
    from mead.deck.foreign import take_in

    async with way_in(tree) as way:
        events, counts = await _played(path, sensor, way.bodies())
        numbered = (
            msgspec.structs.replace(event, origin=sha256(f"{event.origin}:{number}".encode()).hexdigest())
            for number, event in enumerate(events)
        )
        return counts, await take_in(way, sensor, numbered, lambda _: None)


def _rows(events: list[Event]) -> Iterator[dict[str, Any]]:
    import msgspec

    for event in events:
        yield msgspec.to_builtins(event)


def _say(path: Path, counts: ReplayCounts) -> None:
    click.echo(
        f"{path}: {counts.frames} packets, {counts.flows} connections, {counts.sessions} sessions, "
        f"{counts.scans} without data, {counts.events} events; {counts.gaps_bytes} bytes missing, "
        f"{counts.truncated_bytes} bytes cut off",
        err=True,
    )
    for problem in counts.problems:
        click.echo(f"{path}: {problem}", err=True)
