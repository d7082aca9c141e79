# SPDX-License-Identifier: Apache-2.0
"""Containers give their members with the exact digest, and never more than they may."""

from __future__ import annotations

import base64
import binascii
import bz2
import gzip
import hashlib
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
import zipfile
import zlib
from email.message import EmailMessage
from pathlib import Path

import msgspec
import py7zr
import pytest
import pyzipper
import zstandard
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack
from mead.analysis.unpack.formats import load_formats
from mead.analysis.unpack.passwords import named_in

CLAM = "aa15bcf478d165efd2065190eb473bcb"
HARD = {"clam-pespin.exe"}
"""Its stub notices that it is looked at."""


def _open(data: bytes, settings: AnalysisSettings, name: str | None = None, *words: str) -> Report:
    report = unpack(Artifact.of(data, name, passwords=words), settings)
    assert report is not None
    return report


def _only(data: bytes, settings: AnalysisSettings, name: str | None = None) -> bytes:
    report = _open(data, settings, name)
    assert len(report.children) == 1, report
    return report.children[0].data


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def _aes(members: dict[str, bytes], password: str) -> bytes:
    out = io.BytesIO()
    with pyzipper.AESZipFile(
        out, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as archive:
        archive.setpassword(password.encode())
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_every_format_is_available_here() -> None:
    formats, missing = load_formats()
    assert not missing
    assert len(formats) > 30


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress, bz2.compress, lzma.compress, zlib.compress, zstandard.ZstdCompressor().compress,
        lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
        lambda data: gzip.compress(data[:3000]) + gzip.compress(data[3000:]),
        lambda data: bz2.compress(data[:3000]) + bz2.compress(data[3000:]),
    ],
    ids=["gzip", "bzip2", "xz", "zlib", "zstd", "lzma", "two gzip members", "two bzip2 streams"],
)  # fmt: skip
def test_a_stream_gives_its_content(packed: object, noise: bytes, settings: AnalysisSettings) -> None:
    assert _only(packed(noise), settings) == noise  # type: ignore[operator]


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip_methods(method: int, noise: bytes, settings: AnalysisSettings) -> None:
    assert _only(_zip({"a/b.bin": noise + b"x" * 5000}, method), settings) == noise + b"x" * 5000


def test_a_zip_without_its_directory_still_gives_its_members(
    noise: bytes, settings: AnalysisSettings
) -> None:
    whole = _zip({"one": noise, "two": b"text" * 50})
    cut = whole[: whole.index(b"PK\x01\x02")]
    assert {child.name for child in _open(cut, settings).children} == {"one", "two"}


def test_a_zip_behind_a_program_is_found(program: bytes, noise: bytes, settings: AnalysisSettings) -> None:
    assert noise in {child.data for child in _open(program + _zip({"x": noise}), settings).children}


def test_deflate64_and_implode_come_from_the_test_files(testfiles: Path, settings: AnalysisSettings) -> None:
    for name in ("clam.d64.zip", "clam.impl.zip"):
        assert hashlib.md5(_only((testfiles / name).read_bytes(), settings)).hexdigest() == CLAM


def test_aes_zip_opens_with_a_usual_password_and_says_which(noise: bytes, settings: AnalysisSettings) -> None:
    (child,) = _open(_aes({"x.bin": noise}, "infected"), settings).children
    assert child.data == noise
    assert (child.relation, child.detail) == ("unpacked_with", "password infected")


def test_zip_opens_with_a_password_from_the_text_around(noise: bytes, settings: AnalysisSettings) -> None:
    data = _aes({"x.bin": noise}, "Q7-plum!")
    assert (
        _open(data, settings, None, *named_in(b"Hello, the password is: Q7-plum!\n")).children[0].data
        == noise
    )


def test_zip_opens_with_its_own_name(noise: bytes, settings: AnalysisSettings) -> None:
    assert _open(_aes({"x.bin": noise}, "invoice-17"), settings, "invoice-17.zip").children[0].data == noise


@pytest.mark.tool("7z")
def test_classic_zip_encryption(tmp_path: Path, noise: bytes, settings: AnalysisSettings) -> None:
    (tmp_path / "x.bin").write_bytes(noise)
    command = ["7z", "a", "-tzip", "-pvirus", "-mem=ZipCrypto", "a.zip", "x.bin"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    (child,) = _open((tmp_path / "a.zip").read_bytes(), settings).children
    assert (child.data, child.detail) == (noise, "password virus")


def test_an_encrypted_zip_that_no_password_opens_is_skipped_and_says_so(
    noise: bytes, settings: AnalysisSettings
) -> None:
    report = _open(_aes({"x.bin": noise}, "kT#9-unknown"), settings)
    assert report.verdict == "skipped"
    assert "encrypted" in {finding.claim for finding in report.findings}
    assert not report.children


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (b"Password: 4471", "4471"), (b"the archive password is infected.", "infected"),
        ("Passwort: grün7".encode(), "grün7"), (b'pass - "abc def"', "abc"), (b"<b>PIN: 9921</b>", "9921"),
        ("пароль: лето".encode(), "лето"), ("解压密码：8888".encode(), "8888"),
    ],
)  # fmt: skip
def test_passwords_are_found_in_text(text: bytes, word: str) -> None:
    assert word in named_in(text)


def test_seven_zip(noise: bytes, settings: AnalysisSettings) -> None:
    for password in (None, "infected"):
        out = io.BytesIO()
        with py7zr.SevenZipFile(out, "w", password=password, header_encryption=bool(password)) as archive:
            archive.writestr(noise, "x.bin")
        (child,) = _open(out.getvalue(), settings).children
        assert (child.data, child.name) == (noise, "x.bin")


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_tar(form: int, noise: bytes, settings: AnalysisSettings) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as archive:
        entry = tarfile.TarInfo("../../etc/x" + "y" * 60)
        entry.size = len(noise)
        archive.addfile(entry, io.BytesIO(noise))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert _only(out.getvalue(), settings) == noise


@pytest.mark.tool("compress")
def test_compress(noise: bytes, settings: AnalysisSettings) -> None:
    packed = subprocess.run(["compress", "-c"], input=noise * 20, check=True, capture_output=True).stdout
    assert _only(packed, settings) == noise * 20


def test_ar_with_long_names(noise: bytes, settings: AnalysisSettings) -> None:
    def head(name: str, size: int) -> bytes:
        return f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{size:<10}`\n".encode()

    table = b"a-very-long-member-name.o/\n"
    data = b"!<arch>\n" + head("//", len(table)) + table + b"\n" + head("/0", len(noise)) + noise
    data += head("short.o/", 3) + b"abc\n"
    assert [(c.name, len(c.data)) for c in _open(data, settings).children] == [
        ("a-very-long-member-name.o", len(noise)), ("short.o", 3),
    ]  # fmt: skip


def _cab(members: dict[str, bytes], method: int) -> bytes:
    content = b"".join(members.values())
    files, at = b"", 0
    for name, data in members.items():
        files += struct.pack("<IIHHHH", len(data), at, 0, 0, 0, 0) + name.encode() + b"\0"
        at += len(data)
    blocks, history, count = b"", b"", 0
    for start in range(0, len(content), 32768):
        piece = content[start : start + 32768]
        packed = piece
        if method:
            stream = (
                zlib.compressobj(9, zlib.DEFLATED, -15, 8, 0, history)
                if history
                else zlib.compressobj(9, 8, -15)
            )
            packed, history = b"CK" + stream.compress(piece) + stream.flush(), piece
        blocks += struct.pack("<IHH", 0, len(packed), len(piece)) + packed
        count += 1
    offset = 36 + 8
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, offset + len(files) + len(blocks), 0,
    offset, 0, 3, 1, 1,
                       len(members), 0, 0, 0)  # fmt: skip
    return head + struct.pack("<IHH", offset + len(files), count, method) + files + blocks


@pytest.mark.parametrize("method", [0, 1], ids=["stored", "MSZIP"])
def test_cabinet(method: int, noise: bytes, settings: AnalysisSettings) -> None:
    members = {"a.txt": b"text " * 20_000, "b.bin": noise}
    assert {c.name: c.data for c in _open(_cab(members, method), settings).children} == members


def test_mail_gives_every_part(noise: bytes, settings: AnalysisSettings) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@example.org", "b@example.org", "invoice"
    message.set_content("see the attachment")
    message.add_attachment(noise, maintype="application", subtype="octet-stream", filename="x.bin")
    children = _open(message.as_bytes(), settings).children
    assert {"x.bin": noise}.items() <= {c.name: c.data for c in children}.items()
    assert any(b"see the attachment" in c.data for c in children)


def test_text_gives_what_is_encoded_in_it(program: bytes, settings: AnalysisSettings) -> None:
    lines = b"\n".join(binascii.b2a_uu(program[n : n + 45]).rstrip() for n in range(0, len(program), 45))
    for text in (
        b"<a href='data:application/octet-stream;base64," + base64.b64encode(program) + b"'>x</a>",
        b"$x = '" + base64.b64encode(program) + b"'\r\n" + b"echo done\n" * 20,
        b"blob = " + program.hex().encode() + b"\n" + b"echo done\n" * 20,
        b"begin 644 x.exe\n" + lines + b"\n`\nend\n",
    ):
        assert program in {child.data for child in _open(text, settings).children}


def test_rtf_object(program: bytes, settings: AnalysisSettings) -> None:
    native = (
        b"\x02\0x.exe\0C:\\x.exe\0"
        + struct.pack("<II", 0x30000, 6)
        + b"x.exe\0"
        + struct.pack("<I", len(program))
        + program
    )
    ole = struct.pack("<III", 0x501, 2, 8) + b"Package\0" + struct.pack("<III", 0, 0, len(native)) + native
    text = ole.hex()
    broken = "\n".join(text[n : n + 64] + "{\\*\\junk 41}" for n in range(0, len(text), 64))
    rtf = b"{\\rtf1 hello {\\object\\objemb{\\*\\objdata " + broken.encode() + b"}}}"
    assert program in {child.data for child in _open(rtf, settings).children}


def test_pdf_attachment(program: bytes, settings: AnalysisSettings) -> None:
    packed = zlib.compress(program)
    head = b"<< /Type /EmbeddedFile /Filter /FlateDecode /Length %d >>" % len(packed)
    pdf = b"%PDF-1.4\n1 0 obj\n" + head + b"\nstream\n" + packed + b"\nendstream\nendobj\n"
    assert program in {child.data for child in _open(pdf, settings).children}


def test_tnef_attachment(noise: bytes, settings: AnalysisSettings) -> None:
    def attribute(kind: int, value: bytes) -> bytes:
        return b"\x02" + struct.pack("<II", kind, len(value)) + value + struct.pack("<H", sum(value) & 0xFFFF)

    data = b"\x78\x9f\x3e\x22\0\0" + attribute(0x00069002, b"\0" * 14) + attribute(0x00018010, b"x.bin\0")
    data += attribute(0x0006800F, noise)
    (child,) = _open(data, settings).children
    assert (child.name, child.data) == ("x.bin", noise)


def test_flash_is_decompressed(noise: bytes, settings: AnalysisSettings) -> None:
    head = b"\x0a" + struct.pack("<I", len(noise) + 8)
    assert _only(b"CWS" + head + zlib.compress(noise), settings) == b"FWS" + head + noise


def test_embedded_program_has_the_length_of_its_headers(program: bytes, settings: AnalysisSettings) -> None:
    assert program in {c.data for c in _open(b"junk" * 100 + program + b"tail" * 100, settings).children}


def test_the_test_files_open(testfiles: Path, settings: AnalysisSettings) -> None:
    def inside(data: bytes, seen: set[str]) -> bool:
        digest = hashlib.md5(data).hexdigest()
        if digest in seen:
            return False
        seen.add(digest)
        report = unpack(Artifact.of(data), settings)
        return digest == CLAM or any(inside(c.data, seen) for c in (report.children if report else ()))

    names = {path.name: inside(path.read_bytes(), set()) for path in testfiles.iterdir()}
    assert len(names) >= 44
    assert {name for name, found in names.items() if not found} <= HARD


def test_a_bomb_is_met_early(settings: AnalysisSettings) -> None:
    small = msgspec.structs.replace(settings, ratio_free_bytes=1 << 20)
    report = _open(gzip.compress(bytes(50 << 20)), small)
    assert not report.children
    assert [hit.limit for hit in report.limits] == ["unpack.ratio"]
    assert report.verdict == "skipped"


def test_a_member_over_its_bound_does_not_hide_its_neighbours(
    noise: bytes, settings: AnalysisSettings
) -> None:
    small = msgspec.structs.replace(settings, max_child_bytes=100_000)
    report = _open(_zip({"big": bytes(300_000), "small": noise}), small)
    assert [child.name for child in report.children] == ["small"]
    assert [hit.limit for hit in report.limits] == ["unpack.child"]


def test_too_many_members_are_counted(settings: AnalysisSettings) -> None:
    report = _open(_zip({f"{n}": b"%d" % n for n in range(300)}), settings)
    assert len(report.children) == settings.max_children
    assert [hit.limit for hit in report.limits] == ["unpack.children"]


def test_names_can_be_stored_whatever_they_are(noise: bytes, settings: AnalysisSettings) -> None:
    (child,) = _open(_zip({"a\u202ecod.exe\x1b[2J": noise}), settings).children
    assert child.name
    child.name.encode()
    assert "\0" not in child.name


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_containers_never_raise(
    data: st.DataObject, noise: bytes, settings: AnalysisSettings
) -> None:
    seeds = [
        gzip.compress(noise), _zip({"a": noise, "b": b"x" * 999}), _aes({"a": noise}, "infected"),
        _cab({"a": noise}, 1), lzma.compress(noise), b"070701" + b"0" * 104, b"\x1f\x9d\x90" + noise,
        b"SZDD\x88\xf0'3A\0" + noise, b"\x60\xea\x22\0\x22\x0b\x01\x02\x10\0\x02" + noise[:300],
        b"ITSF\x03" + noise,
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + noise, b"!<arch>\n" + noise, b"!!-lh5-" + noise[:400],
        b"ISc(" + noise[:500],
        b"\x78\x9f\x3e\x22" + noise,
        b"(This file must be converted with BinHex 4.0)\n:" + noise.hex().encode() + b":",
    ]  # fmt: skip
    body = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(0, 8))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    small = msgspec.structs.replace(settings, max_total_bytes=4 << 20, passwords=("infected",))
    unpack(Artifact.of(bytes(body[: cut or None])), small)


@pytest.mark.skipif(
    shutil.which("clamd") is None and not Path("/usr/share/clamav-testfiles").is_dir(),
    reason="needs clamav-testfiles",
)
@hypothesis_settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damaged_test_files_never_raise(
    data: st.DataObject, testfiles: Path, settings: AnalysisSettings
) -> None:
    small = sorted(path for path in testfiles.iterdir() if path.stat().st_size < 40_000)
    body = bytearray(data.draw(st.sampled_from(small)).read_bytes())
    for _ in range(data.draw(st.integers(0, 6))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    bounded = msgspec.structs.replace(
        settings, max_total_bytes=4 << 20, passwords=("x",), emulated_instructions=20_000
    )
    unpack(Artifact.of(bytes(body)), bounded)
