# SPDX-License-Identifier: Apache-2.0
"""CPU seconds of `mead --help` and of the bare interpreter beside it: the design's ceiling is 0.3 s."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path

ROUNDS = 20


def cpu_seconds(*command: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    mead = str(Path(sys.executable).parent / "mead")
    commands = {
        "python -c pass": (sys.executable, "-c", "pass"),
        "mead --help": (mead, "--help"),
        "mead version": (mead, "version"),
        "mead config": (mead, "config"),
    }
    bare = 0.0
    for name, command in commands.items():
        seconds = statistics.median(cpu_seconds(*command) for _ in range(ROUNDS))
        bare = bare or seconds
        print(f"{name:18} {seconds:6.3f} CPU s  ×{seconds / bare:.1f}")


if __name__ == "__main__":
    main()
