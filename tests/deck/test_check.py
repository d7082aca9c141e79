"""The check names what is missing and how to get it."""

from __future__ import annotations

import sys
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
    items = {item.name: item for item in check.examine(tmp_path, nats_server=str(tmp_path / "none"))}
    assert items["nats-server"].state == "missing"
    assert f"{sys.executable} -m pip install 'mead-deck[bus]'" in items["nats-server"].remedy
    assert items["7z"].state == "absent"


def test_signatures_of_the_operator_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check.clamd, "SYSTEM_SIGNATURES", tmp_path / "none")
    own = tmp_path / "clamd" / "signatures"
    for files, state in (([], "absent"), (["own.hdb"], "ok")):
        own.mkdir(parents=True, exist_ok=True)
        for name in files:
            (own / name).touch()
        item = next(item for item in check.examine(tmp_path) if item.name == "ClamAV signatures")
        assert (item.state, str(own) in item.remedy) == (state, True)


@pytest.mark.parametrize(("content", "there"), [("0\n", False), ("1\n", True)])
def test_user_namespaces_are_read_from_the_kernel(
    content: str, there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kernel").mkdir()
    (tmp_path / "kernel" / "unprivileged_userns_clone").write_text(content)
    monkeypatch.setattr(check.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(check, "_SYSCTL", tmp_path)
    assert check._user_namespaces() is there


def test_an_absent_option_is_not_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "_has", lambda module: module != "magika")
    item = next(item for item in check.examine(tmp_path) if item.name == "magika")
    assert item.state == "absent"
