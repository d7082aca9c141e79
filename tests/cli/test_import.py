# SPDX-License-Identifier: Apache-2.0
"""`mead import`: foreign logs, idempotent, line-tolerant, one bad file beside good ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mead.errors import ConfigError

LINES = (
    {"eventid": "cowrie.session.connect", "src_ip": "192.0.2.9", "src_port": 4000, "session": "aa",
     "dst_ip": "198.51.100.1", "dst_port": 22, "protocol": "ssh", "timestamp": "2026-01-02T03:04:05.0Z"},
    {"eventid": "cowrie.login.failed", "username": "root", "password": "x", "session": "aa",
     "src_ip": "192.0.2.9", "timestamp": "2026-01-02T03:04:06.000000Z"},
)  # fmt: skip


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A log whose last line is half a line."""
    path = tmp_path / "cowrie.json"
    path.write_text("\n".join(map(json.dumps, LINES)) + '\n{"eventid": "cowrie.sess')
    return path


def _counts(result: Any, path: Path | str) -> dict[str, int]:
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    return {row["what"]: row["count"] for row in rows if row["file"] == str(path)}


def test_events_are_added_once_and_half_a_line_is_counted(nowhere: Any, log: Path) -> None:
    first = nowhere.mead("import", "cowrie", log)
    assert first.exit_code == 0, first.output
    counts = _counts(first, log)
    assert (counts["events added"], counts["duplicates left out"], counts["lines left out"]) == (2, 0, 1)
    assert counts["session.open"] == counts["login.attempt"] == 1
    assert sum(count for what, count in counts.items() if what.startswith("broken: ")) == 1
    again = _counts(nowhere.mead("import", "cowrie", log), log)
    assert (again["events added"], again["duplicates left out"]) == (0, 2)
    assert {row["sensor"] for row in nowhere.rows("events", "--where", "src = '192.0.2.9'")} == {"cowrie"}


def test_bad_files_are_named_and_the_good_ones_are_taken_in(nowhere: Any, log: Path, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "empty").touch()
    files = (tmp_path / "none", tmp_path, tmp_path / "noise", "/dev/zero", tmp_path / "empty", log)
    result = nowhere.mead("import", "cowrie", *files, "-o", "json")
    assert result.exit_code == 10
    assert "No such file" in result.stderr
    assert "Is a directory" in result.stderr
    assert "a device, not a file" in result.stderr
    assert "noise: no record of a cowrie log is in it; is it another kind?" in result.stderr
    rows = json.loads(result.stdout)
    added = {row["file"]: row["count"] for row in rows if row["what"] == "events added"}
    assert added == {str(tmp_path / "noise"): 0, str(tmp_path / "empty"): 0, str(log): 2}


def test_a_log_is_read_from_standard_input_under_another_name(nowhere: Any, log: Path) -> None:
    result = nowhere.mead("import", "cowrie", "-", "--sensor", "farm-1", given=log.read_text())
    assert _counts(result, "-")["events added"] == 2
    assert {row["sensor"] for row in nowhere.rows("events")} == {"farm-1"}


def test_an_unknown_kind_gets_the_nearest_one(nowhere: Any) -> None:
    result = nowhere.mead("import", "cowry", "none.json")
    assert isinstance(result.exception, ConfigError)
    assert "did you mean cowrie" in str(result.exception)
    assert not nowhere.directory.exists()
