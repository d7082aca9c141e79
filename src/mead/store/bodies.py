# SPDX-License-Identifier: Apache-2.0
"""Bodies on disk, named by their digest: `ab/cd/abcd…`, written once, never executable.

A body is written to `tmp/`, hashed on the way, fsynced, given mode 0440 and renamed to its name, and the
directories are fsynced, before `put` returns: after that no crash can lose it and no reader can see a
part of it. What is read is hashed again; a body that is not what its name says goes to `quarantine/`.

Several processes may use one directory. A writer holds a lock on its temporary file, so that the next
one to open the store can tell what a crash left behind from what is being written. A body's time of
modification says when it was last wanted; whoever forgets a body holds a lock on it, so that it cannot
vanish between being found and being relied on.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from mead.errors import InputError, StoreError
from mead.model.artifact import Stored, is_sha256
from mead.store.durable import fsync_directory

__all__ = ["DEFAULT_MAX_BODY_BYTES", "BodyStore"]

DEFAULT_MAX_BODY_BYTES = 1 << 30
_FULL = {errno.ENOSPC, errno.EDQUOT}
_BODY_MODE, _DIRECTORY_MODE = 0o440, 0o750


class BodyStore:
    """A directory of bodies; blocking, safe to use from several threads and processes.

    Args:
        directory: where the bodies are; made if it is missing.
        max_body_bytes: the largest body that is taken.

    Raises:
        StoreError: the directory cannot be made or used.
    """

    def __init__(self, directory: Path, *, max_body_bytes: int = DEFAULT_MAX_BODY_BYTES) -> None:
        self.directory = directory
        self.max_body_bytes = max_body_bytes
        self._temporary = directory / "tmp"
        self._quarantine = directory / "quarantine"
        with self._explained("opening the store of bodies"):
            for needed in (directory, self._temporary, self._quarantine):
                needed.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
            self._sweep()

    def put(self, data: bytes) -> Stored:
        """Store a body; it is durable when this returns.

        Raises:
            InputError: it is larger than `max_body_bytes`.
            StoreError: the disk is full or fails.
        """
        if len(data) <= self.max_body_bytes:
            sha256 = hashlib.sha256(data).hexdigest()
            with self._explained(f"storing a body of {len(data)} bytes"):
                if self._is_there(sha256, len(data)):
                    return Stored(sha256=sha256, size=len(data), new=False)
        return self.put_stream((data,))

    def put_stream(self, chunks: Iterable[bytes]) -> Stored:
        """Store a body that comes in pieces; nothing of it stays if the pieces end with an exception.

        Raises:
            InputError: it is larger than `max_body_bytes`.
            StoreError: the disk is full or fails.
        """
        digest, size = hashlib.sha256(), 0
        with self._temporary_file() as (name, file):
            for chunk in chunks:
                size += len(chunk)
                if size > self.max_body_bytes:
                    raise InputError(f"the body is larger than {self.max_body_bytes} bytes: not stored")
                digest.update(chunk)
                with self._explained(f"storing a body, {size} bytes so far"):
                    _write(file, chunk)
            with self._explained(f"storing a body of {size} bytes"):
                return self._keep(name, file, digest.hexdigest(), size)

    def read(self, sha256: str) -> bytes:
        """The body, hashed again.

        Raises:
            StoreError: there is no such body, or it was damaged (then it is in quarantine now).
        """
        path = self.path(sha256)
        with self._explained(f"reading body {sha256}"):
            data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            aside = self._put_aside(path)
            raise StoreError(
                f"{path}: the body of {len(data)} bytes is not what its name says; it is now {aside}."
                " Restore it from a copy, or let it be captured again"
            )
        return data

    def has(self, sha256: str) -> bool:
        """Whether there is a body of this digest."""
        return self.path(sha256).is_file()

    def want(self, sha256: str) -> bool:
        """Whether there is a body of this digest; it counts as wanted now."""
        with self._explained(f"looking for body {sha256}"):
            return self._wanted(self.path(sha256)) is not None

    def unwanted(self, before: datetime) -> Iterator[str]:
        """Digests of the bodies that nobody stored or wanted since a moment, in no order."""
        limit = before.timestamp()
        for first in _entries(self.directory):
            for second in _entries(first.path) if len(first.name) == 2 else ():
                for body in _entries(second.path):
                    with contextlib.suppress(FileNotFoundError):
                        if is_sha256(body.name) and body.stat().st_mtime < limit:
                            yield body.name

    def forget(self, sha256: str, before: datetime) -> bool:
        """Remove a body, unless somebody stored or wanted it since a moment; whether it was removed."""
        path = self.path(sha256)
        with self._explained(f"forgetting body {sha256}"), _locked(path, fcntl.LOCK_EX) as file:
            if file is None or os.fstat(file).st_mtime >= before.timestamp():
                return False
            path.unlink()
            return True

    def path(self, sha256: str) -> Path:
        """Where the body of this digest is or would be.

        Raises:
            ValueError: it is no sha256 in lower-case hex.
        """
        if not is_sha256(sha256):
            raise ValueError(f"not a sha256 in lower-case hex: {sha256[:80]!r}")
        return self.directory / sha256[:2] / sha256[2:4] / sha256

    def digests(self) -> Iterator[str]:
        """Digests of all bodies, in order."""
        for path in sorted(self.directory.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")):
            if is_sha256(path.name):
                yield path.name

    def _keep(self, name: Path, file: int, sha256: str, size: int) -> Stored:
        """Make a body that is wholly written durable under its own name."""
        if self._is_there(sha256, size):
            return Stored(sha256=sha256, size=size, new=False)
        os.fchmod(file, _BODY_MODE)
        os.fsync(file)
        home = self._home(sha256)
        name.rename(home / sha256)
        fsync_directory(home)
        return Stored(sha256=sha256, size=size, new=True)

    def _is_there(self, sha256: str, size: int) -> bool:
        path = self.path(sha256)
        present = self._wanted(path)
        if present is None:
            return False
        if present != size:
            self._put_aside(path)
            return False
        fsync_directory(path.parent)  # whoever wrote it may not have come to this yet
        return True

    def _wanted(self, path: Path) -> int | None:
        """The size of a body, which counts as wanted now; None if it is not there."""
        with _locked(path, fcntl.LOCK_SH) as file:
            if file is None:
                return None
            os.utime(file)
            return os.fstat(file).st_size

    def _home(self, sha256: str) -> Path:
        home = self.path(sha256).parent
        for needed in (home.parent, home):
            with contextlib.suppress(FileExistsError):
                needed.mkdir(_DIRECTORY_MODE)
            fsync_directory(needed.parent)
        return home

    def _put_aside(self, path: Path) -> Path:
        with self._explained(f"putting the damaged body {path.name} aside"):
            number = 0
            while (aside := self._quarantine / f"{path.name}.{number}").exists():
                number += 1
            path.rename(aside)
            fsync_directory(path.parent)
            fsync_directory(self._quarantine)
        return aside

    @contextmanager
    def _temporary_file(self) -> Iterator[tuple[Path, int]]:
        with self._explained("starting to store a body"):
            file, name = self._locked_file()
        try:
            yield name, file
        finally:
            with contextlib.suppress(OSError):
                name.unlink(missing_ok=True)
            os.close(file)

    def _locked_file(self) -> tuple[int, Path]:
        while True:
            file, name = tempfile.mkstemp(dir=self._temporary)
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink:
                return file, Path(name)
            os.close(file)  # swept between the two calls

    def _sweep(self) -> None:
        """Remove what writers that are gone have left."""
        for left in self._temporary.iterdir():
            try:
                file = os.open(left, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink(missing_ok=True)
            except BlockingIOError:
                pass
            finally:
                os.close(file)

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        """Say what failed and what to do."""
        try:
            yield
        except FileNotFoundError as error:
            raise StoreError(f"{self.directory}: {doing}: there is none ({error.filename})") from error
        except OSError as error:
            advice = (
                "the disk is full; free space or move data_dir" if error.errno in _FULL else error.strerror
            )
            raise StoreError(f"{self.directory}: {doing}: {advice}") from error


@contextmanager
def _locked(path: Path, how: int) -> Iterator[int | None]:
    """The open file under a lock; None if it is not there, or was removed while we waited for the lock."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(file, how)
        yield file if os.fstat(file).st_nlink else None
    finally:
        os.close(file)


def _entries(directory: str | Path) -> Iterator[os.DirEntry[str]]:
    with contextlib.suppress(NotADirectoryError), os.scandir(directory) as entries:
        yield from entries


def _write(file: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(file, view) :]
