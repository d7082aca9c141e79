# SPDX-License-Identifier: Apache-2.0
"""`mead show`: one sample or one session, whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mead.cli import show as module
from mead.errors import ConfigError
from mead.model.event import PayloadReceived, SessionOpen
from mead.store.bodies import BodyStore
from mead.store.events import EventStore


def test_a_sample_is_shown_with_all_that_is_known(store: Any) -> None:
    shown = json.loads(store.mead("show", store.digest[:8], "-o", "json").stdout)
    assert shown["sha256"] == store.digest
    assert shown["verdict"] == "found: Test.Marker"
    assert shown["sightings"][0]["src"] == "203.0.113.5"
    assert {finding["claim"] for finding in shown["findings"]} == {"malware", "type"}
    assert shown["indicators"][0]["indicator"] == "evil.example"
    assert shown["scans"][0]["engine"] == "clamav"


def test_json_lines_hold_the_same_on_one_line(store: Any) -> None:
    text = store.mead("show", store.digest, "-o", "jsonl").stdout
    assert len(text.splitlines()) == 1
    assert json.loads(text) == json.loads(store.mead("show", store.digest).stdout)


def test_people_see_indicators_defanged(store: Any) -> None:
    shown = store.mead("show", store.digest, "-o", "table").stdout
    assert "evil[.]example" in shown
    assert "findings (2)" in shown
    assert "scans (1)" in shown


def test_a_session_is_shown_as_what_happened_in_it(store: Any) -> None:
    shown = json.loads(store.mead("show", store.telnet).stdout)
    assert [event["kind"] for event in shown["events"]][:2] == ["session.open", "login.attempt"]
    text = store.mead("show", store.telnet, "-o", "table").stdout
    assert "\x1b" not in text
    assert "username=root, password=vizxv" in text
    assert "http://" not in text


def test_the_beginning_of_a_session_is_enough_unless_several_begin_so(store: Any, empty: Any) -> None:
    shown = json.loads(store.mead("show", store.telnet[:6]).stdout)
    assert shown["session"] == store.telnet
    with EventStore.open(empty.directory / "events") as events:
        for number, name in enumerate(("cafe-01", "cafe-012", "cafe-02"), 1):
            opened = SessionOpen(time=datetime(2026, 1, 1, tzinfo=UTC), sensor="s", session=name)
            events.append("S", number, [opened])
        events.commit()
    assert json.loads(empty.mead("show", "cafe-01").stdout)["session"] == "cafe-01"
    several = empty.mead("show", "cafe-0").exception
    assert isinstance(several, ConfigError)
    assert str(several) == "cafe-0 is the beginning of several sessions: cafe-01, cafe-012, cafe-02"


def test_bodies_and_recordings_are_written_for_their_owner_only(store: Any, tmp_path: Path) -> None:
    body, cast = tmp_path / "body", tmp_path / "cast"
    assert store.mead("show", store.digest, "--body", body).exit_code == 0
    assert store.mead("show", store.telnet, "--transcript", cast).exit_code == 0
    assert body.read_bytes() == store.body
    assert cast.read_bytes() == store.recording
    assert body.stat().st_mode & 0o777 == 0o600


def test_what_is_kept_and_no_sample_is_shown_by_its_whole_digest(empty: Any, tmp_path: Path) -> None:
    digest = BodyStore(empty.directory / "bodies").put(b"u=1").sha256
    with EventStore.open(empty.directory / "events") as events:
        seen = PayloadReceived(
            time=datetime(2026, 1, 1, tzinfo=UTC),
            sensor="s",
            session="cafe-01",
            sha256=digest,
            size=3,
            excerpt="u=1",
        )
        events.append("S", 1, [seen])
        events.commit()
    result = empty.mead("show", digest.upper(), "--body", tmp_path / "body")
    shown = json.loads(result.stdout)
    assert (shown["sha256"], shown["size"]) == (digest, 3)
    assert [event["session"] for event in shown["events"]] == ["cafe-01"]
    assert (tmp_path / "body").read_bytes() == b"u=1"
    assert "begins with" in str(empty.mead("show", digest[:20]).exception)


def test_a_file_that_is_there_is_not_overwritten(store: Any, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    result = store.mead("show", store.digest, "--body", taken)
    assert isinstance(result.exception, ConfigError)
    assert taken.read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ffffffff",), "no session, sample or artifact begins with"),
        (("nonsense",), "is no session of this store"),
        (("",), "is no session of this store"),
        (("\udcff\x1b",), "is no session of this store"),
        (("x' or 'a' = 'a",), "is no session of this store"),
    ],
)
def test_what_is_not_there_is_said(store: Any, arguments: tuple[str, ...], said: str) -> None:
    result = store.mead("show", *arguments)
    assert isinstance(result.exception, ConfigError)
    assert said in str(result.exception)


def test_an_option_that_does_not_go_with_it_is_refused(store: Any, tmp_path: Path) -> None:
    for what, option in ((store.digest, "--transcript"), (store.telnet, "--body")):
        result = store.mead("show", what, option, tmp_path / "x")
        assert isinstance(result.exception, ConfigError)
        assert "does not go with" in str(result.exception)
    silent = store.mead("show", store.http, "--transcript", tmp_path / "x")
    assert "has no transcript" in str(silent.exception)


def test_all_pages_are_shown_up_to_a_bound_that_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def some_rows(_: str, after: str | None) -> SimpleNamespace:
        number = int(after or 0)
        return SimpleNamespace(rows=[{"n": number}], next=str(number + 1) if number < 9 else None)

    assert len(module._every(some_rows, "x")) == 10
    monkeypatch.setattr(module, "_MOST_ROWS", 4)
    assert len(module._every(some_rows, "x")) == 4
    assert "only the first 4 rows of some rows" in capsys.readouterr().err


def test_a_long_session_is_cut_and_that_is_said(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_EVENTS", 3)
    result = store.mead("show", store.telnet)
    assert len(json.loads(result.stdout)["events"]) == 3
    assert "only the first 3 events" in result.stderr
