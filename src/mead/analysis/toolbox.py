# SPDX-License-Identifier: Apache-2.0
"""The side of external unpackers that runs in the jail: start one, gather what it wrote."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mead.analysis.analyser import Artifact, Child, Finding, LimitHit, Report
from mead.analysis.settings import AnalysisSettings
from mead.analysis.unpack.passwords import candidates
from mead.model.artifact import Relation

__all__ = ["unpack_in_jail"]

_HARMLESS = re.compile(rb"Cannot set file attribute|Can't set (?:permissions|user|group|UID|GID)|^Sub items")
"""Complaints about modes and owners, which the jail refuses on purpose."""
_LOCKED = re.compile(r"password|encrypt|passphrase", re.IGNORECASE)
_MAX_TOLD = 400


def unpack_in_jail(artifact: Artifact, settings: AnalysisSettings, tool: str, directory: str) -> Report:
    """Run the tool and gather what it wrote. Executed in the jail."""
    folder, name = Path(directory), Path(tool).name
    source, out = folder / "input", folder / "out"
    source.write_bytes(artifact.data)
    seconds = max(1, int(settings.analyser_seconds * 0.75))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    problem, password = "", None
    for word in ("", *candidates(artifact, settings)) if name.startswith("7z") else ("",):
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(exist_ok=True)
        problem = _start(_command(tool, source, out, word))
        password = word if word and not problem else None
        if not (problem and _LOCKED.search(problem)):
            break
    locked = bool(problem and _LOCKED.search(problem))
    limits: list[LimitHit] = []
    children = () if locked else tuple(_gathered(out, settings, name, password, limits))
    return Report(
        verdict="skipped" if problem or limits else "done",
        reason=problem[:_MAX_TOLD] or None,
        findings=tuple(_findings(name, children, locked=locked)),
        children=children,
        limits=tuple(limits),
    )


def _command(tool: str, source: Path, out: Path, word: str) -> list[str]:
    name = Path(tool).name
    if name == "upx":
        return [tool, "-d", "-q", "-o", str(out / "unpacked"), str(source)]
    if name == "bsdtar":
        return [
            tool,
            "-x",
            "-m",
            "--no-same-owner",
            "--no-same-permissions",
            "-C",
            str(out),
            "-f",
            str(source),
        ]
    return [tool, "x", "-y", "-bd", f"-p{word}", f"-o{out}", "-snl-", "--", str(source)]


def _start(command: list[str]) -> str:
    """Run it; what it complained about, nothing when it did not."""
    try:
        # Signals stay ignored as we have them: a file over its bound is then an error that the tool survives.
        done = subprocess.run(
            command, check=False, capture_output=True, stdin=subprocess.DEVNULL, restore_signals=False
        )
    except OSError as error:
        return str(error)
    lines = [line for line in done.stderr.splitlines() if line.strip() and not _HARMLESS.search(line)]
    if not done.returncode or (not lines and done.returncode > 0 and done.stderr):
        return ""
    text = b" ".join(lines or done.stdout[-2000:].split())[-2000:].decode("utf-8", "backslashreplace")
    return f"exit {done.returncode}: {text}"


def _findings(tool: str, children: tuple[Child, ...], *, locked: bool) -> Iterator[Finding]:
    if locked:
        yield Finding(claim="encrypted", value=tool, confidence=95, evidence=("no known password fits",))
    if children:
        members = tuple(f"{child.name} {len(child.data)} bytes" for child in children[:8])
        yield Finding(claim="container", value=tool, confidence=80, evidence=members)


def _gathered(
    out: Path, settings: AnalysisSettings, tool: str, password: str | None, limits: list[LimitHit]
) -> Iterator[Child]:
    detail = f"password {password}" if password else tool
    relation: Relation = "unpacked_with" if password or tool == "upx" else "contains"
    room, count = settings.max_total_bytes, 0
    for path in sorted(out.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        size = path.stat().st_size
        if size > settings.max_child_bytes:
            _hit(limits, "unpack.child", settings.max_child_bytes, "bytes")
            continue
        count, room = count + 1, room - size
        if count > settings.max_children:
            return _hit(limits, "unpack.children", settings.max_children, "members")
        if room < 0:
            return _hit(limits, "unpack.total", settings.max_total_bytes, "bytes")
        name = str(path.relative_to(out)).encode("utf-8", "backslashreplace").decode()
        yield Child(data=path.read_bytes(), name=name, relation=relation, detail=detail)


def _hit(limits: list[LimitHit], limit: str, value: int, unit: str) -> None:
    mark = LimitHit(limit=limit, limit_value=value, unit=unit)
    if mark not in limits:
        limits.append(mark)
