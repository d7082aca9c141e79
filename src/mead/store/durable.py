# SPDX-License-Identifier: Apache-2.0
"""Making files survive a power cut, and making sure that only one process writes them.

A new file is whole and on disk before it gets its name, and the name is on disk before anybody is told.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from pathlib import Path

from mead.errors import StoreError

__all__ = [
    "WriterLock",
    "cannot_write",
    "fsync_directory",
    "fsync_file",
    "make_directory",
    "publish",
    "write_file",
]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def fsync_file(path: Path) -> None:
    """Wait until the file's content is on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def fsync_directory(path: Path) -> None:
    """Wait until the names in a directory are on disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_directory(path: Path) -> None:
    """Create a directory and its parents, durably."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        directory.mkdir(mode=0o750, exist_ok=True)
        fsync_directory(directory.parent)


def write_file(path: Path, data: bytes) -> None:
    """Write a new file and wait until it is on disk; its name is not yet."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def publish(temporary: Path, final: Path) -> None:
    """Give a finished file its name, durably. Both are on one file system."""
    fsync_file(temporary)
    make_directory(final.parent)
    temporary.replace(final)
    fsync_directory(final.parent)


def cannot_write(path: Path, error: Exception) -> StoreError:
    """The error to raise when writing below `path` failed: what, where, what next."""
    number = getattr(error, "errno", None)
    if number is None and (found := re.search(r"\[errno (\d+)\]", str(error))):
        number = int(found[1])  # Arrow names it in its text only
    full = number in _FULL or "No space left" in str(error) or "File too large" in str(error)
    reason = os.strerror(number) if number else str(error).strip().splitlines()[0]
    advice = (
        "free some space there or lower store.retention_days"
        if full
        else "check the disk and the permissions of that directory"
    )
    return StoreError(
        f"cannot write to {path}: {reason}; nothing half-written is visible, and what was not stored "
        f"stays on the bus: {advice}"
    )


class WriterLock:
    """The right to write below a directory; held until `release` or the end of the process."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "lock"
        self._handle: int | None = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = os.pread(self._handle, 32, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            message = (
                f"the event store {directory} is being written by process {owner}: stop that process first, "
                "or read without writing (`mead events`)"
            )
            raise StoreError(message) from error
        os.ftruncate(self._handle, 0)
        os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let another process write. The file stays."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
