"""Our own clamd is prepared only when it would know something."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.deck import clamd


@pytest.fixture(autouse=True)
def _no_system_signatures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "system").mkdir()
    monkeypatch.setattr(clamd, "SYSTEM_SIGNATURES", tmp_path / "system")
    monkeypatch.setattr(clamd.shutil, "which", lambda name, path=None: f"/usr/sbin/{name}")


def test_without_signatures_it_is_not_started(tmp_path: Path) -> None:
    reason = clamd.prepare(tmp_path / "clamd", stream_max_bytes=1000)
    assert isinstance(reason, str)
    assert "freshclam" in reason


def test_own_and_system_signatures_are_joined(tmp_path: Path) -> None:
    (tmp_path / "clamd" / "signatures").mkdir(parents=True)
    (tmp_path / "clamd" / "signatures" / "own.hdb").write_text("x")
    (tmp_path / "system" / "main.cvd").write_text("y")
    ready = clamd.prepare(tmp_path / "clamd", stream_max_bytes=1000)
    assert isinstance(ready, clamd.Clamd)
    assert {path.name for path in ready.database.iterdir()} == {"own.hdb", "main.cvd"}
    assert f"LocalSocket {tmp_path}/clamd/clamd.sock" in ready.configuration.read_text()
    assert "StreamMaxLength 1000" in ready.configuration.read_text()


def test_an_update_of_the_systems_signatures_is_followed(tmp_path: Path) -> None:
    own, system = tmp_path / "clamd" / "signatures", tmp_path / "system"
    own.mkdir(parents=True)
    (own / "own.hdb").write_text("x")
    (system / "daily.cvd").write_text("y")
    clamd.prepare(tmp_path / "clamd", stream_max_bytes=1000)
    (system / "daily.cvd").rename(system / "daily.cld")
    clamd.follow(tmp_path / "clamd")
    assert {path.name for path in own.iterdir()} == {"own.hdb", "daily.cld"}
    assert all(path.exists() for path in own.iterdir())


def test_system_signatures_alone_are_used_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "system" / "main.cvd").write_text("y")
    ready = clamd.prepare(tmp_path / "clamd", stream_max_bytes=1000)
    assert isinstance(ready, clamd.Clamd)
    assert ready.database == tmp_path / "system"


def test_without_the_program_the_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clamd.shutil, "which", lambda name, path=None: None)
    assert "clamav-daemon" in str(clamd.prepare(tmp_path, stream_max_bytes=1))
