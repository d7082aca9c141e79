# SPDX-License-Identifier: Apache-2.0
"""ClamAV through clamd's socket.

A stream over clamd's limit ends in a broken pipe or an error, a killed clamd in a broken pipe or in
nothing: neither is an answer that could be taken for clean.

Source: clamd(8), commands INSTREAM, PING, RELOAD and VERSION with the `z` prefix.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from mead.analysis.analyser import Artifact, Engine, Finding, Report
from mead.analysis.clamsignatures import Signatures
from mead.analysis.settings import AnalysisSettings

__all__ = ["ANALYSER", "ClamAv"]

CHUNK = 128 * 1024
MAX_ANSWER_BYTES = 8192
_PING_SECONDS = 5.0


class _Refused(Exception):  # noqa: N818  # becomes a reason, not an error
    """clamd stopped taking the stream."""


class ClamAv:
    """Hands bodies to clamd and says with which signatures it answered."""

    name = "clamav"
    jailed = False

    def __init__(self) -> None:
        self._signatures = Signatures()

    def engine(self, settings: AnalysisSettings) -> Engine:
        """Clamd's own version, and the fingerprint of the signatures that it has loaded."""
        database = self._signatures.loaded(settings, lambda: _ask(settings, b"zRELOAD\0"))
        return Engine(version=_ask(settings, b"zVERSION\0"), database=database)

    def analyse(self, artifact: Artifact, settings: AnalysisSettings) -> Report | None:
        """`found` with the signature's name, `clean`, `skipped` or `failed` with the reason.

        `None` only where no clamd was asked for and none is at the usual place.
        """
        path = settings.clamd_socket
        if not path or (path == AnalysisSettings().clamd_socket and not Path(path).exists()):
            return None
        if len(artifact.data) > settings.clamd_max_bytes:
            return Report(verdict="skipped", reason=f"larger than {settings.clamd_max_bytes} bytes")
        try:
            return _report(_instream(artifact.data, settings))
        except _Refused as error:
            if _ask(settings, b"zPING\0", _PING_SECONDS) != "PONG":
                return Report(verdict="failed", reason=f"clamd at {path} went away during the scan: {error}")
            return Report(verdict="skipped", reason=f"clamd stopped reading, over its limit: {error}")
        except TimeoutError:
            return Report(
                verdict="failed", reason=f"clamd gave no answer in {settings.clamd_seconds} seconds"
            )
        except OSError as error:
            return Report(verdict="failed", reason=f"clamd at {path}: {error.strerror or error}")


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
    reason = answer[:300] or "clamd ended the connection without an answer"
    return Report(verdict="skipped" if limited else "failed", reason=reason)


class _Link:
    """A connection with one deadline for all that is said on it."""

    def __init__(self, link: socket.socket, seconds: float) -> None:
        self._link = link
        self._end = time.monotonic() + seconds

    def _hurry(self) -> socket.socket:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._link.settimeout(left)
        return self._link

    def connect(self, path: str) -> None:
        self._hurry().connect(path)

    def send(self, data: bytes) -> None:
        self._hurry().sendall(data)

    def answer(self) -> str:
        """What clamd says, up to the zero byte or the end of the connection."""
        answer = b""
        while not answer.endswith(b"\0") and len(answer) < MAX_ANSWER_BYTES:
            piece = self._hurry().recv(4096)
            if not piece:
                break
            answer += piece
        return answer.rstrip(b"\0").decode("utf-8", "backslashreplace")


@contextlib.contextmanager
def _connected(settings: AnalysisSettings, seconds: float) -> Iterator[_Link]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        link = _Link(connection, seconds)
        link.connect(settings.clamd_socket)
        yield link


def _ask(settings: AnalysisSettings, command: bytes, seconds: float | None = None) -> str | None:
    try:
        with _connected(settings, seconds or settings.clamd_seconds) as link:
            link.send(command)
            return link.answer() or None
    except OSError:
        return None


def _instream(data: bytes, settings: AnalysisSettings) -> str:
    with _connected(settings, settings.clamd_seconds) as link:
        try:
            link.send(b"zINSTREAM\0")
            for at in range(0, len(data), CHUNK):
                piece = data[at : at + CHUNK]
                link.send(struct.pack(">I", len(piece)) + piece)
            link.send(struct.pack(">I", 0))
            return link.answer()
        except (BrokenPipeError, ConnectionResetError) as error:
            answer = ""
            with contextlib.suppress(OSError):
                answer = link.answer()
            raise _Refused(answer or error.strerror) from error


ANALYSER = ClamAv()
