# SPDX-License-Identifier: Apache-2.0
"""`mead run`: the deck on this machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from mead.cli.context import config_path, settings

if TYPE_CHECKING:
    from mead.deck.settings import Settings
    from mead.deck.status import Door

__all__ = ["command"]


@click.command("run")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run sensor, hub and worker on this machine until Ctrl-C.

    Without a configuration file it listens on loopback and unprivileged ports, and fetches nothing.
    `mead init` takes it to public addresses.
    """
    from mead.deck.machine import run

    tree = settings(ctx)
    config = config_path(ctx)

    def ready(doors: list[Door], missing: list[str]) -> None:
        _say(tree, doors, missing)

    asyncio.run(run(tree, config, ready))
    click.echo("mead: stopped; everything accepted is stored", err=True)


def _say(tree: Settings, doors: list[Door], missing: list[str]) -> None:
    from mead.deck.outward import policy_in_words

    where = ", ".join(f"{door.service} {door.address}:{door.port}" for door in doors)
    lines = [
        f"The deck is up. Listening: {where}",
        f"Data: {tree.data_dir.absolute()} · egress policy: {policy_in_words(tree.egress)}",
        *(f"Not there: {what}" for what in missing),
        "In another terminal:  mead selftest · mead events -f · mead samples · mead stats",
        "Ctrl-C stops it.",
    ]
    click.echo("\n".join(lines), err=True)
