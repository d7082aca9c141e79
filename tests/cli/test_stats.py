# SPDX-License-Identifier: Apache-2.0
"""The figures stay readable whatever an attacker's server says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mead.cli.stats import _for_people
from mead.store.stats import Count, Funnel, Stats

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_many_reasons_are_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    left = tuple(Count(name=f"FTP server said 550 {n}\x1b[31m" + "x" * 500, count=40 - n) for n in range(40))
    funnel = Funnel(sessions=9, malicious=8, offered=7, captured=6, offers=820, fetched=0, left=left)
    figures = Stats(
        since=None, until=None, first=NOW, last=NOW, events=1, sources=1, kinds=(), services=(), days=(),
        top_sources=(), funnel=funnel,
    )  # fmt: skip
    _for_people(figures)
    lines = [line for line in capsys.readouterr().out.splitlines() if "no body because" in line]
    assert len(lines) == 16
    assert lines[-1] == "  no body because   325  25 other reasons; -o json names them"
    assert all(len(line) < 140 and "\x1b" not in line for line in lines)
