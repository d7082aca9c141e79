# SPDX-License-Identifier: Apache-2.0
"""`mead check`: what is missing on this machine, what that costs, and how to get it."""

from __future__ import annotations

import click

from mead.cli.context import config_path, settings
from mead.cli.output import emit, output_option

__all__ = ["command"]


@click.command("check")
@output_option
@click.option("--exit-zero", is_flag=True, help="Leave with 0 even when something required is missing.")
@click.pass_context
def command(ctx: click.Context, output: str, exit_zero: bool) -> None:
    """Say what is missing on this machine and how to get it.

    `missing` is required; `absent` is something that MEAD would use. Exit code 1: something is missing.
    """
    from mead.deck.check import examine
    from mead.deck.outward import examine_egress, policy_in_words

    tree = settings(ctx)
    items = [*examine(tree.data_dir, tree.bus.binary), *examine_egress(tree.egress)]
    emit(
        (
            {
                "state": item.state,
                "name": item.name,
                "for": item.purpose,
                "how": "" if item.there else item.remedy,
            }
            for item in items
        ),
        output,
    )
    where = config_path(ctx)
    policy = policy_in_words(tree.egress)
    click.echo(f"configuration: {where or 'embedded defaults'}; egress policy: {policy}", err=True)
    ctx.exit(int(any(item.state == "missing" for item in items) and not exit_zero))
