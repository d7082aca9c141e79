# SPDX-License-Identifier: Apache-2.0
"""What a jailed function may use, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from msgspec import Struct

__all__ = ["Failure", "JailLimits", "JailResult"]

T = TypeVar("T")

Failure = Literal["exception", "timeout", "cpu", "memory", "crash", "result", "start"]
"""How a job failed: the function raised; wall clock; processor time; memory; the child died; its result
was too large or could not be read; the child could not be started."""


class JailLimits(Struct, frozen=True, kw_only=True):
    """Limits of one job and of the child that it runs in.

    Attributes:
        wall_seconds: Wall clock per job; then the child and everything it started is killed.
        cpu_seconds: Processor time per job.
        memory_bytes: Private writable memory of the child (RLIMIT_DATA).
        address_space_bytes: Address space of the child (RLIMIT_AS), also bounds shared memory.
        result_bytes: Largest encoded result that is taken from the child.
        open_files: Files open at a time.
        file_bytes: Largest file that may be written; 0 forbids writing even where a path is writable.
        readable: Paths that may be read besides Python's own libraries.
        writable: Paths beneath which files may be written and removed.
        programs: Programs that may be started; none by default. As root the child then becomes `nobody`.
        processes: Processes and threads at a time, where programs may be started.
        jobs_per_child: Jobs that one child of a pool does before it is replaced; 1 where programs may be
            started.
    """

    wall_seconds: float = 30.0
    cpu_seconds: int = 20
    memory_bytes: int = 1 << 30
    address_space_bytes: int = 4 << 30
    result_bytes: int = 64 << 20
    open_files: int = 64
    file_bytes: int = 0
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    processes: int = 32
    jobs_per_child: int = 50


@dataclass(frozen=True, slots=True)
class JailResult(Generic[T]):
    """What a job gave: `value` if `failure` is None, else why not."""

    value: T | None
    failure: Failure | None
    reason: str
    """Empty when it worked; otherwise a sentence for the finding. May quote hostile text: escape it."""
    level: str
    """How the child was confined, such as `rlimits+netns+landlock+seccomp`."""
    cpu_seconds: float
    wall_seconds: float

    @property
    def ok(self) -> bool:
        """Whether the function returned."""
        return self.failure is None
