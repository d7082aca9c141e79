# SPDX-License-Identifier: Apache-2.0
"""clamd answers, is slow, goes away, changes its signatures; nothing of it is ever taken for clean."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from mead.analysis.analyser import Artifact, Engine, Report
from mead.analysis.look import Looker
from mead.analysis.registry import ANALYSERS
from mead.analysis.settings import AnalysisSettings
from mead.analysis.static.clamav import ClamAv

CAPTURES = Path(__file__).parents[2] / "captures" / "static"


def _look(data: bytes, settings: AnalysisSettings) -> Report:
    report = ANALYSERS.load("clamav").analyse(Artifact.of(data), settings)
    assert report is not None
    return report


def _serve(path: Path, answer: bytes | None, *, lives_on: bool = True) -> threading.Thread:
    """A clamd that gives one answer, or hangs up in the middle of the stream; later it answers PING."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)

    def talk() -> None:
        with server:
            link, _ = server.accept()
            with link:
                link.recv(64)
                if answer is not None:
                    while b"\0\0\0\0" not in link.recv(1 << 16)[-4:]:
                        pass
                    link.sendall(answer)
            if answer is None and lives_on:
                link, _ = server.accept()
                with link:
                    assert link.recv(64) == b"zPING\0"
                    link.sendall(b"PONG\0")

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"stream: OK\0", "clean"), (b"stream: Some.Name FOUND\0", "found"), (None, "skipped"),
        (b"INSTREAM size limit exceeded. ERROR\0", "skipped"), (b"stream: read error ERROR\0", "failed"),
        (b"stream: Heuristics.Encrypted.Zip FOUND\0", "skipped"), (b"", "failed"), (b"stream: O", "failed"),
        (b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0", "skipped"),
    ],
)  # fmt: skip
def test_clamd_answers(
    tmp_path: Path, answer: bytes | None, verdict: str, settings: AnalysisSettings
) -> None:
    path = tmp_path / "s"
    thread = _serve(path, answer)
    body = bytes(4 << 20) if answer is None else b"x" * 100
    report = _look(body, msgspec.structs.replace(settings, clamd_socket=str(path), clamd_seconds=5))
    assert report.verdict == verdict
    assert verdict in {"clean", "found"} or report.reason
    thread.join(5)


def test_a_clamd_that_dies_during_the_stream_is_a_failure(tmp_path: Path, settings: AnalysisSettings) -> None:
    path = tmp_path / "s"
    thread = _serve(path, None, lives_on=False)
    chosen = msgspec.structs.replace(settings, clamd_socket=str(path), clamd_seconds=5)
    report = _look(bytes(4 << 20), chosen)
    assert report.verdict == "failed"
    assert "went away" in (report.reason or "")
    thread.join(5)


def test_a_clamd_that_never_answers_is_a_failure_after_its_time(
    tmp_path: Path, settings: AnalysisSettings
) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen(1)
        chosen = msgspec.structs.replace(settings, clamd_socket=str(path), clamd_seconds=1)
        started = time.monotonic()
        report = _look(bytes(4 << 20), chosen)
        assert time.monotonic() - started < 10
    assert (report.verdict, report.reason) == ("failed", "clamd gave no answer in 1 seconds")


def test_a_clamd_that_was_named_and_is_not_there_is_a_failure(
    tmp_path: Path, settings: AnalysisSettings
) -> None:
    gone = msgspec.structs.replace(settings, clamd_socket=str(tmp_path / "none"))
    report = _look(b"x", gone)
    assert report.verdict == "failed"
    assert "No such file" in (report.reason or "")


def test_no_clamd_at_the_usual_place_is_no_scan(
    settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyser = ANALYSERS.load("clamav")
    assert analyser.analyse(Artifact.of(b"x"), settings) is None
    usual = AnalysisSettings()
    monkeypatch.setattr("mead.analysis.static.clamav.Path.exists", lambda path: False)
    assert analyser.analyse(Artifact.of(b"x"), usual) is None


def test_a_body_over_our_own_bound_is_not_sent(tmp_path: Path, settings: AnalysisSettings) -> None:
    big = msgspec.structs.replace(settings, clamd_socket=str(tmp_path), clamd_max_bytes=10)
    assert _look(b"x" * 11, big).verdict == "skipped"


class _Engine:
    """An engine in another process that can vanish, or change its signatures during a scan."""

    name = "clamav"
    jailed = False

    def __init__(self, *databases: str | None) -> None:
        self.databases = list(databases)
        self.asked = 0

    def engine(self, settings: AnalysisSettings) -> Engine:
        return Engine(database=self.databases.pop(0) if len(self.databases) > 1 else self.databases[0])

    def analyse(self, artifact: Artifact, settings: AnalysisSettings) -> Report | None:
        self.asked += 1
        return Report(verdict="clean") if self.databases[0] else None


def _with(monkeypatch: pytest.MonkeyPatch, engine: _Engine, settings: AnalysisSettings) -> Looker:
    monkeypatch.setattr(ANALYSERS, "load", lambda name: engine)
    return Looker(msgspec.structs.replace(settings, analysers=("clamav",), external_tools=False))


def test_signatures_that_change_during_a_scan_are_asked_again(
    settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = _Engine("old", "new", "new")
    with _with(monkeypatch, engine, settings) as looker:
        (run,) = looker.look(Artifact.of(b"x"))
    assert run.engine.database == "new"
    assert engine.asked == 2


def test_an_engine_that_vanished_while_we_worked_is_a_failure(
    settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = _Engine("there")
    with _with(monkeypatch, engine, settings) as looker:
        assert looker.look(Artifact.of(b"x"))[0].report.verdict == "clean"
        engine.databases[:] = [None]
        (run,) = looker.look(Artifact.of(b"x"))
    assert run.report.verdict == "failed"
    assert run.report.reason


@dataclass(frozen=True)
class Running:
    """A clamd of our own with one own signature."""

    settings: AnalysisSettings
    database: Path
    process: subprocess.Popen[bytes]


@pytest.fixture
def clamd(tmp_path: Path) -> Iterator[Running]:
    database = tmp_path / "database"
    database.mkdir()
    shutil.copy(CAPTURES / "clam.hdb", database)
    path = tmp_path / "clamd.ctl"
    configuration = tmp_path / "clamd.conf"
    configuration.write_text(
        f"LocalSocket {path}\nDatabaseDirectory {database}\nForeground yes\nStreamMaxLength 1M\n"
        f"LogFile {tmp_path}/log\nPidFile {tmp_path}/pid\nConcurrentDatabaseReload no\nIdleTimeout 1\n"
    )
    binary = shutil.which("clamd") or "/usr/sbin/clamd"
    process = subprocess.Popen(
        [binary, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.exists(), (tmp_path / "log").read_text() if (tmp_path / "log").exists() else "no clamd"
    settings = AnalysisSettings(
        clamd_socket=str(path), clamd_database=str(database), clamd_reload_seconds=0, clamd_seconds=10
    )
    yield Running(settings, database, process)
    process.kill()
    process.wait(10)


@pytest.mark.tool("clamd")
def test_a_real_clamd_finds_its_signature_and_has_a_fingerprint(clamd: Running, testfiles: Path) -> None:
    body = (testfiles / "clam.exe").read_bytes()
    report = _look(body, clamd.settings)
    assert (report.verdict, report.findings[0].value) == ("found", "ClamAV-Test-File.UNOFFICIAL")
    assert _look(b"nothing of note", clamd.settings).verdict == "clean"
    engine = ANALYSERS.load("clamav").engine(clamd.settings)
    assert (engine.version or "").startswith("ClamAV ")
    assert (engine.database or "").startswith("sha256:")


@pytest.mark.tool("clamd")
def test_a_real_clamd_over_its_limit_is_skipped(clamd: Running) -> None:
    report = _look(os.urandom(8 << 20), clamd.settings)
    assert report.verdict == "skipped"


@pytest.mark.tool("clamd")
def test_a_scan_is_counted_for_the_signatures_that_it_was_made_with(clamd: Running) -> None:
    body = b"a body that nobody knows yet"
    analyser = ClamAv()
    first = analyser.engine(clamd.settings)
    assert _look(body, clamd.settings).verdict == "clean"
    signature = f"{hashlib.md5(body).hexdigest()}:{len(body)}:New.Name\n"
    (clamd.database / "new.hdb").write_text(signature)
    second = analyser.engine(clamd.settings)
    assert second.database != first.database
    report = analyser.analyse(Artifact.of(body), clamd.settings)
    assert report is not None
    assert report.verdict == "found", report.reason


@pytest.mark.tool("clamd")
def test_a_real_clamd_that_is_killed_is_a_failure(clamd: Running) -> None:
    clamd.process.send_signal(signal.SIGSTOP)  # it takes the stream and never answers
    killer = threading.Timer(0.5, clamd.process.kill)
    killer.start()
    report = _look(b"x" * 1000, clamd.settings)
    killer.join()
    assert report.verdict == "failed"
    clamd.process.wait(10)
    report = _look(b"x", clamd.settings)
    assert report.verdict == "failed"
    assert "Connection refused" in (report.reason or "")
