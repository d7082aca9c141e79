# SPDX-License-Identifier: Apache-2.0
"""`mead analysers`: what can look into bodies here, and why the others cannot."""

from __future__ import annotations

import click

from mead.cli.context import settings
from mead.cli.output import emit, output_option

__all__ = ["command"]


@click.command("analysers")
@output_option
@click.pass_context
def command(ctx: click.Context, output: str) -> None:
    """List the analysers, whether they can run here, and what they need if not."""
    from mead.analysis.registry import ANALYSERS, available

    ready, missing = available(settings(ctx).analysis)
    names = {analyser.name for analyser in ready}
    rows = (
        {
            "analyser": entry.name,
            "state": "ready" if entry.name in names else "unavailable",
            "what": entry.summary,
            "needs": missing.get(entry.name, entry.needs),
        }
        for entry in ANALYSERS.entries()
    )
    emit(rows, output)
