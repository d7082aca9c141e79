# SPDX-License-Identifier: Apache-2.0
"""Progress on stderr for work that takes long: a line that is renewed on a terminal, silence in a pipe."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from mead.cli.output import escape

__all__ = ["Progress"]

_INTERVAL_SECONDS = 0.2


class Progress:
    """`with Progress("importing") as progress: progress.step(100)`."""

    def __init__(self, what: str, unit: str = "records") -> None:
        self._what = escape(what)
        self._unit = unit
        self._done = 0
        self._began = time.monotonic()
        self._shown = 0.0
        self._live = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hide()

    def step(self, count: int = 1) -> None:
        """Say that `count` more are done."""
        self._done += count
        now = time.monotonic()
        if self._live and now - self._shown > _INTERVAL_SECONDS:
            rate = self._done / max(now - self._began, 0.001)
            self._show(f"{self._done:,} {self._unit} ({rate:,.0f}/s)")

    def now(self, item: str) -> None:
        """Say at once what is being worked on, where one item alone may take long."""
        if self._live:
            self._show(escape(item))

    def hide(self) -> None:
        """Take the line away, before something else is printed there."""
        if self._live and self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = 0.0

    def _show(self, text: str) -> None:
        self._shown = time.monotonic()
        sys.stderr.write(f"\r\x1b[K{self._what}: {text}")
        sys.stderr.flush()
