# SPDX-License-Identifier: Apache-2.0
"""Debian's own unpackers for what ours cannot open: `upx`, `7z` and `bsdtar` (RAR, ISO, WIM, RPM …).

They run in a jail of their own, with no network, write only into a directory that is removed afterwards,
and are used only where nothing of ours took the body apart.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from mead.analysis.analyser import Artifact, Engine, LimitHit, Report, Run
from mead.analysis.settings import AnalysisSettings
from mead.analysis.toolbox import unpack_in_jail
from mead.jail import JailLimits, JailPool

__all__ = ["run_with_tool", "tool_for"]

MAX_FILES = 20_000
"""Files and folders that a tool may write; more than are taken, because the rest has to be removed."""
_WATCH_SECONDS = 0.1

_PROGRAMS = {
    "upx": ("upx",),
    "7z": ("/usr/lib/p7zip/7z", "/usr/lib/7zip/7z", "7zz", "7za"),
    "bsdtar": ("bsdtar",),
}
_ONLY_TOOLS = (
    (0, b"Rar!\x1a\x07", ("bsdtar", "7z")), (32769, b"CD001", ("7z", "bsdtar")),
    (0, b"\xed\xab\xee\xdb", ("7z", "bsdtar")), (0, b"xar!", ("7z", "bsdtar")),
    (0, b"MSWIM\0\0\0", ("7z",)), (0, b"hsqs", ("7z",)), (0, b"sqsh", ("7z",)), (1080, b"\x53\xef", ("7z",)),
    (0, b"conectix", ("7z",)), (0, b"KDMV", ("7z",)), (0, b"QFI\xfb", ("7z",)), (0, b"vhdxfile", ("7z",)),
)  # fmt: skip
"""Formats that we have no code for: offset, mark, the programs that open them, best first."""
_ALSO_TOOLS = (
    (0, b"7z\xbc\xaf\x27\x1c", ("7z", "bsdtar")), (0, b"PK\x03\x04", ("7z",)), (0, b"MSCF\0\0\0\0", ("7z",)),
    (0, b"ITSF", ("7z",)), (0, b"\x60\xea", ("7z",)), (2, b"-lz", ("7z", "bsdtar")),
    (2, b"-lh", ("7z", "bsdtar")),
)  # fmt: skip
"""Formats of which we lack a method or two."""
_UPX_MARK = b"UPX!"


@cache
def _installed(name: str) -> str | None:
    return next((path for place in _PROGRAMS[name] if (path := shutil.which(place))), None)


def tool_for(data: bytes, unpacked: Report | None = None) -> str | None:
    """The program that may open this, if there is need for it and it is installed.

    Args:
        data: the body.
        unpacked: what our own unpackers said of it.
    """
    if data[:4] == b"\x7fELF" or data[:2] == b"MZ":
        return _installed("upx") if _UPX_MARK in data[: 1 << 20] or _UPX_MARK in data[-4096:] else None
    if unpacked is not None and not _left_something(unpacked):
        return None
    table = _ONLY_TOOLS if unpacked is None else (*_ONLY_TOOLS, *_ALSO_TOOLS)
    names = next((names for at, mark, names in table if data[at : at + len(mark)] == mark), ())
    return next((path for name in names if (path := _installed(name))), None)


def _left_something(unpacked: Report) -> bool:
    """Whether our own unpackers opened nothing, for another reason than a bound or a password."""
    opened = {finding.value for finding in unpacked.findings if finding.claim == "container"}
    locked = any(finding.claim == "encrypted" for finding in unpacked.findings)
    return not (opened - {"embedded"} or locked or unpacked.limits)


def run_with_tool(artifact: Artifact, settings: AnalysisSettings, tool: str) -> Run:
    """Let `tool` take the body apart in a jail."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mead-") as name:
        directory = Path(name) / "work"
        directory.mkdir()
        directory.chmod(0o777)
        directory.parent.chmod(0o711)
        limits = JailLimits(
            wall_seconds=settings.analyser_seconds, cpu_seconds=settings.analyser_seconds,
            memory_bytes=settings.memory_bytes, address_space_bytes=settings.memory_bytes + (4 << 30),
            result_bytes=settings.max_total_bytes + (16 << 20),
            file_bytes=max(settings.max_child_bytes + 1, len(artifact.data)),
            readable=(str(directory),), writable=(str(directory),), programs=(tool,), open_files=256,
            jobs_per_child=1,
        )  # fmt: skip
        with (
            JailPool(limits, preload=("mead.analysis.toolbox",)) as pool,
            _watched(directory, len(artifact.data) + settings.max_total_bytes, pool) as reached,
        ):
            result = pool.run(unpack_in_jail, artifact, settings, tool, str(directory))
    if reached:
        report = Report(verdict="skipped", reason=f"{tool} wrote more than it may", limits=tuple(reached))
    elif result.value is None:
        report = Report(verdict="failed", reason=f"{tool}: {result.failure}: {result.reason}"[:500])
    else:
        report = result.value
    duration = round((time.monotonic() - started) * 1000)
    engine = Engine(version=_version(tool))
    return Run(analyser="tools", report=report, engine=engine, jail_level=result.level, duration_ms=duration)


@contextmanager
def _watched(directory: Path, most: int, pool: JailPool) -> Iterator[list[LimitHit]]:
    """End the pool's children when there is too much in the directory; the list then says of what."""
    reached: list[LimitHit] = []
    end = threading.Event()

    def watch() -> None:
        while not end.wait(_WATCH_SECONDS):
            hit = _too_much(directory, most)
            if hit:
                reached.append(hit)
                pool.close()
                return

    thread = threading.Thread(target=watch, name="watches a tool", daemon=True)
    thread.start()
    try:
        yield reached
    finally:
        end.set()
        thread.join()


def _too_much(directory: Path, most: int) -> LimitHit | None:
    """The bound that the directory is over: bytes on disk (holes not counted), or files."""
    total = 0
    for count, path in enumerate(directory.rglob("*")):
        with suppress(OSError):  # what vanishes meanwhile counts nothing
            total += path.lstat().st_blocks * 512
        if total > most:
            return LimitHit(limit="unpack.total", limit_value=most, unit="bytes")
        if count >= MAX_FILES:
            return LimitHit(limit="unpack.files", limit_value=MAX_FILES, unit="files")
    return None


@cache
def _version(tool: str) -> str:
    """The first line in which the program says what it is; its name when it does not."""
    flags = [] if Path(tool).name.startswith("7z") else ["--version"]
    try:
        done = subprocess.run(
            [tool, *flags], check=False, capture_output=True, timeout=10, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return Path(tool).name
    lines = done.stdout.decode("utf-8", "replace").split("\n")
    return next((line.partition(" : ")[0].strip() for line in lines if line.strip()), Path(tool).name)[:80]
