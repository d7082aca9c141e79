# SPDX-License-Identifier: Apache-2.0
"""How long the command takes to say something, and the demo to play a recorded attack through every stage.

    python benchmarks/startup.py [--starts 20]

Of several starts the median counts, in seconds of the clock and of CPU; beside it the bare interpreter.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import Figure, show, tell

__all__ = ["arguments", "run"]

_HELP_SECONDS = 0.3
_DEMO_SECONDS = 20.0
_MEAD = str(Path(sys.executable).with_name("mead"))


def once(*command: str) -> tuple[float, float]:
    """Seconds of the clock and of CPU that a command takes."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def start(what: str, starts: int, *command: str, ceiling: float | None = None) -> Figure:
    runs = [once(*command) for _ in range(starts)]
    wall, cpu = (statistics.median(values) for values in zip(*runs, strict=True))
    note = f"{cpu:.3f} s of CPU; median of {starts}"
    return tell(Figure(what, wall, "s", ceiling, lower=True, note=note))


def demo() -> Figure:
    with tempfile.TemporaryDirectory(prefix="mead-bench-") as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            wall, cpu = once(_MEAD, "demo")
        finally:
            os.chdir(before)
    return tell(Figure("mead demo", wall, "s", _DEMO_SECONDS, lower=True, note=f"{cpu:.1f} s of CPU"))


def run(options: argparse.Namespace) -> list[Figure]:
    once(_MEAD, "--help")  # from now on its files are in memory
    return [
        start("mead --help", options.starts, _MEAD, "--help", ceiling=_HELP_SECONDS),
        start("mead version", options.starts, _MEAD, "version"),
        start("bare interpreter", options.starts, sys.executable, "-c", "pass"),
        demo(),
    ]


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--starts", type=int, default=20)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments(parser)
    show(run(parser.parse_args()))
