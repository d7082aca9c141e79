# SPDX-License-Identifier: Apache-2.0
"""Progress: a line on a terminal that is renewed and taken away, silence elsewhere."""

from __future__ import annotations

import pytest

from mead.cli import progress as module
from mead.cli.progress import Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_gets_a_line_now_and_then(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True)
    with Progress("importing \x1b[2Jx") as progress:
        for _ in range(10):
            clock[0] += 0.15
            progress.step(1000)
    said = capsys.readouterr().err
    assert said.count("\r\x1b[Kimporting \\x1b[2Jx: ") == 5
    assert "9,000 records (6,667/s)" in said
    assert said.endswith("\r\x1b[K")


def test_a_pipe_gets_nothing(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("importing") as progress:
        clock[0] += 10
        progress.step()
    assert capsys.readouterr() == ("", "")


def test_an_item_is_named_at_once_and_taken_away_again(
    clock: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: True)
    with Progress("analysing") as progress:
        progress.now("a\x07")
        progress.hide()
        progress.hide()
    assert capsys.readouterr().err == "\r\x1b[Kanalysing: a\\x07\r\x1b[K"
