# SPDX-License-Identifier: Apache-2.0
"""`mead services`: the doors that a sensor can open, and on which ports it does."""

from __future__ import annotations

import click

from mead.cli.context import settings
from mead.cli.output import emit, output_option

__all__ = ["command"]


@click.command("services")
@output_option
@click.pass_context
def command(ctx: click.Context, output: str) -> None:
    """List the services of the sensor and the ports that they are configured for."""
    from mead.sensors.services import SERVICES

    ports = settings(ctx).sensor.services
    rows = (
        {"service": entry.name, "ports": list(ports.get(entry.name, ())), "what": entry.summary}
        for entry in SERVICES.entries()
    )
    emit(rows, output)
