# SPDX-License-Identifier: Apache-2.0
"""Digests of a body: exact ones to name it, fuzzy ones to find its relatives."""

from __future__ import annotations

import hashlib
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from mead.analysis.analyser import Artifact, Engine, Finding, FunctionAnalyser, Report
from mead.analysis.settings import AnalysisSettings

__all__ = ["ANALYSER", "analyse"]

TLSH_MIN_BYTES = 50


def _optional(name: str) -> Any | None:
    try:
        return import_module(name)
    except ImportError:
        return None


_SSDEEP = _optional("pydeep")
_TLSH = _optional("tlsh")


def analyse(artifact: Artifact, _settings: AnalysisSettings) -> Report:
    """One finding per digest; `reason` names the libraries that are missing."""
    values = {
        "md5": hashlib.md5(artifact.data).hexdigest(),
        "sha1": hashlib.sha1(artifact.data).hexdigest(),
        "sha256": artifact.sha256,
    }
    missing: list[str] = []
    if _SSDEEP is None:
        missing.append("ssdeep needs mead-deck[static]")
    else:
        values["ssdeep"] = _text(_SSDEEP.hash_buf(artifact.data))
    if _TLSH is None:
        missing.append("TLSH needs mead-deck[tlsh]")
    elif len(artifact.data) >= TLSH_MIN_BYTES:
        values["tlsh"] = _TLSH.hash(artifact.data)
    findings = tuple(
        Finding(claim=f"hash.{name}", value=value, confidence=100)
        for name, value in values.items()
        if value and value != "TNULL"
    )
    return Report(findings=findings, reason="; ".join(missing) or None)


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _engine(_settings: AnalysisSettings) -> Engine:
    parts = []
    for package in ("pydeep2", "py-tlsh"):
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return Engine(version=", ".join(parts) or None)


ANALYSER = FunctionAnalyser("hashes", analyse, _engine)
