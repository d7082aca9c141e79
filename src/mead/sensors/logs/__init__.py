# SPDX-License-Identifier: Apache-2.0
"""Logs of other honeypots, as events of ours.

A reader is a function `read(stream, sensor)` that yields events and, for what it cannot use, `BrokenLine`s.
It is deterministic: the same bytes give the same events with the same `origin`, so that a second import can
be recognised. A log holds no bodies, so no reader ever yields `sample.captured`; where a log names a digest
without a size, the size is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from mead.model.event import Event
from mead.registry import Entry, Registry
from mead.sensors.logs.lines import BrokenLine

__all__ = ["LOGS", "BrokenLine", "Reader", "read"]


class Reader(Protocol):
    """Reads one kind of log."""

    def __call__(self, stream: Iterable[bytes], sensor: str) -> Iterator[Event | BrokenLine]:
        """The events of `stream`, a binary file or an iterable of pieces, plain or gzip."""


LOGS: Registry[Reader] = Registry(
    "log",
    (
        Entry("cowrie", "mead.sensors.logs.cowrie:read", "cowrie.json: SSH and Telnet sessions"),
        Entry("dionaea", "mead.sensors.logs.dionaea:read", "dionaea.json (log_json): connections, logins"),
        Entry("heralding", "mead.sensors.logs.heralding:read", "log_session.json, log_auth.csv: logins"),
        Entry(
            "honeytrap", "mead.sensors.logs.honeytrap:read", "attacks with first payloads, either honeytrap"
        ),
    ),
    group="mead.logs",
)


def read(kind: str, stream: Iterable[bytes], sensor: str) -> Iterator[Event | BrokenLine]:
    """The events of a log of this kind.

    Raises:
        ConfigError: there is no such kind.
    """
    return LOGS.load(kind)(stream, sensor)
