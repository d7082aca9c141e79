# SPDX-License-Identifier: Apache-2.0
"""How much memory this process holds, and giving back what it holds for nothing."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
from pathlib import Path

__all__ = ["give_back", "resident_bytes"]

_STATM = Path("/proc/self/statm")


def resident_bytes() -> int:
    """Memory of this process that is in use now; its peak where the system does not tell."""
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def give_back() -> None:
    """Collect garbage and return free memory to the system; without glibc, only collect."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
