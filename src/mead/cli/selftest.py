# SPDX-License-Identifier: Apache-2.0
"""`mead selftest`: a benign marker body through every open service of the running deck."""

from __future__ import annotations

import asyncio
import sys

import click

from mead.cli.context import settings
from mead.cli.output import emit, output_option

__all__ = ["command"]


@click.command("selftest")
@output_option
@click.option("--exit-zero", is_flag=True, help="Leave with 0 even when a service failed.")
@click.pass_context
def command(ctx: click.Context, output: str, exit_zero: bool) -> None:
    """Drop a benign marker body through every open service and say how far it came.

    Stages: session, entered (login, command or request), offer, body. Exit code 1: one fell short.
    """
    from mead.deck.layout import Layout
    from mead.deck.selftest import STAGES, run
    from mead.deck.status import doors
    from mead.store.reader import StoredEvents

    tree = settings(ctx)
    layout = Layout(tree.data_dir)
    found = doors(layout)
    if sys.stderr.isatty():
        click.echo(f"visiting {', '.join(door.service for door in found)} …", err=True)
    visits = asyncio.run(run(found, StoredEvents(layout.events, tree.store)))
    place = "door" if output == "table" else "address"  # our own address needs no defanging
    emit(
        (
            {
                "service": visit.door.service,
                place: visit.door.place,
                **{stage: "yes" if stage in visit.reached else "no" for stage in STAGES},
                "sha256": visit.sha256,
                "note": visit.note,
            }
            for visit in visits
        ),
        output,
    )
    ctx.exit(int(not all(visit.complete for visit in visits) and not exit_zero))
