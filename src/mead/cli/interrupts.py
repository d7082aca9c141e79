# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C at moments when it would do harm: noted, and obeyed a moment later."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["obeyed_later"]


@contextmanager
def obeyed_later() -> Iterator[None]:
    """Let the block end before Ctrl-C is obeyed: libraries in C abort when it hits their own import."""
    told = False

    def note(*_: object) -> None:
        nonlocal told
        told = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if told:
        raise KeyboardInterrupt
