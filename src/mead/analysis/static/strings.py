# SPDX-License-Identifier: Apache-2.0
"""Readable text inside a body: how much of it, what is telling, and the indicators in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version

import msgspec

from mead.analysis.analyser import Artifact, Engine, Finding, FunctionAnalyser, Indicator, LimitHit, Report
from mead.analysis.encodings import base64_texts, wide_texts
from mead.analysis.indicators import find, is_cited
from mead.analysis.settings import AnalysisSettings
from mead.analysis.wallets import SHORTEST
from mead.model.codec import excerpt

__all__ = ["ANALYSER", "analyse"]

MAX_TELLING = 40
MAX_CITED_SHOWN = 20
_POINTED = re.compile(rb"[.:]|%3[aA]|\[dot\]|\(dot\)")
"""Everything that is looked for has one of these in it, or is as long as a wallet."""

_ASCII = re.compile(rb"[\x20-\x7e\t]{6,}")
_RUN = re.compile(rb"[\x20-\x7e\t\r\n]{7,}")
_WIDE = re.compile(rb"(?:[\x20-\x7e\t]\0){6,}")
_WORDS = (
    b"/bin/sh", b"wget", b"curl", b"tftp", b"chmod", b"get /", b"post /",
)  # fmt: skip
"""Telling where no letter stands before or behind them."""
_PIECES = (
    b"/bin/busybox", b"/proc/", b"/dev/watchdog", b"/dev/tcp", b"iptables", b"cmd.exe", b"powershell",
    b"rundll32", b"regsvr32", b"mshta", b"hkey_", b"currentversion\\run", b"user-agent:", b"privmsg",
    b"stratum+tcp", b"virtualalloc", b"createremotethread", b"writeprocessmemory", b"isdebuggerpresent",
    b"vssadmin", b"bitcoin", b"ransom",
)  # fmt: skip
"""Telling wherever they stand. All in lower case."""


def analyse(artifact: Artifact, settings: AnalysisSettings) -> Report:
    """Counts, telling strings with their offsets, and indicators (each value once, the first offset)."""
    data = artifact.data[: settings.max_strings_bytes]
    limits = []
    if len(data) < len(artifact.data):
        limits.append(LimitHit(limit="strings.bytes", limit_value=settings.max_strings_bytes, unit="bytes"))
    indicators, cited, cut = _indicators(data, settings.max_indicators)
    if cut:
        limits.append(
            LimitHit(limit="strings.indicators", limit_value=settings.max_indicators, unit="indicators")
        )
    telling = tuple(_telling(data))
    count = sum(1 for _ in _ASCII.finditer(data)) + sum(1 for _ in _WIDE.finditer(data))
    findings = [Finding(claim="strings", value=str(count), confidence=100)]
    if telling:
        findings.append(
            Finding(claim="strings.telling", value=str(len(telling)), confidence=60, evidence=telling)
        )
    if cited:
        shown = tuple(excerpt(url.encode(), max_bytes=120) for url in cited[:MAX_CITED_SHOWN])
        findings.append(Finding(claim="strings.cited", value=str(len(cited)), confidence=60, evidence=shown))
    return Report(findings=tuple(findings), indicators=tuple(indicators), limits=tuple(limits))


def _telling(data: bytes) -> Iterator[str]:
    """Each telling string once, where it stands first. O(bytes) per word."""
    low = data.lower()
    places = [(low.find(word), word) for word in _PIECES] + [(_whole(low, word), word) for word in _WORDS]
    for at, word in sorted(place for place in places if place[0] >= 0)[:MAX_TELLING]:
        start = max(0, at - 24)
        piece = re.split(rb"[\0\r\n]", data[at : at + len(word) + 60], maxsplit=1)[0]
        lead = re.split(rb"[\0\r\n]", data[start:at])[-1]
        yield f"offset {at}: {excerpt(lead + piece, max_bytes=90)}"


def _whole(low: bytes, word: bytes) -> int:
    at = low.find(word)
    while at >= 0:
        before, behind = low[at - 1 : at], low[at + len(word) : at + len(word) + 1]
        if not before.isalnum() and not (word[-1:].isalnum() and behind.isalnum()):
            return at
        at = low.find(word, at + 1)
    return -1


def _indicators(data: bytes, most: int) -> tuple[list[Indicator], list[str], bool]:
    """Indicators, URLs that are only cited, and whether there were more of them than may be."""
    found: dict[tuple[str, str], Indicator] = {}
    cited: dict[str, None] = {}
    for indicator in _all(data):
        if indicator.indicator_kind == "url" and is_cited(indicator.indicator):
            if len(cited) < most:
                cited.setdefault(indicator.indicator)
            continue
        found.setdefault((indicator.indicator_kind, indicator.indicator), indicator)
        if len(found) > most:
            return list(found.values())[:most], list(cited), True
    return list(found.values()), list(cited), False


def _all(data: bytes) -> Iterator[Indicator]:
    for match in _RUN.finditer(data):
        run = match.group()
        if len(run) >= SHORTEST or _POINTED.search(run):
            yield from find(run, match.start())
    for offset, text in wide_texts(data):
        yield from find(text, offset, 2)
    for offset, text in base64_texts(data):
        for indicator in find(text):
            yield msgspec.structs.replace(indicator, offset=offset)


def _engine(_settings: AnalysisSettings) -> Engine:
    return Engine(version=version("mead-deck"))


ANALYSER = FunctionAnalyser("strings", analyse, _engine)
