# SPDX-License-Identifier: Apache-2.0
"""A clamd of the deck's own: on a unix socket below the data directory, without touching the system's.

It loads the system's signatures when there are any, and the operator's own from `clamd/signatures`. With
no signatures at all it is not started: an engine that knows nothing would say "clean" to everything.

It does not load signatures in the background, so that no scan is made with others than it is counted for.
Before it loads them it waits for idle threads to end, hence the short `IdleTimeout`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from mead.analysis.clamsignatures import SUFFIXES
from mead.deck.layout import Layout

__all__ = ["SYSTEM_SIGNATURES", "Clamd", "follow", "has_signatures", "own_signatures", "prepare"]

SYSTEM_SIGNATURES = Path("/var/lib/clamav")
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
IdleTimeout 1
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
    database = own if has_signatures(own) else SYSTEM_SIGNATURES
    if not has_signatures(database):
        return f"no signatures in {SYSTEM_SIGNATURES} or {own}: run freshclam, or put some there"
    if database == own:
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


def follow(directory: Path) -> None:
    """Take up what an update of the system's signatures changed since `prepare`."""
    own = directory / "signatures"
    if has_signatures(own):
        _link_system_signatures(own)


def own_signatures(data_dir: Path) -> Path:
    """Where the operator's own signatures are put."""
    return Layout(data_dir).clamd / "signatures"


def has_signatures(directory: Path) -> bool:
    """Whether there is any file that clamd would load."""
    try:
        return any(path.suffix in SUFFIXES for path in directory.iterdir())
    except OSError:
        return False


def _link_system_signatures(own: Path) -> None:
    """Our clamd reads one directory only: the system's files are linked into ours, as they are now.

    An update brings files under other names: links that lead nowhere would keep clamd from starting.
    """
    for link in own.iterdir():
        if link.is_symlink() and not link.exists():
            link.unlink(missing_ok=True)
    for path in SYSTEM_SIGNATURES.iterdir() if SYSTEM_SIGNATURES.is_dir() else ():
        link = own / path.name
        if path.suffix in SUFFIXES and not os.path.lexists(link):
            link.symlink_to(path)
