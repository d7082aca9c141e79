"""The deck as a user runs it: one command, all doors, markers through every one of them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

MEAD = str(Path(sys.executable).parent / "mead")

pytestmark = pytest.mark.xdist_group("deck")


def _lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_marker_goes_through_every_door_to_the_end(deck: Any) -> None:
    done = deck.mead("selftest", "-o", "jsonl", "--exit-zero")
    rows = {row["service"]: row for row in _lines(done.stdout)}
    assert set(rows) == {"telnet", "ssh", "http", "https"}
    short = {name: row for name, row in rows.items() if "no" in row.values()}
    assert not short, (deck.directory / "log").read_text()[-3000:]
    listed = {row["sha256"] for row in _lines(deck.mead("samples", "-o", "jsonl").stdout)}
    assert {row["sha256"] for row in rows.values()} <= listed


def test_every_sample_is_analysed_and_shown_with_its_sightings(deck: Any) -> None:
    deck.mead("selftest", "--exit-zero")
    deadline = time.monotonic() + 60
    while True:
        samples = _lines(deck.mead("samples", "-o", "jsonl").stdout)
        if samples and all(sample["verdict"] != "not analysed" for sample in samples):
            break
        assert time.monotonic() < deadline, samples
        time.sleep(0.3)
    shown = json.loads(deck.mead("show", samples[0]["sha256"], "-o", "json").stdout)
    assert shown["sightings"]
    assert {"hash.md5", "type"} <= {finding["claim"] for finding in shown["findings"]}
    assert all(finding["jail_level"] for finding in shown["findings"] if finding["analyser"] != "clamav")


def test_offers_are_recorded_and_their_number_is_said(deck: Any) -> None:
    deck.mead("selftest", "--exit-zero")
    done = deck.mead("events", "--kind", "fetch.refused", "-o", "jsonl")
    assert _lines(done.stdout)
    assert "offers were recorded and not fetched because the egress policy was observe" in done.stderr


def test_a_session_and_its_recording_can_be_shown(deck: Any, tmp_path: Path) -> None:
    deck.mead("selftest", "--exit-zero")
    sessions = _lines(deck.mead("sessions", "--where", "service = 'telnet'", "-o", "jsonl").stdout)
    chosen = next(row for row in sessions if row["commands"] and row.get("transcript"))
    recording = tmp_path / "session.cast"
    deck.mead("show", chosen["session"], "--transcript", str(recording))
    header, *frames = recording.read_text().splitlines()
    assert json.loads(header)["version"] == 2
    assert all(json.loads(frame)[1] in {"i", "o"} for frame in frames)


def test_the_funnel_counts_what_the_selftest_did(deck: Any) -> None:
    deck.mead("selftest", "--exit-zero")
    rows = _lines(deck.mead("stats", "-o", "jsonl").stdout)
    funnel = {row["name"]: row["count"] for row in rows if row["group"] == "funnel"}
    assert funnel["sessions"] >= funnel["malicious"] >= funnel["offered"] >= 4
    assert funnel["captured"] >= 4


def test_following_shows_events_as_they_come(deck: Any) -> None:
    command = [MEAD, "-c", str(deck.configuration), "events", "-f", "-o", "jsonl", "--limit", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        with socket.create_connection(("127.0.0.1", deck.ports["http"])) as peer:
            peer.sendall(b"GET /followed-by-nobody HTTP/1.0\r\n\r\n")
            peer.recv(100)
        deadline = time.monotonic() + 30
        while "/followed-by-nobody" not in process.stdout.readline():
            assert time.monotonic() < deadline
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def test_a_second_deck_on_the_same_data_is_refused(deck: Any) -> None:
    done = deck.mead("run", check=False)
    assert done.returncode == 12
    assert "in use by another bus" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_in_use_ends_the_deck_with_its_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        configuration = tmp_path / "mead.toml"
        configuration.write_text(
            f'data_dir = "{tmp_path}/data"\n[sensor]\naddresses = ["127.0.0.1"]\n'
            f"[sensor.services]\ntelnet = [{port}]\n"
        )
        done = subprocess.run(
            [MEAD, "-c", str(configuration), "run"], capture_output=True, text=True, check=False, timeout=90
        )
    assert done.returncode == 2
    assert f"port {port} on 127.0.0.1 is in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_demo_ends_with_the_commands_that_show_it(tmp_path: Path) -> None:
    command = [MEAD, "demo", "--directory", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    shown = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
    assert [line.rpartition(" ")[2] for line in shown] == ["samples", "events"]
    listed = subprocess.run(
        ["/bin/sh", "-c", shown[0]], capture_output=True, text=True, check=True, timeout=60,
        env={**os.environ, "PATH": f"{Path(MEAD).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    samples = _lines(listed.stdout)
    urls = {row["url"].rpartition("/")[2] for row in samples if "url" in row}
    assert urls == {"bins.sh", "demo.arm7", "demo.mips", "demo.x86", "kit.zip"}
