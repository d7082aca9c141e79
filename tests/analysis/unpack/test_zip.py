# SPDX-License-Identifier: Apache-2.0
"""ZIP as hostile people write it: overlapping, repeated, cut off, with wrong checksums, without end."""

from __future__ import annotations

import io
import struct
import subprocess
import time
import zipfile
import zlib
from pathlib import Path

import msgspec
import pytest

from mead.analysis.analyser import Artifact, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.analyser import unpack
from mead.analysis.unpack.zip import MAX_MEMBERS_LISTED, members


def _open(data: bytes, settings: AnalysisSettings) -> Report:
    report = unpack(Artifact.of(data), settings)
    assert report is not None
    return report


def _zip(contents: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    return out.getvalue()


def _local(flags: int, packed: bytes, size: int, crc: int, method: int = 8) -> bytes:
    return (
        struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 20, flags, method, 0, 0, crc, len(packed), size, 1, 0) + b"a"
    )


def _overlapping(content: bytes, count: int) -> bytes:
    """Many directory entries for one compressed body: the zip bomb that needs no nesting."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = stream.compress(content) + stream.flush()
    crc = zlib.crc32(content)
    local = _local(0, packed, len(content), crc) + packed
    directory = b"".join(
        struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 20, 20, 0, 8, 0, 0, crc, len(packed), len(content), 5,
        0, 0, 0, 0, 0, 0) + b"%05d" % n
        for n in range(count)
    )  # fmt: skip
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, len(directory), len(local), 0)
    return local + directory + end


def test_an_overlapping_bomb_gives_no_more_than_it_may(settings: AnalysisSettings) -> None:
    report = _open(_overlapping(bytes(10 << 20), 2000), settings)
    assert sum(len(child.data) for child in report.children) <= 30 << 20
    assert report.verdict == "skipped"
    assert report.limits


def test_streamed_headers_without_end_cost_no_more_than_their_bytes(settings: AnalysisSettings) -> None:
    data = _local(8, b"", 0, 0) * 20_000 + bytes(4_000_000)
    started = time.process_time()
    assert len(members(data)) == MAX_MEMBERS_LISTED
    assert time.process_time() - started < 5


def test_more_members_than_are_listed_are_a_limit(
    settings: AnalysisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.analysis.unpack.zip.MAX_MEMBERS_LISTED", 50)
    report = _open(_zip({str(n): b"" for n in range(100)}), settings)
    assert [hit.limit for hit in report.limits] == ["unpack.listed"]


def test_a_wrong_checksum_is_told_and_hides_nothing(noise: bytes, settings: AnalysisSettings) -> None:
    data = _zip({"x.exe": noise})
    broken = data.replace(struct.pack("<I", zlib.crc32(noise)), b"\1\2\3\4")
    report = _open(broken, settings)
    assert [child.data for child in report.children] == [noise]
    assert (report.verdict, report.reason) == ("skipped", "zip: damaged: x.exe: wrong checksum")


def test_a_member_that_is_cut_off_gives_what_is_there(noise: bytes, settings: AnalysisSettings) -> None:
    data = _zip({"x.exe": noise}, zipfile.ZIP_STORED)[:3000]
    (child,) = _open(data, settings).children
    assert noise.startswith(child.data)
    assert len(child.data) > 2000
    assert "cut off" in (_open(data, settings).reason or "")


def test_names_are_kept_as_they_are_and_lead_nowhere(
    tmp_path: Path, noise: bytes, settings: AnalysisSettings
) -> None:
    escape = f"../../../../../..{tmp_path}/escaped"
    names = {escape: b"1" * 50, "/etc/x": b"2" * 50, "C:\\x": b"3" * 50, "..\\..\\x": b"4" * 50}
    data = _zip({**names, "xyz": b"5" * 50}).replace(b"xyz", b"\xff\xfe\xfd")
    found = {child.name for child in _open(data, settings).children}
    assert set(names) < found
    assert len(found) == 5
    assert not (tmp_path / "escaped").exists()


def test_two_members_of_one_name_are_two(settings: AnalysisSettings) -> None:
    data = _zip({"aaa": b"first" * 20, "bbb": b"second" * 20}).replace(b"bbb", b"aaa")
    assert [child.data for child in _open(data, settings).children] == [b"first" * 20, b"second" * 20]


def test_an_empty_archive_is_nothing_to_complain_of(settings: AnalysisSettings) -> None:
    assert unpack(Artifact.of(_zip({})), settings) is None


@pytest.mark.tool("7z")
@pytest.mark.parametrize("method", ["Deflate64", "PPMd", "LZMA", "BZip2"])
def test_methods_that_seven_zip_writes(
    method: str, tmp_path: Path, noise: bytes, settings: AnalysisSettings
) -> None:
    content = b"some text to compress " * 3000 + noise
    (tmp_path / "x").write_bytes(content)
    command = ["7z", "a", "-tzip", f"-mm={method}", "a.zip", "x"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    data = (tmp_path / "a.zip").read_bytes()
    assert [child.data for child in _open(data, settings).children] == [content]


@pytest.mark.tool("7z")
def test_ppmd_that_is_cut_off_ends(tmp_path: Path, noise: bytes, settings: AnalysisSettings) -> None:
    (tmp_path / "x").write_bytes(noise * 20)
    command = ["7z", "a", "-tzip", "-mm=PPMd", "a.zip", "x"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    data = (tmp_path / "a.zip").read_bytes()
    assert _open(data[:3000], settings).verdict == "skipped"


def test_zip64_sizes(noise: bytes, settings: AnalysisSettings) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("x", "w", force_zip64=True) as member:
        member.write(noise)
    assert [child.data for child in _open(out.getvalue(), settings).children] == [noise]


def test_a_password_is_never_taken_for_right_by_half_of_a_member(settings: AnalysisSettings) -> None:
    narrow = msgspec.structs.replace(settings, passwords=tuple(f"wrong{n}" for n in range(600)))
    clock_byte = _local(9, b"\x55" * 400, 380, 0x12345678)
    report = _open(clock_byte + b"\x55" * 400, narrow)
    assert not report.children
