# SPDX-License-Identifier: Apache-2.0
"""What went over a terminal, replayable: asciinema's asciicast v2.

Source: https://docs.asciinema.org/manual/asciicast/v2/
"""

from __future__ import annotations

from datetime import datetime

import msgspec

__all__ = ["Transcript"]


class Transcript:
    """Records both directions of a terminal up to `max_bytes`; what is over is counted, not kept."""

    __slots__ = (
        "_entries", "_heard", "_size", "_started", "dropped_bytes", "height", "max_bytes", "term", "width",
    )  # fmt: skip

    def __init__(self, started: datetime, *, max_bytes: int = 1 << 20) -> None:
        self._started = started
        self._entries: list[tuple[float, str, bytes]] = []
        self._heard = False
        self._size = 0
        self.max_bytes = max_bytes
        self.dropped_bytes = 0
        self.width, self.height, self.term = 80, 24, "xterm"

    def __bool__(self) -> bool:
        """Whether the peer said anything: our greeting alone, as each connect scan gets it, is not kept."""
        return self._heard

    def typed(self, at_seconds: float, data: bytes) -> None:
        """The peer sent `data`, `at_seconds` after the start."""
        self._heard = self._heard or bool(data)
        self._add(at_seconds, "i", data)

    def shown(self, at_seconds: float, data: bytes) -> None:
        """We sent `data`, `at_seconds` after the start."""
        self._add(at_seconds, "o", data)

    def encode(self) -> bytes:
        r"""The recording as asciicast v2, UTF-8; bytes that are no UTF-8 stand as `\xNN`."""
        header = {
            "version": 2,
            "width": self.width,
            "height": self.height,
            "timestamp": int(self._started.timestamp()),
            "env": {"TERM": self.term},
        }
        encode = msgspec.json.encode
        lines = [encode(header)]
        lines += [
            encode((round(at, 6), kind, data.decode("utf-8", "backslashreplace")))
            for at, kind, data in self._entries
        ]
        return b"\n".join(lines) + b"\n"

    def _add(self, at: float, kind: str, data: bytes) -> None:
        room = self.max_bytes - self._size
        if len(data) > room:
            self.dropped_bytes += len(data) - room
            data = data[:room]
        if not data:
            return
        self._size += len(data)
        if self._entries:
            last_at, last_kind, last = self._entries[-1]
            if last_kind == kind and at - last_at < 0.001 and len(last) < 4096:
                self._entries[-1] = (last_at, kind, last + data)
                return
        self._entries.append((at, kind, data))
