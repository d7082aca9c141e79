# SPDX-License-Identifier: Apache-2.0
"""From the `--config` option to the settings in force."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mead.deck.settings import Settings

__all__ = ["called", "config_path", "settings"]

DEFAULT = Path("mead.toml")


def config_path(ctx: click.Context) -> Path | None:
    """The configuration file: the option, `MEAD_CONFIG`, or `mead.toml` here when there is one."""
    chosen = ctx.find_root().obj or os.environ.get("MEAD_CONFIG")
    if chosen:
        return Path(chosen)
    return DEFAULT if DEFAULT.exists() else None


def settings(ctx: click.Context) -> Settings:
    """The settings in force.

    Raises:
        ConfigError: the file cannot be used; names the line.
    """
    from mead.deck.settings import load_settings

    return load_settings(config_path(ctx))


def called(config: Path | None) -> str:
    """How to call this very `mead` again with that configuration, for commands that people copy."""
    program = Path(sys.argv[0])
    words = ["mead"]
    if program.name == "mead" and shutil.which("mead") != str(program):
        words = [str(program)]
    if config is not None and config != DEFAULT:
        words += ["-c", str(config)]
    return shlex.join(words)
