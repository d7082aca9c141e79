# SPDX-License-Identifier: Apache-2.0
"""`mead replay`: captures as if they came over the network."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

CAPTURES = Path(__file__).parents[1] / "captures"
CAPTURE = next(iter(sorted((CAPTURES / "attack").glob("*.pcap"))))


@pytest.fixture
def truncated(tmp_path: Path) -> Path:
    path = tmp_path / "truncated.pcap"
    path.write_bytes(CAPTURE.read_bytes()[:5000])
    return path


def test_the_events_of_a_capture_are_printed_and_its_figures_said(mead: Any) -> None:
    result = mead("replay", CAPTURE, "-o", "jsonl")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert {row["sensor"] for row in rows} == {"replay"}
    assert all(row["time"].endswith("Z") for row in rows)
    assert f"375 packets, 375 connections, 291 sessions, 84 without data, {len(rows)} events" in result.stderr


def test_a_truncated_capture_gives_what_is_whole_and_says_so(mead: Any, truncated: Path) -> None:
    result = mead("replay", truncated, "-o", "jsonl")
    assert result.exit_code == 0
    assert "capture is truncated" in result.stderr
    assert json.loads(result.stdout.splitlines()[-1])["kind"] in {"loss.counted", "session.close"}


def test_several_files_are_one_document_and_bad_ones_are_named(
    mead: Any, truncated: Path, tmp_path: Path
) -> None:
    (tmp_path / "noise").write_bytes(b"no capture at all" * 100)
    (tmp_path / "tiny.pcap").write_bytes(CAPTURE.read_bytes()[:10])
    files = (tmp_path / "noise", tmp_path, tmp_path / "none", tmp_path / "tiny.pcap", "/dev/zero", truncated)
    result = mead("replay", *files, "-o", "json")
    assert result.exit_code == 10
    assert len(json.loads(result.stdout)) > 10
    for said in ("no capture file; give a pcap", "Is a directory", "No such file", "a device, not a file"):
        assert said in result.stderr
    assert "tiny.pcap: capture is truncated; give a pcap" in result.stderr


def test_csv_has_the_columns_of_every_kind(mead: Any, truncated: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(mead("replay", truncated, "-o", "csv").stdout)))
    assert any(row["target"] for row in rows if row["kind"] == "request.received")


def test_people_see_one_line_an_event(mead: Any, truncated: Path) -> None:
    shown = mead("replay", truncated, "-o", "table").stdout
    assert shown.splitlines()[0].split() == ["time", "kind", "src", "service", "session", "what"]
    assert "2025-04-13 00:03:43" in shown


def test_storing_twice_adds_nothing(nowhere: Any, truncated: Path, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"no capture at all")
    first = nowhere.mead("replay", "--store", "--sensor", "cap", tmp_path / "noise", truncated)
    assert first.exit_code == 10
    count = len(nowhere.rows("events"))
    assert f"{count} events added, 0 known already" in first.stderr
    second = nowhere.mead("replay", "--store", "--sensor", "cap", truncated)
    assert second.exit_code == 0
    assert f"0 events added, {count} known already" in second.stderr
    assert {row["sensor"] for row in nowhere.rows("events")} == {"cap"}
