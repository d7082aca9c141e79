# SPDX-License-Identifier: Apache-2.0
"""What a benchmark says: figures with their ceilings beside them, and the machine that they come from."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

__all__ = ["Figure", "machine", "show", "table", "tell"]

ROOT = Path(__file__).parent.parent
_COLUMNS = ("what", "measured", "unit", "ceiling", "reached", "how")


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    Attributes:
        what: what was measured.
        value: how much.
        unit: of `value` and `ceiling`.
        ceiling: what the design aims at; None where it names nothing.
        lower: whether less is better.
        note: under which conditions, and what was seen beside it.
    """

    what: str
    value: float
    unit: str
    ceiling: float | None = None
    lower: bool = False
    note: str = ""

    @property
    def reached(self) -> str:
        if self.ceiling is None:
            return ""
        inside = self.value <= self.ceiling if self.lower else self.value >= self.ceiling
        return "yes" if inside else "no"


def tell(figure: Figure) -> Figure:
    """Say a figure as soon as it is known, and hand it on."""
    *words, note = _row(figure)
    print(f"{words[0]}: {' '.join(word for word in words[1:3])}  ({note})", file=sys.stderr, flush=True)
    return figure


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table that a person can read as it is."""
    rows = [_COLUMNS, *map(_row, figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS) - 1)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if column in {1, 3} else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        lines.append(f"| {' | '.join(cells)} | {row[-1]} |")
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|---|")
    return "\n".join(lines)


def show(figures: Iterable[Figure]) -> None:
    """The end of a benchmark that is run alone: its machine and its table."""
    print(f"{machine()}\n\n{table(figures)}")


def machine() -> str:
    """One line: processor, cores, memory, system, Python, date, commit."""
    models = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if "model name" in line]
    release = dict(line.split("=", 1) for line in _lines("/etc/os-release") if "=" in line)
    system = release.get("PRETTY_NAME", platform.system()).strip('"')
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    today = datetime.now(UTC).date()
    return (
        f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, {system},"
        f" Linux {platform.release()}, Python {platform.python_version()}; {today}, commit {_commit()}"
    )


def _row(figure: Figure) -> tuple[str, ...]:
    sign = "≤" if figure.lower else "≥"
    ceiling = "" if figure.ceiling is None else f"{sign} {_number(figure.ceiling)}"
    return figure.what, _number(figure.value), figure.unit, ceiling, figure.reached, figure.note


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _commit() -> str:
    """The commit, with a plus where the product was changed since."""
    try:
        return _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--porcelain", "src") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.strip()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
