"""Commands that need no running deck."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

MEAD = str(Path(sys.executable).parent / "mead")


def _mead(
    *arguments: str, cwd: Path, check: bool = True, given: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MEAD, *arguments], cwd=cwd, capture_output=True, text=True, check=check, timeout=100, input=given
    )


@pytest.mark.parametrize("listing", ["events", "sessions", "samples", "stats"])
def test_a_listing_without_a_store_says_what_to_do(listing: str, tmp_path: Path) -> None:
    done = _mead(listing, cwd=tmp_path, check=False)
    assert done.returncode == 12
    assert "mead run" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_configuration_names_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "mead.toml").write_text("[sensor]\nnmae = 'x'\n")
    done = _mead("config", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "mead.toml:2: unknown key sensor.nmae; did you mean name?" in done.stderr


def test_an_unknown_service_names_the_known_ones(tmp_path: Path) -> None:
    (tmp_path / "mead.toml").write_text("[sensor.services]\ntelnet = [23]\ngopher = [70]\n")
    done = _mead("config", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "mead.toml:3: no service is called 'gopher'; known: telnet, ssh" in done.stderr


def test_init_writes_a_configuration_that_is_accepted(tmp_path: Path) -> None:
    arguments = ("init", "--name", "isp1", "--public", "--policy", "fetch", "--data-dir", str(tmp_path / "d"))
    assert "SECURITY.md" in _mead(*arguments, cwd=tmp_path).stderr
    rows = [json.loads(line) for line in _mead("config", cwd=tmp_path).stdout.splitlines()]
    values = {row["key"]: row.get("value") for row in rows}
    assert values["egress.policy"] == "fetch"
    assert values["sensor.services"]["telnet"] == [23, 2323]
    again = _mead(*arguments, cwd=tmp_path, check=False)
    assert again.returncode == 2
    assert "--force" in again.stderr


def test_init_asks_and_recommends_fetch(tmp_path: Path) -> None:
    done = _mead("init", cwd=tmp_path, given="home2\nn\n\n")
    assert "fetch: at once (recommended)" in done.stderr
    assert done.stdout == ""
    assert 'policy = "fetch"' in (tmp_path / "mead.toml").read_text()


@pytest.mark.parametrize("topic", ["offer.seen", "sha256", "13", "telnet", "egress.policy", "hashes"])
def test_explain_knows_kinds_fields_codes_services_settings_and_analysers(topic: str, tmp_path: Path) -> None:
    assert topic in _mead("explain", topic, cwd=tmp_path).stdout


def test_explain_names_the_nearest_topics(tmp_path: Path) -> None:
    done = _mead("explain", "ofer.seen", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "did you mean offer.seen" in done.stderr


def test_check_version_services_and_analysers_answer(tmp_path: Path) -> None:
    names = {json.loads(line)["name"] for line in _mead("check", cwd=tmp_path).stdout.splitlines()}
    assert {"nats-server", "duckdb", "landlock"} <= names
    assert "duckdb" in _mead("version", cwd=tmp_path).stdout
    assert "telnet" in _mead("services", cwd=tmp_path).stdout
    assert "hashes" in _mead("analysers", cwd=tmp_path).stdout


def test_selftest_without_a_deck_says_so(tmp_path: Path) -> None:
    done = _mead("selftest", cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert "mead run" in done.stderr


def test_import_of_a_missing_file_or_kind_is_clear(tmp_path: Path) -> None:
    missing = _mead("import", "cowrie", "none.json", cwd=tmp_path, check=False)
    assert missing.returncode == 10
    unknown = _mead("import", "cowry", "none.json", cwd=tmp_path, check=False)
    assert unknown.returncode == 2
    assert "did you mean cowrie" in unknown.stderr


def test_importing_twice_adds_nothing(tmp_path: Path) -> None:
    lines = [
        {"eventid": "cowrie.session.connect", "src_ip": "192.0.2.9", "src_port": 4000, "session": "aa",
         "dst_ip": "198.51.100.1", "dst_port": 22, "protocol": "ssh", "timestamp": "2026-01-02T03:04:05.0Z"},
        {"eventid": "cowrie.login.failed", "username": "root", "password": "x", "session": "aa",
         "src_ip": "192.0.2.9", "timestamp": "2026-01-02T03:04:06.000000Z"},
    ]  # fmt: skip
    path = tmp_path / "cowrie.json"
    path.write_text("\n".join(json.dumps(line) for line in lines) + '\n{"eventid": "cowrie.sess')
    first = [
        json.loads(line) for line in _mead("import", "cowrie", str(path), cwd=tmp_path).stdout.splitlines()
    ]
    counts = {row["what"]: row["count"] for row in first}
    assert counts["events added"] >= 2
    assert sum(count for what, count in counts.items() if what.startswith("broken")) == 1
    again = [
        json.loads(line) for line in _mead("import", "cowrie", str(path), cwd=tmp_path).stdout.splitlines()
    ]
    counts = {row["what"]: row["count"] for row in again}
    assert counts["events added"] == 0
    events = _mead("events", "--where", "src = '192.0.2.9'", cwd=tmp_path).stdout.splitlines()
    assert len(events) >= 2
