# SPDX-License-Identifier: Apache-2.0
"""All commands of the emulated shell, as one table from names to functions."""

from __future__ import annotations

from typing import Final

from mead.shell.applets import (
    administration,
    archives,
    blocks,
    builtins,
    coding,
    columns,
    comparing,
    copying,
    dates,
    downloads,
    dumps,
    filters,
    finding,
    foreign,
    grep,
    listing,
    making,
    modes,
    network,
    output,
    paths,
    printf,
    processes,
    programs,
    routeros,
    sessions,
    space,
    stream_editors,
    system,
    tar,
    testing,
    xargs,
)
from mead.shell.call import Applet, Call
from mead.shell.places_tables import APART, PLACES

__all__ = [
    "APPLETS", "ASSIGNING", "BASH_BUILTINS", "BUILTINS", "DASH_BUILTINS", "NAMES", "SPECIAL", "download_like",
    "silent",
]  # fmt: skip

APPLETS: Final[dict[str, Applet]] = {
    **output.TABLE,
    **printf.TABLE,
    **testing.TABLE,
    **copying.TABLE,
    **making.TABLE,
    **dates.TABLE,
    **modes.TABLE,
    **blocks.TABLE,
    **listing.TABLE,
    **paths.TABLE,
    **finding.TABLE,
    **grep.TABLE,
    **filters.TABLE,
    **stream_editors.TABLE,
    **coding.TABLE,
    **columns.TABLE,
    **comparing.TABLE,
    **dumps.TABLE,
    **archives.TABLE,
    **tar.TABLE,
    **downloads.TABLE,
    **network.TABLE,
    **processes.TABLE,
    **system.TABLE,
    **sessions.TABLE,
    **space.TABLE,
    **administration.TABLE,
    **programs.TABLE,
    **foreign.TABLE,
    **xargs.TABLE,
}
NAMES: Final = frozenset(name for names in PLACES.values() for name in names) - APART
_IN_SHELL: Final = ("echo", "printf", "test", "[", "[[", "true", "false", "kill")
BUILTINS: Final[dict[str, Applet]] = {
    **{name: APPLETS[name] for name in _IN_SHELL},
    **builtins.TABLE,
}
BASH_BUILTINS: Final[dict[str, Applet]] = {
    name: applet
    for name, applet in {**BUILTINS, **builtins.BASH_TABLE}.items()
    if name not in {"chdir", "[["}
}
DASH_BUILTINS: Final[dict[str, Applet]] = {
    name: applet for name, applet in BUILTINS.items() if name not in builtins.NOT_IN_DASH
}
SPECIAL: Final = builtins.SPECIAL
ASSIGNING: Final = builtins.ASSIGNING


def silent(call: Call) -> int:
    """A program that does its work without a word."""
    del call
    return 0


def download_like(name: str, argv: list[str]) -> Applet | None:
    """The command that an unknown name stands for: a downloader, maybe renamed, or a RouterOS word."""
    base = name.rpartition("/")[2].lower()
    if name in routeros.WORDS or name.startswith(":"):
        return routeros.run
    if len(argv) < 2:
        return None
    if base in downloads.TABLE:
        return downloads.TABLE[base]
    return next((APPLETS[known] for known in ("tftp", "ftpget", "wget", "curl") if known in base), None)
