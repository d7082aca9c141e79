# SPDX-License-Identifier: Apache-2.0
"""`mead sessions`: who came, and how far it went."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from mead.errors import ConfigError


def test_a_row_counts_what_a_session_did(store: Any) -> None:
    telnet, http = store.rows("sessions")
    assert (telnet["session"], http["session"]) == (store.telnet, store.http)
    counts = {name: telnet[name] for name in ("logins", "commands", "offers", "bodies", "requests")}
    assert counts == {"logins": 1, "commands": 1, "offers": 1, "bodies": 1, "requests": 0}
    assert (telnet["duration_ms"], telnet["ended"]) == (4000, "logout")
    assert "parent" not in telnet


def test_people_get_the_counts_in_words_on_one_line(store: Any) -> None:
    header, telnet, http = store.mead("sessions", "-o", "table").stdout.splitlines()
    assert header.split() == ["time", "session", "service", "src", "port", "seconds", "what", "ended"]
    assert "1 login, 1 command, 1 offer, 1 body" in telnet
    assert telnet.split()[4:6] == ["203[.]0[.]113[.]5", "23"]
    assert "1 request" in http


def test_csv_has_its_columns_whatever_the_rows(store: Any, empty: Any) -> None:
    rows = list(csv.DictReader(io.StringIO(store.mead("sessions", "-o", "csv").stdout)))
    assert [row["requests"] for row in rows] == ["0", "1"]
    header = store.mead("sessions", "-o", "csv").stdout.splitlines()[0]
    assert empty.mead("sessions", "-o", "csv").stdout.splitlines() == [header]


@pytest.mark.parametrize(
    ("arguments", "services"),
    [
        (("--where", "username = 'root'"), ["telnet"]),
        (("--where", "kind = 'request.received' or success"), ["telnet", "http"]),
        (("--since", "2026-01-02T04:00"), ["http"]),
        (("--until", "2026-01-02T04:00"), ["telnet"]),
        (("--limit", "1"), ["http"]),
        (("--where", "src = '192.0.2.99'"), []),
    ],
    ids=str,
)
def test_sessions_are_chosen_by_their_events(
    store: Any, arguments: tuple[str, ...], services: list[str]
) -> None:
    assert [row["service"] for row in store.rows("sessions", *arguments)] == services


def test_a_condition_that_fails_on_the_data_is_explained(store: Any) -> None:
    result = store.mead("sessions", "--where", "command ~ '('")
    assert isinstance(result.exception, ConfigError)
    assert "--where: Invalid Input" in str(result.exception)


def test_no_sessions_are_said_to_people(empty: Any) -> None:
    assert empty.mead("sessions", "-o", "table").stderr == "no sessions here\n"
