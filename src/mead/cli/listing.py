# SPDX-License-Identifier: Apache-2.0
"""The options that every listing takes, and how ages and times are read."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import click

from mead.cli.output import output_option

__all__ = ["Moment", "listing_options", "moment"]

F = TypeVar("F", bound=Callable[..., Any])

_AGE = re.compile(r"(\d{1,6})([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


class Moment(click.ParamType[datetime]):
    """An ISO time or an age."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return moment(value, datetime.now(UTC))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def moment(value: str, now: datetime) -> datetime:
    """The UTC time that `value` means: ISO 8601 (without a zone: UTC), or an age such as 15m, 24h, 7d.

    Raises:
        ValueError: it is neither.
    """
    if found := _AGE.fullmatch(value.strip()):
        return now - timedelta(**{_UNITS[found.group(2)]: int(found.group(1))})
    try:
        parsed = datetime.fromisoformat(value.strip())
    except ValueError:
        message = f"{value!r} is neither a time (2026-11-24, 2026-11-24T12:00) nor an age (15m, 24h, 7d)"
        raise ValueError(message) from None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)


def listing_options(function: F) -> F:
    """Add --where, --since, --until, --limit and --output."""
    options = (
        output_option,
        click.option(
            "--where", metavar="SQL", help="Filter, for example: service = 'telnet' and size > 1000"
        ),
        click.option("--since", type=Moment(), help="From this time or age on (2026-11-24T12:00, 24h, 7d)."),
        click.option("--until", type=Moment(), help="Up to this time or age."),
        click.option(
            "--limit", type=click.IntRange(1, 10_000_000), default=1000, show_default=True, help="Rows."
        ),
    )
    for option in reversed(options):
        function = option(function)
    return function
