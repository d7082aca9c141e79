# SPDX-License-Identifier: Apache-2.0
"""Notice that nats-server could not write, and when there is room again.

After one failed write (disk full, I/O error) a stream takes nothing more until the server is started again,
even when there is room; publishers see only silence. The server says so in its log and nowhere else.

Source: observed with nats-server 2.15.1 on a full tmpfs.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from pathlib import Path

__all__ = ["WriteErrors", "wait_for_room"]

_log = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_ROOM_BYTES = 64 << 20
_READ_BYTES = 1 << 20
_FAILED = re.compile(
    rb"\[(?:ERR|WRN|FTL)\] (.*(?:write error|no space left|out of (?:storage|space)).*)", re.IGNORECASE
)


class WriteErrors:
    """What the log at `path` says of failed writes, from the moment this is made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new(self) -> str | None:
        """The first complaint that was not seen yet."""
        try:
            with self._path.open("rb") as log:
                if log.seek(0, os.SEEK_END) < self._offset:
                    self._offset = 0  # the log was rotated
                log.seek(self._offset)
                data = log.read(_READ_BYTES)
        except OSError:
            return None
        self._offset += len(data)
        found = _FAILED.search(data)
        return found[1].decode("utf-8", "replace") if found else None

    async def next(self) -> str:
        """Wait for a complaint."""
        while True:
            if complaint := self.new():
                return complaint
            await asyncio.sleep(_POLL_SECONDS)


async def wait_for_room(directory: Path) -> None:
    """Return when the file system of `directory` has some room."""
    said = False
    while (free := _free_bytes(directory)) < _ROOM_BYTES:
        if not said:
            _log.error(
                "%s is full: %d MiB are free, the bus goes on when there are %d",
                directory,
                free >> 20,
                _ROOM_BYTES >> 20,
            )
            said = True
        await asyncio.sleep(_POLL_SECONDS)


def _free_bytes(directory: Path) -> int:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize
