# SPDX-License-Identifier: Apache-2.0
"""Shell scripts, run in the shell emulator: the places they name and the files they write.

Nothing is executed or fetched. A script may do other things on another machine, so it is run once per
kind of machine that loaders ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import version

from mead.analysis.analyser import (
    Artifact,
    Child,
    Engine,
    Finding,
    FunctionAnalyser,
    Indicator,
    LimitHit,
    Report,
)
from mead.analysis.settings import AnalysisSettings
from mead.model.codec import excerpt
from mead.shell import (
    Decoded,
    Effect,
    Executed,
    FileWritten,
    Limit,
    Offer,
    Shell,
    ShellPersona,
    default_personas,
)

__all__ = ["ANALYSER", "MAX_SCRIPT_BYTES", "analyse", "effects_of", "is_shell_script"]

MAX_SCRIPT_BYTES = 256 * 1024
MAX_SHOWN = 100
MIN_LAYER_BYTES = 16
_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_MACHINES = ("x86_64", "armv7l")

_SHEBANG = re.compile(rb"#!\s*/\S*?(?:sh|ash|bash|dash|ksh|zsh|busybox)\b")
_WORDS = re.compile(
    rb"(?:^|[;&|({\s/])(wget|curl|tftp|ftpget|chmod|busybox|nohup|crontab|iptables|uname|rm -rf?"
    rb"|cd /(?:tmp|var|dev)|echo -[ne]+|base64 -d|/bin/(?:ba)?sh)(?=[\s;&|)]|$)",
    re.MULTILINE,
)
_OTHER = re.compile(
    rb"\s*(?:<\?|<!doctype|<html|<script|\{|%PDF|@echo|import |#include|package )", re.IGNORECASE
)


def is_shell_script(data: bytes) -> bool:
    """Whether it is a shell script: by its first line, or by the commands in it."""
    head = data[:MAX_SCRIPT_BYTES]
    if not head or b"\0" in head:
        return False
    if _SHEBANG.match(head):
        return True
    return not _OTHER.match(head) and len({match.group(1) for match in _WORDS.finditer(head[:16384])}) >= 2


def _personas() -> Iterator[ShellPersona]:
    known = {persona.architecture: persona for persona in reversed(default_personas())}
    chosen = [known[name] for name in _MACHINES if name in known]
    yield from chosen or default_personas()[:1]


def effects_of(script: bytes) -> list[Effect]:
    """What a script does, once per kind of machine that loaders ask for."""
    effects: list[Effect] = []
    for persona in _personas():
        shell = Shell(persona, now=lambda: _NOW, interactive=False)
        effects.extend(shell.run(script).effects)
        effects.extend(shell.close().effects)  # what a trap does, and files that were still growing
    return effects


def analyse(artifact: Artifact, settings: AnalysisSettings) -> Report | None:
    """URLs as indicators, written files and decoded layers as children; `None` when it is no shell script."""
    if not is_shell_script(artifact.data):
        return None
    script = artifact.data[:MAX_SCRIPT_BYTES]
    limits: dict[LimitHit, None] = {}
    if len(script) < len(artifact.data):
        limits[LimitHit(limit="scripts.bytes", limit_value=MAX_SCRIPT_BYTES, unit="bytes")] = None
    effects = effects_of(script)
    for effect in effects:
        if isinstance(effect, Limit):
            limits[LimitHit(limit=f"scripts.{effect.name}", limit_value=effect.value, unit=effect.unit)] = (
                None
            )
    return Report(
        findings=tuple(_findings(effects)),
        indicators=tuple(_indicators(effects, settings.max_indicators)),
        children=tuple(_children(effects, settings)),
        limits=tuple(limits),
    )


def _findings(effects: list[Effect]) -> Iterator[Finding]:
    yield Finding(claim="script", value="shell", confidence=90)
    offers = dict.fromkeys(
        f"{e.tool} {e.url}" + (f" to {e.path}" if e.path else "") for e in effects if isinstance(e, Offer)
    )
    if offers:
        shown = tuple(list(offers)[:MAX_SHOWN])
        yield Finding(claim="script.offers", value=str(len(offers)), confidence=95, evidence=shown)
    starts = dict.fromkeys(
        excerpt(e.command.encode(), max_bytes=200) for e in effects if isinstance(e, Executed)
    )
    if starts:
        shown = tuple(list(starts)[:MAX_SHOWN])
        yield Finding(claim="script.starts", value=str(len(starts)), confidence=95, evidence=shown)


def _indicators(effects: list[Effect], most: int) -> Iterator[Indicator]:
    urls = dict.fromkeys(effect.url for effect in effects if isinstance(effect, Offer))
    yield from (Indicator(indicator=url, indicator_kind="url") for url in list(urls)[:most])


def _children(effects: list[Effect], settings: AnalysisSettings) -> Iterator[Child]:
    """The last content of each written file, and what came out of encodings; bounded by the settings."""
    files: dict[str, FileWritten] = {e.path: e for e in effects if isinstance(e, FileWritten) and e.data}
    room = min(settings.max_total_bytes, settings.max_child_bytes)
    found = [
        Child(data=e.data, name=path, relation="drops", detail=f"script, {e.how}")
        for path, e in files.items()
    ]
    found += [
        Child(data=e.data, name=f"{e.layer} layer", detail=f"script, {e.layer}")
        for e in effects
        if isinstance(e, Decoded) and len(e.data) >= MIN_LAYER_BYTES
    ]
    for child in found[: settings.max_children]:
        room -= len(child.data)
        if room < 0:
            return
        yield child


def _engine(_settings: AnalysisSettings) -> Engine:
    return Engine(version=version("mead-deck"))


ANALYSER = FunctionAnalyser("scripts", analyse, _engine)
