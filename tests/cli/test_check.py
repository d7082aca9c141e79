# SPDX-License-Identifier: Apache-2.0
"""`mead check`: the exit code says whether anything that is required is missing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mead.deck import check, outward
from mead.deck.check import Item


@pytest.mark.parametrize(
    ("item", "arguments", "code"),
    [
        (Item("bus", there=True, required=True, purpose="p", remedy="r"), (), 0),
        (Item("bus", there=False, required=True, purpose="p", remedy="r"), (), 1),
        (Item("bus", there=False, required=True, purpose="p", remedy="r"), ("--exit-zero",), 0),
        (Item("extra", there=False, required=False, purpose="p", remedy="r"), (), 0),
    ],
)
def test_missing_is_1_and_absent_is_not(
    item: Item, arguments: tuple[str, ...], code: int, nowhere: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "examine", lambda *_: iter([item]))
    monkeypatch.setattr(outward, "examine_egress", lambda *_: iter(()))
    result = nowhere.mead("check", *arguments)
    (row,) = map(json.loads, result.stdout.splitlines())
    assert row["state"] == item.state
    assert row["how"] == ("" if item.there else "r")
    assert "egress policy: observe" in result.stderr
    assert result.exit_code == code


def test_this_machine_is_looked_at(nowhere: Any) -> None:
    names = {row["name"] for row in map(json.loads, nowhere.mead("check").stdout.splitlines())}
    assert {"nats-server", "duckdb", "landlock", "ClamAV signatures"} <= names
