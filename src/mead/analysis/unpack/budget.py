# SPDX-License-Identifier: Apache-2.0
"""What one container may cost: every unpacker draws on a `Budget` and stops when it is used up.

A member that would go over a bound is not delivered in part: half a body has a digest that nobody else
knows. The bound is recorded instead. What a damaged or cut-off container still gives is delivered, and the
damage is recorded: there is no more to be had of it.
"""

from __future__ import annotations

import lzma
import struct
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from mead.analysis.analyser import Finding, LimitHit
from mead.analysis.settings import AnalysisSettings

__all__ = ["BROKEN", "Budget", "BudgetSpent", "Damaged", "Encrypted"]


class Damaged(ValueError):  # noqa: N818  # what the container is
    """The container is not what it claims to be, or ends too early."""


class Encrypted(ValueError):  # noqa: N818  # what the container is
    """No password that we know opens it."""


class BudgetSpent(Exception):  # noqa: N818  # it is not an error: the container hit a bound
    """The container may give no more; the bound is already recorded."""


BROKEN = (
    Damaged, ValueError, LookupError, ArithmeticError, EOFError, OSError, TypeError, AttributeError,
    RecursionError, struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What parsers raise on hostile bytes; which one says nothing that their message does not."""

MAX_PROBLEMS = 20


@dataclass
class Budget:
    """Bytes, members, ratio and time left for one container, and what was noticed on the way."""

    settings: AnalysisSettings
    input_bytes: int
    max_total_bytes: int
    monotonic: Callable[[], float] = time.monotonic
    used_bytes: int = 0
    members: int = 0
    limits: list[LimitHit] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What was damaged although something could be delivered."""
    deadline: float = 0.0

    def __post_init__(self) -> None:
        self.deadline = self.monotonic() + self.settings.analyser_seconds * 0.75

    def room(self) -> int:
        """How many bytes the next member may have."""
        self.check_time()
        s = self.settings
        by_ratio = max(s.ratio_free_bytes, s.max_ratio * self.input_bytes) - self.used_bytes
        return max(0, min(s.max_child_bytes, self.max_total_bytes - self.used_bytes, by_ratio))

    def hit(self, limit: str, value: int, unit: str) -> None:
        """Record that a bound was reached, once."""
        mark = LimitHit(limit=limit, limit_value=value, unit=unit)
        if mark not in self.limits:
            self.limits.append(mark)

    def over(self) -> None:
        """Record which byte bound a member went over.

        Raises:
            BudgetSpent: the whole container may give no more, not only this member.
        """
        s = self.settings
        by_ratio = max(s.ratio_free_bytes, s.max_ratio * self.input_bytes) - self.used_bytes
        by_total = self.max_total_bytes - self.used_bytes
        if s.max_child_bytes <= min(by_ratio, by_total):
            self.hit("unpack.child", s.max_child_bytes, "bytes")
            return
        if by_ratio < by_total:
            self.hit("unpack.ratio", s.max_ratio, "times")
        else:
            self.hit("unpack.total", self.max_total_bytes, "bytes")
        raise BudgetSpent

    def check_time(self) -> None:
        """Stop when the time is up.

        Raises:
            BudgetSpent: it is.
        """
        if self.monotonic() > self.deadline:
            self.hit("unpack.time", self.settings.analyser_seconds, "seconds")
            raise BudgetSpent

    def note(self, finding: Finding) -> None:
        """Record something noticed, once per claim and value."""
        if (finding.claim, finding.value) not in {(known.claim, known.value) for known in self.findings}:
            self.findings.append(finding)

    def damaged(self, problem: str) -> None:
        """Record that something could not be read although the rest was; a bounded number of them."""
        if problem not in self.problems and len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)

    def admit(self, data: bytes) -> bool:
        """Account for a member that is about to be delivered; false when it is larger than it may be.

        Raises:
            BudgetSpent: there were too many of them, or too many bytes.
        """
        if len(data) > self.room():
            self.over()
            return False
        self.members += 1
        if self.members > self.settings.max_children:
            self.hit("unpack.children", self.settings.max_children, "members")
            raise BudgetSpent
        self.used_bytes += len(data)
        return True

    def gather(self, chunks: Iterable[bytes], *, whole: bool = False) -> bytes | None:
        """Join decoded chunks; `None` (and a recorded bound) when they are more than the member may have.

        Args:
            chunks: what a decoder gives; it may raise any of `BROKEN`.
            whole: whether a damaged member is refused; else what came before the damage is taken.

        Raises:
            Damaged: nothing could be decoded, or not all where `whole` is wanted.
        """
        room = self.room()
        parts: list[bytes] = []
        size = 0
        try:
            for chunk in chunks:
                size += len(chunk)
                if size > room:
                    self.over()
                    return None
                parts.append(chunk)
                self.check_time()
        except BROKEN as error:
            if whole or not size:
                raise Damaged(str(error)) from error
            self.damaged(f"{error}, after {size} bytes")
        return b"".join(parts)
