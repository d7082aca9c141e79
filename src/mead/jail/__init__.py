# SPDX-License-Identifier: Apache-2.0
"""Run a function on hostile bytes in a child that can do nothing else.

The child has limits of memory, time, files and processes, no capabilities, no network, sees no file but
Python's libraries (Landlock) and may not call what a parser does not need (seccomp). It dies with us.
The `level` of each result says which of these the kernel granted.
"""

from __future__ import annotations

from mead.jail.limits import Failure, JailLimits, JailResult
from mead.jail.pool import JailPool, probe, run, run_async

__all__ = ["Failure", "JailLimits", "JailPool", "JailResult", "probe", "run", "run_async"]
