# SPDX-License-Identifier: Apache-2.0
"""A clamd of the deck's own: on a unix socket below the data directory, without touching the system's.

It loads the system's signatures when there are any, and the operator's own from `clamd/signatures`. With
no signatures at all it is not started: an engine that knows nothing would say "clean" to everything.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Clamd", "prepare"]

SYSTEM_SIGNATURES = Path("/var/lib/clamav")
_SUFFIXES = {".cvd", ".cld", ".hdb", ".hsb", ".ndb", ".ldb", ".yar", ".mdb", ".msb", ".cud"}

_CONFIGURATION = """\
Foreground yes
LocalSocket {socket}
LocalSocketMode 600
DatabaseDirectory {database}
TemporaryDirectory {temporary}
LogFile {log}
LogFileMaxSize 8M
StreamMaxLength {stream_max_bytes}
MaxScanSize {stream_max_bytes}
MaxFileSize {stream_max_bytes}
MaxThreads 4
AlertExceedsMax yes
AlertEncrypted yes
ConcurrentDatabaseReload no
ExitOnOOM yes
"""


@dataclass(frozen=True, slots=True)
class Clamd:
    """How to start it and where it answers."""

    program: Path
    configuration: Path
    socket: Path
    database: Path


def prepare(directory: Path, *, stream_max_bytes: int) -> Clamd | str:
    """Write the configuration; a string says why clamd cannot be used."""
    found = shutil.which("clamd", path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"]))
    if found is None:
        return "clamd is not installed: apt-get install clamav-daemon"
    own = directory / "signatures"
    temporary = directory / "tmp"
    for path in (directory, own, temporary):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = own if _has_signatures(own) else SYSTEM_SIGNATURES
    if not _has_signatures(database):
        return f"no signatures in {SYSTEM_SIGNATURES} or {own}: run freshclam, or put some there"
    if database == own and _has_signatures(SYSTEM_SIGNATURES):
        _link_system_signatures(own)
    socket = directory / "clamd.sock"
    configuration = directory / "clamd.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            socket=socket.absolute(),
            database=database.absolute(),
            temporary=temporary.absolute(),
            log=(directory / "clamd.log").absolute(),
            stream_max_bytes=stream_max_bytes,
        ),
        "utf-8",
    )
    return Clamd(Path(found), configuration, socket, database)


def _has_signatures(directory: Path) -> bool:
    try:
        return any(path.suffix in _SUFFIXES for path in directory.iterdir())
    except OSError:
        return False


def _link_system_signatures(own: Path) -> None:
    """Our clamd reads one directory only: the system's files are linked into ours."""
    for path in SYSTEM_SIGNATURES.iterdir():
        link = own / path.name
        if path.suffix in _SUFFIXES and not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(path)
