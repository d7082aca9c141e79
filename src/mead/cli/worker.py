# SPDX-License-Identifier: Apache-2.0
"""`mead worker`: only the analysers, or the central fetcher."""

from __future__ import annotations

import asyncio

import click

from mead.cli.context import settings

__all__ = ["command"]


@click.command("worker")
@click.option("--queues", default="analysis", show_default=True, help="Queues to work on: analysis, fetch.")
@click.option("--number", type=click.IntRange(1, 64), default=1, help="Tells workers of one machine apart.")
@click.pass_context
def command(ctx: click.Context, queues: str, number: int) -> None:
    """Run only a worker; the bus of this data directory must be up."""
    from mead.deck.machine import with_own_clamd
    from mead.deck.processes import worker

    names = tuple(name.strip() for name in queues.split(",") if name.strip())
    asyncio.run(worker(with_own_clamd(settings(ctx)), names, number))
