# SPDX-License-Identifier: Apache-2.0
"""Which signatures a clamd has loaded.

Its VERSION names no database when only own signatures are loaded, so the files themselves are
fingerprinted: a later scan with other signatures must be told apart. clamd reads changed files when it is
told to, or after minutes; a scan must not be counted for signatures that it was made without.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from mead.analysis.settings import AnalysisSettings

__all__ = ["SUFFIXES", "Signatures", "database_fingerprint"]

SUFFIXES = frozenset(
    """
    .cvd .cld .cud .hdb .hsb .hdu .hsu .mdb .msb .mdu .msu .ndb .ndu .ldb .ldu .idb .fp .sfp .pdb .gdb .wdb
    .cdb .cbc .yar .yara .pwdb .ign .ign2 .crb .info .imp .rmd .zmd .db .ftm .cat
    """.split()  # noqa: SIM905  # forty words read better than forty quotes
)
"""Files that clamd loads. Source: clamd's `CL_DBEXT` (libclamav/readdb.h), by its documentation."""


class Signatures:
    """Follows the signature files of a clamd and has it read them when they changed."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[str, str | None] = {}
        self._changed: dict[str, tuple[str | None, float]] = {}

    def loaded(self, settings: AnalysisSettings, reload: Callable[[], object]) -> str | None:
        """Fingerprint of what clamd answers with; `reload` is called once per change of the files."""
        directory = settings.clamd_database
        there = database_fingerprint(directory)
        with self._lock:
            if directory not in self._known:
                if not settings.clamd_reload_seconds and _younger_than(settings.clamd_socket, directory):
                    reload()
                self._known[directory] = there
            elif there != self._known[directory]:
                self._follow(directory, there, settings.clamd_reload_seconds, reload)
            return self._known[directory]

    def _follow(self, directory: str, there: str | None, seconds: int, reload: Callable[[], object]) -> None:
        now = self._monotonic()
        changed, since = self._changed.get(directory, (None, now))
        if changed != there or directory not in self._changed:
            reload()
            self._changed[directory] = (there, now)
            since = now
        if now - since >= seconds:
            self._known[directory] = there
            self._changed.pop(directory, None)


def _younger_than(socket: str, directory: str) -> bool:
    """Whether a signature file is younger than clamd, which made its socket when it had loaded them."""
    try:
        begun = Path(socket).stat().st_mtime_ns
    except OSError:
        return False
    return any(changed > begun for _, _, changed in _state(directory))


_State = tuple[tuple[str, int, int], ...]


def _state(directory: str) -> _State:
    root = Path(directory)
    if not directory or not root.is_dir():
        return ()
    state = []
    for path in sorted(root.rglob("*")):
        with contextlib.suppress(OSError):
            if path.suffix in SUFFIXES and path.is_file():
                stat = path.stat()
                state.append((str(path), stat.st_size, stat.st_mtime_ns))
    return tuple(state)


def database_fingerprint(directory: str) -> str | None:
    """Digest over names, sizes and contents of all signature files; `None` when there are none."""
    state = _state(directory)
    return _fingerprint(state, directory) if state else None


@lru_cache(maxsize=8)
def _fingerprint(state: _State, root: str) -> str:
    digest = hashlib.sha256()
    for name, size, _ in state:
        digest.update(f"{Path(name).relative_to(root)}\0{size}\0".encode())
        with contextlib.suppress(OSError), Path(name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:32]}"
