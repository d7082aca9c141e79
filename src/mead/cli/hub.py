# SPDX-License-Identifier: Apache-2.0
"""`mead hub`: only the store side."""

from __future__ import annotations

import asyncio

import click

from mead.cli.context import settings

__all__ = ["command"]


@click.command("hub")
@click.pass_context
def command(ctx: click.Context) -> None:
    """Run only the store side; the bus of this data directory must be up."""
    from mead.deck.processes import hub

    asyncio.run(hub(settings(ctx)))
