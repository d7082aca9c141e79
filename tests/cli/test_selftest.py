# SPDX-License-Identifier: Apache-2.0
"""`mead selftest`: one row a door; the exit code says whether all of them trap."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mead.cli import selftest as command
from mead.deck import selftest
from mead.deck.layout import Layout
from mead.deck.selftest import STAGES, Visit
from mead.deck.status import Door, listening
from mead.errors import BusError


@pytest.fixture
def visits(empty: Any, monkeypatch: pytest.MonkeyPatch) -> list[Visit]:
    listening(Layout(empty.directory).status, [("telnet", "127.0.0.1", 23), ("http", "::1", 80)])
    made = [
        Visit(Door("telnet", "127.0.0.1", 23), "t", b"a", tuple(STAGES)),
        Visit(Door("http", "::1", 80), "t", b"b", ("session",), "not seen in the store"),
    ]

    async def run(doors: Any, stored: Any) -> list[Visit]:
        return made

    monkeypatch.setattr(selftest, "run", run)
    return made


def test_a_door_that_falls_short_is_exit_code_1_unless_told_otherwise(empty: Any, visits: Any) -> None:
    result = empty.mead("selftest")
    telnet, http = map(json.loads, result.stdout.splitlines())
    assert {telnet[stage] for stage in STAGES} == {"yes"}
    assert (http["address"], http["session"], http["body"]) == ("[::1]:80", "yes", "no")
    assert result.exit_code == 1
    assert empty.mead("selftest", "--exit-zero").exit_code == 0
    del visits[1]
    assert empty.mead("selftest").exit_code == 0


def test_people_see_whom_it_visits_and_our_own_address_as_it_is(
    empty: Any, visits: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        @staticmethod
        def isatty() -> bool:
            return True

    monkeypatch.setattr(command, "sys", type("Streams", (), {"stderr": Terminal}))
    result = empty.mead("selftest", "-o", "table")
    assert "visiting telnet, http …" in result.stderr
    assert "127.0.0.1:23" in result.stdout


def test_without_a_deck_it_says_so(nowhere: Any) -> None:
    result = nowhere.mead("selftest")
    assert isinstance(result.exception, BusError)
    assert "mead run" in str(result.exception)
