# SPDX-License-Identifier: Apache-2.0
"""Tie a child process to the life of its parent, so that nothing is left behind by `kill -9`.

`PR_SET_PDEATHSIG` must be set in the child between fork and exec, but Python between fork and exec of a
threaded program may dead-lock. So the command is started through a few lines of a fresh interpreter that
ask the kernel for the signal and then become the command; the setting survives that exec.

Source: prctl(2), PR_SET_PDEATHSIG.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["die_with_parent", "tethered"]

_PR_SET_PDEATHSIG = 1
_BECOME = """\
import ctypes, os, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG, SIGKILL
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent is gone already")
os.execv(sys.argv[2], sys.argv[2:])
"""


def tethered(program: Path, arguments: Sequence[str]) -> list[str]:
    """The command line that runs `program` and has the kernel kill it when this process dies.

    The signal is tied to the thread that starts the command: start it from the main thread.
    """
    return [sys.executable, "-I", "-S", "-c", _BECOME, str(os.getpid()), str(program), *arguments]


def die_with_parent(parent: int | None = None) -> None:
    """Have the kernel kill this process when its parent dies; needed again after a change of user or a fork.

    Args:
        parent: process id of the parent that was expected; a process that lost it already ends here.

    Raises:
        SystemExit: the parent is gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        raise SystemExit("the parent is gone already")
