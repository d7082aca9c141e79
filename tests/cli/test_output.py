"""What an attacker wrote cannot drive a terminal, a spreadsheet or a click."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime

import pytest

from mead.cli.output import defang, emit, escape

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
ROWS = [
    {"time": NEW_YEAR, "url": "http://192.0.2.1/x", "command": "\x1b[2J", "ports": [1, 2]},
    {"time": NEW_YEAR, "url": None, "command": "=cmd|' /C calc'!A0", "ports": []},
]  # fmt: skip


def test_control_characters_are_escaped() -> None:
    assert escape("a\x1b[31m\u202eb\n\x9b") == "a\\x1b[31m\\u202eb\\n\\x9b"
    assert escape("x" * 500, max_characters=10) == "xxxxxxxxx…"


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("http://192.0.2.1/a.sh", "hxxp://192[.]0[.]2[.]1/a.sh"),
        ("https://evil.example", "hxxps://evil[.]example"),
        ("ftp://evil.example/f", "fxp://evil[.]example/f"),
        ("192.0.2.1", "192[.]0[.]2[.]1"),
    ],
)
def test_indicators_are_defanged_for_people(raw: str, safe: str) -> None:
    assert defang(raw) == safe


def test_a_table_is_escaped_and_defanged(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit(ROWS, "table") == 2
    shown = capsys.readouterr().out
    assert "\x1b[2J" not in shown
    assert "hxxp://192[.]0[.]2[.]1/x" in shown


def test_json_lines_are_raw_and_skip_what_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    emit(ROWS, "jsonl")
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["url"] == "http://192.0.2.1/x"
    assert first["time"] == "2026-01-01T00:00:00Z"
    assert "url" not in second


@pytest.mark.parametrize("rows", [[], ROWS])
def test_json_is_one_document(rows: list[dict[str, object]], capsys: pytest.CaptureFixture[str]) -> None:
    emit(rows, "json")
    assert len(json.loads(capsys.readouterr().out)) == len(rows)


def test_a_csv_cell_cannot_become_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    emit(ROWS, "csv", ["url", "command", "ports"])
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows[1]["command"] == "'=cmd|' /C calc'!A0"
    assert rows[0]["ports"] == "[1, 2]"
