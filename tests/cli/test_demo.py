# SPDX-License-Identifier: Apache-2.0
"""`mead demo` ends with commands that work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mead.deck import demo
from mead.deck.demo import Outcome


def test_the_stages_are_talk_and_the_commands_are_data(
    mead: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def play(directory: Path, say: Any) -> Outcome:
        say("1  a stage")
        return Outcome(samples=3, findings=9, sessions=2, configuration=directory / "mead.toml")

    monkeypatch.setattr(demo, "play", play)
    result = mead("demo", "--directory", tmp_path / "d")
    assert result.stderr == "1  a stage\n"
    assert "3 samples from 2 sessions" in result.stdout
    commands = [line for line in result.stdout.splitlines() if line.startswith("  ")]
    assert [line.split()[-3:] for line in commands] == [
        ["-c", f"{tmp_path}/d/mead.toml", "samples"], ["-c", f"{tmp_path}/d/mead.toml", "events"],
    ]  # fmt: skip
