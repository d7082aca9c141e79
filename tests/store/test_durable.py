from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mead.errors import StoreError
from mead.store.durable import (
    WriterLock,
    cannot_write,
    fsync_directory,
    fsync_file,
    make_directory,
    publish,
    write_file,
)


def _path(handle: int) -> Path:
    return Path(f"/proc/self/fd/{handle}").readlink()


def test_directories_are_made_down_to_the_last_and_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(str(_path(handle))), real(handle)))
    make_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
    assert synced == [str(tmp_path), str(tmp_path / "a")]


def test_a_file_is_synced_before_it_is_named_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace
    monkeypatch.setattr(
        os,
        "fsync",
        lambda handle: (
            steps.append("sync " + _path(handle).name),
            real_sync(handle),
        ),
    )
    monkeypatch.setattr(Path, "replace", lambda old, new: (steps.append("rename"), real_replace(old, new))[1])
    write_file(tmp_path / "t", b"x")
    steps.clear()
    (tmp_path / "folder").mkdir()
    publish(tmp_path / "t", tmp_path / "folder" / "f")
    assert steps == ["sync t", "rename", "sync folder"]
    assert (tmp_path / "folder" / "f").read_bytes() == b"x"
    fsync_file(tmp_path / "folder" / "f")
    fsync_directory(tmp_path)


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    code = "import pathlib, sys; from mead.store.durable import WriterLock as L; L(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"is being written by process {os.getpid()}" in done.stderr
    with pytest.raises(StoreError, match="stop that process first"):
        WriterLock(tmp_path)
    lock.release()
    lock.release()
    WriterLock(tmp_path).release()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_told_from_a_broken_one(tmp_path: Path, number: int) -> None:
    error = cannot_write(tmp_path, OSError(number, os.strerror(number)))
    assert str(tmp_path) in str(error)
    assert os.strerror(number) in str(error)
    assert "free some space" in str(error)
    assert "check the disk" in str(cannot_write(tmp_path, OSError(errno.EIO, "Input/output error")))
