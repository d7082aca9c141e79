# SPDX-License-Identifier: Apache-2.0
"""`mead run`: the deck on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from mead.cli.context import called, config_path, settings
from mead.cli.output import escape

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
        _say("\n".join(_lines(tree, called(config), doors, missing)))

    if asyncio.run(run(tree, config, ready)):
        _say("mead: stopped; everything accepted is stored")
    else:
        _say("mead: stopped; what is not stored yet waits on the bus for the next start")


def _say(text: str) -> None:
    """Say it if we can: a full disk under the log does not end the deck."""
    with suppress(OSError):
        click.echo(text, err=True)


def _lines(tree: Settings, mead: str, doors: list[Door], missing: list[str]) -> Iterator[str]:
    from mead.deck.outward import policy_in_words

    yield f"The deck is up. Listening: {', '.join(f'{door.service} {door.place}' for door in doors)}"
    yield f"Data: {escape(str(tree.data_dir.absolute()))} · egress policy: {policy_in_words(tree.egress)}"
    yield from (f"Not there: {escape(what, max_characters=400)}" for what in missing)
    yield "In another terminal:"
    for command, purpose in (
        ("selftest", "a benign marker body through every open door"),
        ("events -f", "watch it happen"),
        ("samples", "what was captured"),
        ("stats", "how far attacks came, and what was missed"),
    ):
        yield f"    {f'{mead} {command}':<28} # {purpose}"
    yield "Ctrl-C stops it."
