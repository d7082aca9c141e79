# SPDX-License-Identifier: Apache-2.0
"""`mead config`: what is in force, where it came from, what each key means."""

from __future__ import annotations

from typing import Any

import click

from mead.cli.context import config_path, settings
from mead.cli.output import emit, output_option

__all__ = ["command"]


@click.command("config")
@output_option
@click.pass_context
def command(ctx: click.Context, output: str) -> None:
    """Show every setting: its value in force, its default, its meaning."""
    from mead.config import describe, dump
    from mead.deck.settings import Settings

    values = dump(settings(ctx))
    emit(
        (
            {"key": name, "value": _lookup(values, name), "default": _plain(default), "meaning": text}
            for name, _, default, text in describe(Settings)
        ),
        output,
    )
    click.echo(f"from: {config_path(ctx) or 'embedded defaults'}", err=True)


def _lookup(values: dict[str, Any], name: str) -> Any:
    for part in name.split("."):
        values = values[part]
    return values


def _plain(default: Any) -> Any:
    return default if isinstance(default, str | int | float | bool | list | dict | None) else str(default)
