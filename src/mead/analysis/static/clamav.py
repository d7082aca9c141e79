# SPDX-License-Identifier: Apache-2.0
"""ClamAV through clamd's socket.

clamd's VERSION names no database when only own signatures are loaded, so the signature files themselves
are fingerprinted: a later scan with other signatures must be told apart. A stream over clamd's limit ends
in a broken pipe or an error, never in an answer that could be taken for clean.

Source: clamd(8), commands INSTREAM and VERSION with the `z` prefix.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from mead.analysis.analyser import Artifact, Engine, Finding, FunctionAnalyser, Report
from mead.analysis.settings import AnalysisSettings

__all__ = ["ANALYSER", "analyse", "database_fingerprint"]

CHUNK = 128 * 1024
MAX_ANSWER_BYTES = 8192
_SUFFIXES = {
    ".cvd", ".cld", ".cud", ".hdb", ".hsb", ".hdu", ".hsu", ".mdb", ".msb", ".mdu", ".msu", ".ndb", ".ndu",
    ".ldb",
    ".ldu", ".idb", ".fp", ".sfp", ".pdb", ".gdb", ".wdb", ".cdb", ".cbc", ".yar", ".yara", ".pwdb", ".ign",
    ".ign2",
    ".crb", ".info", ".imp", ".rmd", ".zmd", ".db", ".ftm",
}  # fmt: skip


class _Refused(Exception):  # noqa: N818  # becomes a reason, not an error
    """clamd stopped taking the stream."""


def analyse(artifact: Artifact, settings: AnalysisSettings) -> Report | None:
    """`found` with the signatures' names, `clean`, or `skipped` with the reason; `None` without a clamd."""
    if not settings.clamd_socket or not Path(settings.clamd_socket).exists():
        return None
    if len(artifact.data) > settings.clamd_max_bytes:
        return Report(verdict="skipped", reason=f"larger than {settings.clamd_max_bytes} bytes")
    try:
        answer = _instream(artifact.data, settings)
    except _Refused as error:
        return Report(verdict="skipped", reason=f"clamd stopped reading, over its limit: {error}")
    except OSError as error:
        return Report(verdict="failed", reason=f"clamd at {settings.clamd_socket}: {error}")
    return _report(answer)


def _report(answer: str) -> Report:
    _, _, status = answer.partition(": ")
    if status == "OK":
        return Report(verdict="clean")
    if status.endswith(" FOUND"):
        name = status.removesuffix(" FOUND")
        skipped = name.startswith(("Heuristics.Limits.Exceeded", "Heuristics.Encrypted"))
        finding = Finding(claim="clamav", value=name, rule=name, confidence=50 if skipped else 95)
        return Report(
            verdict="skipped" if skipped else "found", findings=(finding,), reason=name if skipped else None
        )
    limited = "limit exceeded" in answer.lower()
    return Report(verdict="skipped" if limited else "failed", reason=answer[:300] or "clamd gave no answer")


@contextlib.contextmanager
def _connected(settings: AnalysisSettings) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.settimeout(settings.clamd_seconds)
        link.connect(settings.clamd_socket)
        yield link


def _answer(link: socket.socket) -> str:
    answer = b""
    while not answer.endswith(b"\0") and len(answer) < MAX_ANSWER_BYTES:
        piece = link.recv(4096)
        if not piece:
            break
        answer += piece
    return answer.rstrip(b"\0").decode("utf-8", "backslashreplace")


def _instream(data: bytes, settings: AnalysisSettings) -> str:
    with _connected(settings) as link:
        try:
            link.sendall(b"zINSTREAM\0")
            for at in range(0, len(data), CHUNK):
                piece = data[at : at + CHUNK]
                link.sendall(struct.pack(">I", len(piece)) + piece)
            link.sendall(struct.pack(">I", 0))
            return _answer(link)
        except (BrokenPipeError, ConnectionResetError) as error:
            with contextlib.suppress(OSError):
                if answer := _answer(link):
                    raise _Refused(answer) from error
            raise _Refused(str(error)) from error


def database_fingerprint(directory: str) -> str | None:
    """Digest over names, sizes and contents of all signature files; `None` when there are none."""
    root = Path(directory)
    if not directory or not root.is_dir():
        return None
    paths = sorted(p for p in root.rglob("*") if p.suffix in _SUFFIXES and p.is_file())
    state = []
    for path in paths:
        with contextlib.suppress(OSError):
            stat = path.stat()
            state.append((str(path), stat.st_size, stat.st_mtime_ns))
    return _fingerprint(tuple(state), str(root)) if state else None


@lru_cache(maxsize=8)
def _fingerprint(state: tuple[tuple[str, int, int], ...], root: str) -> str:
    digest = hashlib.sha256()
    for name, size, _ in state:
        digest.update(f"{Path(name).relative_to(root)}\0{size}\0".encode())
        with contextlib.suppress(OSError), Path(name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return f"sha256:{digest.hexdigest()[:32]}"


def _engine(settings: AnalysisSettings) -> Engine:
    try:
        with _connected(settings) as link:
            link.sendall(b"zVERSION\0")
            version: str | None = _answer(link)
    except OSError:
        version = None
    return Engine(version=version, database=database_fingerprint(settings.clamd_database))


ANALYSER = FunctionAnalyser("clamav", analyse, _engine, jailed=False)
