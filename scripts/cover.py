# SPDX-License-Identifier: Apache-2.0
"""Run the tests under coverage and hold every package against its bar.

Whether the tests pass is for `make test` to say: here everything is slower, and some tests measure time.
What runs in processes of its own (the jail's children, the deck that the flows start) is not seen.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
BARS = {"model": 100.0, "wire": 100.0, "correlate": 100.0, "jail": 0.0}
"""Percent of lines and branches by package; the jail's code runs where nothing can be read out."""
USUAL = 90.0
RAN = {0, 1}
"""Exit codes of pytest with which the tests were run to their end."""


def _measured(arguments: list[str]) -> dict[str, dict[str, int]]:
    """Summary by file."""
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory) / "coverage.json"
        command = [
            sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "loadgroup", "--cov=mead",
            f"--cov-report=json:{report}", "--cov-report=", *arguments,
        ]  # fmt: skip
        if subprocess.run(command, cwd=ROOT, check=False).returncode not in RAN:
            sys.exit("the tests could not be run")
        files = json.loads(report.read_text("utf-8"))["files"]
    return {name: entry["summary"] for name, entry in files.items()}


def main() -> int:
    have, want = Counter[str](), Counter[str]()
    for name, summary in _measured(sys.argv[1:]).items():
        package = Path(name).relative_to("src/mead").parts[0].removesuffix(".py")
        have[package] += summary["covered_lines"] + summary["covered_branches"]
        want[package] += summary["num_statements"] + summary["num_branches"]
    below = 0
    for package in sorted(want):
        percent = 100 * have[package] / max(1, want[package])
        bar = BARS.get(package, USUAL)
        below += percent < bar
        sys.stdout.write(f"{package:<12}{percent:7.2f} %  of {bar:g}{'  BELOW' if percent < bar else ''}\n")
    return int(bool(below))


if __name__ == "__main__":
    sys.exit(main())
