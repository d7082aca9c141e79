# SPDX-License-Identifier: Apache-2.0
"""`mead events`: every format, every filter, and following."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from mead.cli import events as module
from mead.errors import ConfigError, StoreError
from mead.store.events import EventStore


def test_json_lines_are_raw_and_oldest_first(store: Any) -> None:
    rows = store.rows("events")
    assert [row["kind"] for row in rows[:3]] == ["session.open", "login.attempt", "command.input"]
    assert rows[2]["command"] == store.command
    assert rows[3]["url"] == "http://198.51.100.7/a.sh"
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)


def test_json_is_one_document(store: Any) -> None:
    assert json.loads(store.mead("events", "-o", "json").stdout) == store.rows("events")


def test_csv_has_a_column_for_every_field_of_every_kind(store: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(store.mead("events", "-o", "csv").stdout)))
    by_kind = {row["kind"]: row for row in rows}
    assert by_kind["command.input"]["command"] == store.command
    assert by_kind["login.attempt"]["password"] == "vizxv"
    assert json.loads(by_kind["request.received"]["headers"]) == [["Host", "x"]]
    assert by_kind["session.close"]["duration_ms"] in {"4000", "1000"}


def test_csv_of_chosen_kinds_has_their_columns_only(store: Any) -> None:
    header = store.mead("events", "-o", "csv", "--kind", "login.attempt").stdout.splitlines()[0].split(",")
    assert {"time", "src", "username", "password", "seq"} <= set(header)
    assert "command" not in header


def test_a_table_is_escaped_and_defanged(store: Any) -> None:
    shown = store.mead("events", "-o", "table").stdout
    assert "\x1b" not in shown
    assert "\\x1b[31mred" in shown.replace("\n", "")
    assert "http://198" not in shown
    offers = store.mead("events", "-o", "table", "--kind", "offer.seen").stdout
    assert "url=hxxp://198[.]51[.]100[.]7/a.sh" in offers
    assert "203[.]0[.]113[.]5" in shown


def test_what_people_need_of_a_finding_comes_first(store: Any) -> None:
    shown = store.mead("events", "-o", "table", "--kind", "finding.made").stdout
    assert f"sha256={store.digest[:16]}…" in shown
    assert "claim=malware, value=Test.Marker" in shown
    assert "engine_version" not in shown


@pytest.mark.parametrize(
    ("arguments", "kinds"),
    [
        (("--kind", "offer.seen"), ["offer.seen"]),
        (("--kind", "offer.seen", "--kind", "login.attempt"), ["login.attempt", "offer.seen"]),
        (("--where", "username = 'root'"), ["login.attempt"]),
        (("--where", "url like '%.sh'", "--limit", "1"), ["fetch.refused"]),
        (("--since", "2026-01-02T04:04:06"), ["session.close"]),
        (("--until", "2026-01-02T03:04:06"), ["session.open"]),
        (("--since", "1s"), []),
    ],
    ids=str,
)
def test_events_are_chosen(store: Any, arguments: tuple[str, ...], kinds: list[str]) -> None:
    assert [row["kind"] for row in store.rows("events", *arguments)] == kinds


@pytest.mark.parametrize(
    "arguments",
    [
        ("--limit", "3"),
        ("--limit", "3", "--where", "service = 'telnet'"),
        ("--limit", "2", "--kind", "session.open", "--kind", "session.close"),
        ("--limit", "100", "--since", "2026-01-02T04:00"),
        ("--limit", "2", "--until", "2026-01-02T03:04:07"),
    ],
    ids=str,
)
def test_many_events_are_not_held_in_memory_and_are_the_same(
    store: Any, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = store.rows("events", *arguments)
    monkeypatch.setattr(module, "_HELD_EVENTS", 1)
    assert store.rows("events", *arguments) == held
    assert held


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--where", "usrname = 'x'"), "did you mean username"),
        (("--where", "username ="), "--where"),
        (("--where", "command ~ '('"), "--where: Invalid Input"),
        (("--kind", "login.atempt"), "did you mean login.attempt"),
        (("--kind", "x"), "mead explain events"),
    ],
)
def test_a_wrong_filter_is_explained(store: Any, arguments: tuple[str, ...], said: str) -> None:
    result = store.mead("events", *arguments)
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)
    assert result.stdout == ""


def test_a_wrong_age_is_a_usage_error(store: Any) -> None:
    result = store.mead("events", "--since", "yesterday")
    assert result.exit_code == 2
    assert "nor an age" in result.stderr


def test_offers_that_were_only_observed_are_counted_on_stderr(store: Any) -> None:
    assert "1 offer was recorded and not fetched" in store.mead("events", "-o", "csv").stderr


def test_an_empty_store_is_no_error(empty: Any) -> None:
    result = empty.mead("events", "-o", "table")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no events here\n")
    assert empty.rows("events") == []
    assert json.loads(empty.mead("events", "-o", "json").stdout) == []


def test_no_store_says_what_to_do(nowhere: Any) -> None:
    result = nowhere.mead("events")
    assert isinstance(result.exception, StoreError)
    assert "mead run" in str(result.exception)


@pytest.mark.parametrize("output", ["table", "json", "jsonl", "csv"])
def test_following_shows_what_comes_with_one_header(
    empty: Any, output: str, monkeypatch: pytest.MonkeyPatch, cli_events: Any
) -> None:
    rounds = iter((cli_events[:2], [], cli_events[2:3]))
    sequence = 0

    def wait(_: float) -> None:
        nonlocal sequence
        happened = next(rounds, None)
        if happened is None:
            raise KeyboardInterrupt
        sequence += 1
        with EventStore.open(empty.directory / "events") as store:
            if happened:
                store.append("EVENTS_s1", sequence, happened)
                store.commit()

    monkeypatch.setattr(module.time, "sleep", wait)
    result = empty.mead("events", "-f", "-o", output)
    assert result.exit_code == 1, result.output  # click's Abort; `main` makes 130 of it
    lines = result.stdout.splitlines()
    kinds = ["session.open", "login.attempt", "command.input"]
    if output in {"json", "jsonl"}:
        assert [json.loads(line)["kind"] for line in lines] == kinds
    elif output == "csv":
        assert [row["kind"] for row in csv.DictReader(io.StringIO(result.stdout))] == kinds
    else:
        assert [line.split()[2] for line in lines] == kinds
        assert "\\x1b[31mred" in lines[2]
