# SPDX-License-Identifier: Apache-2.0
"""Every bound of the emulated shell, and the budget that one line may spend.

All work that hostile input can ask for is charged to a `Budget`; when a bound is reached the line ends
and the caller records a `mead.shell.effects.Limit`.
"""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Budget", "LimitReachedError", "ShellLimits"]


class ShellLimits(Struct, frozen=True, kw_only=True):
    """Bounds of one emulated session.

    Attributes:
        steps_per_line: units of work of one line; a command, a loop turn, 256 bytes of text or 8 KiB that
            are only handed on are about one.
        output_bytes: what one line may print on the terminal.
        pipe_bytes: what may stand in one pipe or command substitution.
        word_bytes: length of one expanded word.
        words: number of words of one command.
        file_bytes: size of one emulated file.
        file_system_bytes: what all files of the session may hold.
        files: number of files that the session may create.
        nesting: depth of functions, scripts, subshells and substitutions.
        script_bytes: length of one script or of an unfinished command.
        offers: offers that one session may make.
        follow_depth: how many scripts deep a fetched script is followed.
        deferred: commands that may wait for bodies.
        effects_per_line: effects that one line may have.
    """

    steps_per_line: int = 20_000
    output_bytes: int = 1 << 20
    pipe_bytes: int = 32 << 20
    word_bytes: int = 1 << 20
    words: int = 20_000
    file_bytes: int = 32 << 20
    file_system_bytes: int = 64 << 20
    files: int = 4_096
    nesting: int = 24
    script_bytes: int = 1 << 20
    offers: int = 512
    follow_depth: int = 5
    deferred: int = 128
    effects_per_line: int = 4_096


class LimitReachedError(Exception):
    """A bound was reached; the rest of the line is not emulated."""

    def __init__(self, name: str, value: int, unit: str) -> None:
        super().__init__(f"{name}: {value} {unit}")
        self.name, self.value, self.unit = name, value, unit


class Budget:
    """What is left of one line's work."""

    __slots__ = ("_total", "left")

    def __init__(self, steps: int) -> None:
        self._total = self.left = steps

    def charge(self, steps: int = 1) -> None:
        """Spend `steps`.

        Raises:
            LimitReachedError: nothing is left.
        """
        self.left -= steps
        if self.left < 0:
            raise LimitReachedError("steps_per_line", self._total, "steps")

    def charge_bytes(self, size: int) -> None:
        """Spend what handling `size` bytes costs."""
        self.charge(1 + (size >> 8))

    def charge_copy(self, size: int) -> None:
        """Spend what it costs to hand `size` bytes on, or to have a library turn them into others."""
        self.charge(1 + (size >> 13))

    def refill(self) -> None:
        """Start the next line."""
        self.left = self._total
