# SPDX-License-Identifier: Apache-2.0
"""How `exit`, `return`, `break`, `continue` and faults leave what they stand in."""

from __future__ import annotations

__all__ = ["BreakLoopError", "ContinueLoopError", "ExitShellError", "FaultError", "ReturnError"]


class ExitShellError(Exception):
    """`exit`, or a fatal signal."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class FaultError(ExitShellError):
    """An error after which a shell that runs a script ends, and one at a terminal gives the line up."""


class ReturnError(Exception):
    """`return` from a function or a sourced script."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class BreakLoopError(Exception):
    """`break n`."""

    def __init__(self, levels: int) -> None:
        super().__init__(levels)
        self.levels = levels


class ContinueLoopError(Exception):
    """`continue n`."""

    def __init__(self, levels: int) -> None:
        super().__init__(levels)
        self.levels = levels
