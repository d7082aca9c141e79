# SPDX-License-Identifier: Apache-2.0
"""The fingerprint names what clamd has loaded, which is not always what lies on disk."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from mead.analysis.clamsignatures import Signatures, database_fingerprint
from mead.analysis.settings import AnalysisSettings


def test_database_fingerprint_follows_the_files(tmp_path: Path) -> None:
    assert database_fingerprint(str(tmp_path)) is None
    assert database_fingerprint(str(tmp_path / "none")) is None
    signatures = tmp_path / "a.hdb"
    signatures.write_bytes(b"one\n")
    first = database_fingerprint(str(tmp_path))
    signatures.write_bytes(b"two!\n")
    second = database_fingerprint(str(tmp_path))
    assert first != second
    (tmp_path / "freshclam.dat").write_bytes(b"no signature")
    assert database_fingerprint(str(tmp_path)) == second


@pytest.fixture
def clamd(tmp_path: Path, settings: AnalysisSettings) -> AnalysisSettings:
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "a.hdb").write_text("one\n")
    (tmp_path / "socket").touch()
    return msgspec.structs.replace(
        settings,
        clamd_socket=str(tmp_path / "socket"),
        clamd_database=str(tmp_path / "db"),
        clamd_reload_seconds=0,
    )


def test_a_change_is_loaded_once_and_counts_then(clamd: AnalysisSettings) -> None:
    reloads: list[int] = []
    signatures = Signatures()
    first = signatures.loaded(clamd, lambda: reloads.append(1))
    assert not reloads
    (Path(clamd.clamd_database) / "b.hdb").write_text("two\n")
    second = signatures.loaded(clamd, lambda: reloads.append(1))
    assert second == signatures.loaded(clamd, lambda: reloads.append(1)) != first
    assert reloads == [1]


def test_where_clamd_loads_in_the_background_the_old_ones_count_for_a_while(clamd: AnalysisSettings) -> None:
    now = [0.0]
    slow = msgspec.structs.replace(clamd, clamd_reload_seconds=100)
    reloads: list[int] = []
    signatures = Signatures(lambda: now[0])
    first = signatures.loaded(slow, lambda: reloads.append(1))
    (Path(clamd.clamd_database) / "b.hdb").write_text("two\n")
    assert signatures.loaded(slow, lambda: reloads.append(1)) == first
    now[0] = 99.0
    assert signatures.loaded(slow, lambda: reloads.append(1)) == first
    now[0] = 100.0
    assert (
        signatures.loaded(slow, lambda: reloads.append(1))
        == database_fingerprint(clamd.clamd_database)
        != first
    )
    assert reloads == [1]


def test_files_that_are_younger_than_clamd_are_loaded_before_they_count(clamd: AnalysisSettings) -> None:
    reloads: list[int] = []
    os.utime(clamd.clamd_socket, (1, 1))
    Signatures().loaded(clamd, lambda: reloads.append(1))
    assert reloads == [1]
