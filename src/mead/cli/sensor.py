# SPDX-License-Identifier: Apache-2.0
"""`mead sensor`: only the sensor."""

from __future__ import annotations

import click

from mead.cli.context import settings

__all__ = ["command"]


@click.command("sensor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run only the sensor; the bus of this data directory must be up."""
    from mead.deck.sensor import run

    run(settings(ctx))
