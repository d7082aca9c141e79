# SPDX-License-Identifier: Apache-2.0
"""`mead demo`: a recorded attack through every stage."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from mead.cli.context import called

__all__ = ["command"]


@click.command("demo")
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("var/demo"),
    show_default=True,
    help="Where the demo keeps its own store; an earlier demo there is replaced.",
)
def command(directory: Path) -> None:
    """Play a recorded attack through every stage: no root, no network, no configuration.

    A sensor, a bus, a hub and a worker are started on loopback for a few seconds; the attacker is inert, its
    bodies are made here. Ends with the two commands that show what was seen.
    """
    from mead.deck.demo import play

    outcome = asyncio.run(play(directory, lambda line: click.echo(line, err=True)))
    mead = called(outcome.configuration)
    click.echo(
        f"\n{outcome.samples} samples from {outcome.sessions} sessions. Look at them:\n"
        f"  {mead} samples\n"
        f"  {mead} events"
    )
