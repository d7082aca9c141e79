# SPDX-License-Identifier: Apache-2.0
"""`mead stats`: the funnel with the reason of every loss, readable whatever an attacker's server says."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

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


def test_the_funnel_and_its_losses_are_counted(store: Any) -> None:
    rows = store.rows("stats")
    counts = {(row["group"], row["name"]): row.get("count", row.get("value")) for row in rows}
    assert counts["funnel", "sessions"] == 2
    assert counts["funnel", "captured"] == 1
    assert counts["no body because", "policy is observe"] == 1
    assert counts["kind", "session.open"] == 2
    assert counts["period", "first"].startswith("2026-01-02T03:04:05")


def test_csv_holds_the_counts_too(store: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(store.mead("stats", "-o", "csv").stdout)))
    assert {row["name"]: row["count"] for row in rows if row["group"] == "funnel"}["sessions"] == "2"
    assert [row["bodies"] for row in rows if row["name"] == "203.0.113.5"] == ["1"]


def test_people_see_the_funnel_in_a_line(store: Any) -> None:
    result = store.mead("stats", "-o", "table", "--top", "1")
    assert "sessions 2  →  malicious 1  →  offered 1  →  captured 1" in result.stdout
    assert "no body because   1  policy is observe" in result.stdout
    assert "203[.]0[.]113[.]5" in result.stdout
    assert "1 offer was recorded and not fetched" in result.stderr


def test_a_period_can_be_chosen(store: Any) -> None:
    rows = store.rows("stats", "--since", "2026-01-02T04:00", "--until", "2026-01-03")
    assert {row["name"]: row["count"] for row in rows if row["group"] == "funnel"}["sessions"] == 1


def test_an_empty_period_is_said(empty: Any) -> None:
    assert empty.mead("stats", "-o", "table").stdout == "no events in this period\n"
    assert empty.mead("stats", "-o", "jsonl").exit_code == 0
