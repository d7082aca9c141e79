# SPDX-License-Identifier: Apache-2.0
"""What a process needs before it serves: open files for its connections, a collector that waits."""

from __future__ import annotations

import gc
import logging
import os
import resource
from contextlib import suppress

import msgspec

from mead.sensors.host import Limits

__all__ = ["fitted", "open_files", "quiet_collector"]

_log = logging.getLogger(__name__)

_OTHER_FILES = 500
"""Files that are open beside the connections: doors, the bus, fetches, libraries that are loaded late."""
_THRESHOLDS = (20_000, 20, 20)
"""New objects, and rounds of the younger generations, after which the collector looks."""


def open_files(limits: Limits) -> int:
    """Allow as many open files as `limits` can need, or as near to it as we may; returns how many it is now.

    The usual soft limit of 1,024 would end the sensor's welcome long before its own limits do. Root may
    raise the hard limit as well, so this comes before privileges are dropped.
    """
    wanted = limits.max_connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        if hard < wanted and os.geteuid() == 0:
            with suppress(OSError, ValueError):  # beyond fs.nr_open
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
                return wanted
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def fitted(limits: Limits) -> Limits:
    """The limits with no more connections than there can be open files: beyond them, refusals are counted."""
    room = max(resource.getrlimit(resource.RLIMIT_NOFILE)[0] - _OTHER_FILES, 1)
    if room >= limits.max_connections:
        return limits
    _log.warning(
        "sensor.limits.max_connections is %d, but only %d files may be open: %d connections at a time; "
        "raise `ulimit -Hn`, or LimitNOFILE of the service",
        limits.max_connections, room + _OTHER_FILES, room,
    )  # fmt: skip
    return msgspec.structs.replace(limits, max_connections=room)


def quiet_collector() -> None:
    """Set aside what was loaded by now, and let sessions and events come and go before garbage is looked for.

    With Python's own thresholds the collector takes a quarter of the time of a busy sensor or hub: it looks
    at every open session each 700 new objects (`benchmarks/`). What is set aside also stays shared between
    forked processes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
