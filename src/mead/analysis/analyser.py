# SPDX-License-Identifier: Apache-2.0
"""What an analyser is given and what it answers.

An analyser is a function from an `Artifact` to a `Report`; `None` means that it has nothing to say about
this kind of body. It never decides that something is harmless: `clean` says only that an engine looked
at all of it and matched nothing, and a limit, an unread member or an error makes that `skipped` or
`failed`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from msgspec import Struct

from mead.analysis.settings import AnalysisSettings
from mead.model.artifact import Relation

__all__ = [
    "Analyser", "Artifact", "Child", "Engine", "Finding", "FunctionAnalyser", "Indicator", "LimitHit",
    "Report", "Run", "Verdict",
]  # fmt: skip

Verdict: TypeAlias = Literal["found", "clean", "skipped", "failed", "done"]


class Artifact(Struct, frozen=True, kw_only=True):
    """A body to look at."""

    data: bytes
    sha256: str
    name: str | None = None
    depth: int = 0
    passwords: tuple[str, ...] = ()
    """Passwords named by the text that this body came with, most likely first."""

    @classmethod
    def of(
        cls, data: bytes, name: str | None = None, depth: int = 0, passwords: tuple[str, ...] = ()
    ) -> Artifact:
        """The artifact of these bytes."""
        digest = hashlib.sha256(data).hexdigest()
        return cls(data=data, sha256=digest, name=name, depth=depth, passwords=passwords)


class Child(Struct, frozen=True, kw_only=True):
    """A body that came out of another one."""

    data: bytes
    name: str | None = None
    relation: Relation = "contains"
    detail: str | None = None
    """The format it was taken out of; with `unpacked_with` also the password or the tool."""


class Finding(Struct, frozen=True, kw_only=True):
    """A claim with its evidence."""

    claim: str
    value: str | None = None
    rule: str | None = None
    confidence: int = 50
    evidence: tuple[str, ...] = ()


class Indicator(Struct, frozen=True, kw_only=True):
    """A URL, address, domain, wallet …, raw."""

    indicator: str
    indicator_kind: str
    offset: int | None = None


class LimitHit(Struct, frozen=True, kw_only=True):
    """A bound that hostile input can choose was reached; what lies behind it was not looked at."""

    limit: str
    limit_value: int
    unit: str


class Report(Struct, frozen=True, kw_only=True):
    """What one analyser says about one artifact."""

    verdict: Verdict = "done"
    reason: str | None = None
    findings: tuple[Finding, ...] = ()
    children: tuple[Child, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    limits: tuple[LimitHit, ...] = ()


class Engine(Struct, frozen=True, kw_only=True):
    """Which software and which signatures answered: what a later re-scan is compared with."""

    version: str | None = None
    database: str | None = None


class Run(Struct, frozen=True, kw_only=True):
    """A report with who made it, how it was confined and how long it took."""

    analyser: str
    report: Report
    engine: Engine = Engine()
    jail_level: str = "none"
    duration_ms: int = 0


class Analyser(Protocol):
    """Looks at one artifact. `jailed` is false only for those that hand the bytes to another process."""

    @property
    def name(self) -> str: ...
    @property
    def jailed(self) -> bool: ...

    def engine(self, settings: AnalysisSettings) -> Engine:
        """Version of the software and fingerprint of its signatures."""

    def analyse(self, artifact: Artifact, settings: AnalysisSettings) -> Report | None:
        """The report; `None` when the analyser does not apply."""


@dataclass(frozen=True, slots=True)
class FunctionAnalyser:
    """An analyser made of functions."""

    name: str
    look: Callable[[Artifact, AnalysisSettings], Report | None]
    version: Callable[[AnalysisSettings], Engine]
    jailed: bool = True

    def engine(self, settings: AnalysisSettings) -> Engine:
        """Version of the software and fingerprint of its signatures."""
        return self.version(settings)

    def analyse(self, artifact: Artifact, settings: AnalysisSettings) -> Report | None:
        """The report of the function."""
        return self.look(artifact, settings)
