# SPDX-License-Identifier: Apache-2.0
"""The benchmarks run, and what they find recorded is whole: a figure without that would be worth nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def figures(*arguments: str, seconds: float) -> dict[str, float]:
    """What was measured, by its name."""
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), "--quick", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| (.+?) +\| +([\d.,e+]+) \|", done.stdout, re.MULTILINE)
    return {name: float(value.replace(",", "")) for name, value in rows}


@pytest.mark.timeout(300)
def test_every_session_of_a_busy_sensor_is_recorded_whole() -> None:
    found = figures("--only", "sessions", "--sessions", "400", seconds=280)
    whole = {name: value for name, value in found.items() if name.endswith(": whole")}
    assert len(whole) == 5
    assert set(whole.values()) == {100.0}


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_all_benchmarks_run_and_a_flood_is_recorded_or_counted() -> None:
    found = figures(seconds=880)
    kept = {name: value for name, value in found.items() if name.endswith("recorded or counted")}
    assert len(kept) == 4
    assert set(kept.values()) == {100.0}
    assert found["whole sensor: memory"] <= 200
