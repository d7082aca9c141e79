# SPDX-License-Identifier: Apache-2.0
"""Debian's own unpackers for what ours cannot open: `7z` (RAR, ISO, UDF, WIM …) and `upx`.

They run in a jail of their own, with no network, write only into a directory that is removed afterwards,
and are used only when nothing else took the body apart.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mead.analysis.analyser import Artifact, Child, Engine, Finding, LimitHit, Report, Run, Verdict
from mead.analysis.settings import AnalysisSettings
from mead.jail import JailLimits, JailPool

__all__ = ["run_with_tool", "tool_for", "unpack_in_jail"]

_SEVEN_ZIP = ("/usr/lib/p7zip/7z", "/usr/lib/7zip/7z", "/usr/lib/p7zip/7za", "/usr/bin/7zz")
_MAGICS = (
    (0, b"Rar!\x1a\x07"), (32769, b"CD001"),
    (0, b"MSWIM\0\0\0"), (0, b"hsqs"), (0, b"xar!"), (0, b"\xed\xab\xee\xdb"),
    (0, b"conectix"), (0, b"KDMV"), (0, b"QFI\xfb"), (0, b"vhdxfile"), (0, b"EGGA"), (0, b"ALZ\x01"),
    (2, b"-lz"), (257, b"ustar"),
)  # fmt: skip
_UPX_MARK = b"UPX!"


def tool_for(data: bytes) -> str | None:
    """The program that may open this, if it is installed."""
    if data[:4] == b"\x7fELF" or data[:2] == b"MZ":
        return shutil.which("upx") if _UPX_MARK in data[: 1 << 20] or _UPX_MARK in data[-4096:] else None
    if any(data[at : at + len(mark)] == mark for at, mark in _MAGICS):
        return next((path for path in _SEVEN_ZIP if Path(path).exists()), None)
    return None


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
            result_bytes=settings.max_total_bytes + (16 << 20), file_bytes=settings.max_child_bytes,
            readable=(str(directory),), writable=(str(directory),), programs=(tool,), open_files=256,
            jobs_per_child=1,
        )  # fmt: skip
        with JailPool(limits, preload=("mead.analysis.tools",)) as pool:
            result = pool.run(unpack_in_jail, artifact, settings, tool, str(directory))
    report = result.value if result.ok else None
    if report is None:
        report = Report(verdict="failed", reason=f"{tool}: {result.failure}: {result.reason}"[:500])
    duration = round((time.monotonic() - started) * 1000)
    engine = Engine(version=Path(tool).name)
    return Run(analyser="tools", report=report, engine=engine, jail_level=result.level, duration_ms=duration)


def unpack_in_jail(artifact: Artifact, settings: AnalysisSettings, tool: str, directory: str) -> Report:
    """Run the tool and gather what it wrote. Executed in the jail."""
    folder = Path(directory)
    source, out = folder / "input", folder / "out"
    source.write_bytes(artifact.data)
    upx = Path(tool).name == "upx"
    problem = ""
    password = None
    for word in ("",) if upx else ("", *artifact.passwords, *settings.passwords):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(exist_ok=True)
        problem = _start(_command(tool, source, out, word, upx=upx), settings)
        password = word or None
        if not problem:
            break
        if "password" not in problem.lower() and "encrypted" not in problem.lower():
            password = None
            break
    limits: list[LimitHit] = []
    children = tuple(_gathered(out, settings, Path(tool).name, password if not problem else None, limits))
    findings = (Finding(claim="container", value=Path(tool).name, confidence=80),) if children else ()
    verdict: Verdict = "skipped" if problem or limits else "done"
    return Report(
        verdict=verdict,
        reason=problem[:400] or None,
        findings=findings,
        children=children,
        limits=tuple(limits),
    )


def _command(tool: str, source: Path, out: Path, word: str, *, upx: bool) -> list[str]:
    if upx:
        return [tool, "-d", "-q", "-o", str(out / "unpacked"), str(source)]
    return [tool, "x", "-y", "-bd", f"-p{word}", f"-o{out}", "-snl-", "--", str(source)]


def _start(command: list[str], settings: AnalysisSettings) -> str:
    """Run it; what it complained about, nothing when it did not."""
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, timeout=settings.analyser_seconds * 0.8,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    text = (done.stderr or done.stdout)[-2000:].decode("utf-8", "backslashreplace")
    return f"exit {done.returncode}: {' '.join(text.split())}"


def _gathered(
    out: Path, settings: AnalysisSettings, tool: str, password: str | None, limits: list[LimitHit]
) -> Iterator[Child]:
    room, count = settings.max_total_bytes, 0
    for path in sorted(out.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        count += 1
        room -= path.stat().st_size
        if count > settings.max_children:
            limits.append(
                LimitHit(limit="unpack.children", limit_value=settings.max_children, unit="members")
            )
            return
        if room < 0:
            limits.append(LimitHit(limit="unpack.total", limit_value=settings.max_total_bytes, unit="bytes"))
            return
        name = str(path.relative_to(out)).encode("utf-8", "backslashreplace").decode()
        if password:
            yield Child(
                data=path.read_bytes(), name=name, relation="unpacked_with", detail=f"password {password}"
            )
        else:
            yield Child(data=path.read_bytes(), name=name, relation="contains", detail=tool)
