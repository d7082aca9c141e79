# SPDX-License-Identifier: Apache-2.0
"""Names and limits of everything that lies on the bus: the one place where subjects are spelled.

    stream            subject                    holds
    EVENTS_<sensor>   in.<sensor>                batches of events, until they are in the store
    BODIES            body.<sha256>.<n>          chunks of captured bodies, until they are in the store
    QUEUE_<name>      work.<name>                jobs, until they are done
    DEAD              $JS.EVENT.ADVISORY.…       notes of the server that a job was given up
    REASONS           why.<name>.<sequence>      why a worker gave a job back

The name of the stream, not its subject and not the content, says which sensor an event came from.
Every stream that must not lose anything refuses new messages when it is full (discard new): the default,
discard old, is silent loss.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from mead.errors import ConfigError

__all__ = [
    "BODIES", "DEAD", "REASONS", "StreamConfig", "StreamSettings", "bodies_stream", "body_subject",
    "dead_stream", "event_stream", "event_stream_name", "event_subject", "queue_stream",
    "queue_stream_name", "queue_subject", "reason_subject", "reasons_stream", "sensor_of",
]  # fmt: skip

BODIES = "BODIES"
DEAD = "DEAD"
REASONS = "REASONS"
_EVENTS = "EVENTS_"
_QUEUE = "QUEUE_"
_ADVISORY = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MIB = 1 << 20
_SECOND_NS = 1_000_000_000


class StreamSettings(Struct, frozen=True, kw_only=True):
    """How much may lie on the bus. JetStream sets the disk space of each stream aside when it is made.

    Attributes:
        events_bytes: disk for the events of one sensor that are not in the store yet.
        bodies_bytes: disk for bodies that are not in the store yet.
        queue_bytes: disk for the jobs of one queue.
        duplicate_window_seconds: how long the server remembers message ids.
        ack_wait_seconds: how long a worker may be silent before its job is given to another.
        max_deliver: how often a job is tried before it is given up.
    """

    events_bytes: int = 1024 * _MIB
    bodies_bytes: int = 1024 * _MIB
    queue_bytes: int = 128 * _MIB
    duplicate_window_seconds: float = 600.0
    ack_wait_seconds: float = 30.0
    max_deliver: int = 3


class StreamConfig(Struct, frozen=True, kw_only=True):
    """A stream as the server's API spells it; durations in nanoseconds."""

    name: str
    subjects: list[str]
    max_bytes: int
    num_replicas: int = 1
    retention: Literal["limits", "workqueue"] = "limits"
    storage: Literal["file"] = "file"
    discard: Literal["old", "new"] = "old"
    max_msgs: int = -1
    max_age: int = 0
    max_msgs_per_subject: int = -1
    discard_new_per_subject: bool = False
    duplicate_window: int = 0
    allow_direct: bool = False
    allow_atomic: bool = False
    first_seq: int = 0


def _checked(name: str, what: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigError(
            f"{what} {name!r}: use 1 to 64 letters, digits, - and _, beginning with a letter or digit"
        )
    return name


def event_stream_name(sensor: str) -> str:
    """Name of the stream of one sensor.

    Raises:
        ConfigError: the sensor's name cannot be part of a subject.
    """
    return _EVENTS + _checked(sensor, "name of a sensor")


def sensor_of(stream: str) -> str:
    """The sensor whose events lie in `stream`."""
    return stream.removeprefix(_EVENTS)


def event_subject(sensor: str) -> str:
    """Where a sensor publishes its batches."""
    return f"in.{_checked(sensor, 'name of a sensor')}"


def body_subject(sha256: str, chunk: int | Literal["*"]) -> str:
    """Where one chunk of a body lies."""
    return f"body.{sha256}.{chunk}"


def queue_stream_name(name: str) -> str:
    """Name of the stream of one work queue."""
    return _QUEUE + _checked(name, "name of a queue")


def queue_subject(name: str) -> str:
    """Where jobs for a queue are put."""
    return f"work.{_checked(name, 'name of a queue')}"


def reason_subject(queue_stream: str, sequence: int) -> str:
    """Where the last reason for giving a job back lies."""
    return f"why.{queue_stream}.{sequence}"


def event_stream(sensor: str, settings: StreamSettings, first_sequence: int) -> StreamConfig:
    """The stream of one sensor's events."""
    return StreamConfig(
        name=event_stream_name(sensor),
        subjects=[event_subject(sensor)],
        max_bytes=settings.events_bytes,
        discard="new",
        duplicate_window=int(settings.duplicate_window_seconds * _SECOND_NS),
        first_seq=first_sequence,
    )


def bodies_stream(settings: StreamSettings) -> StreamConfig:
    """The stream of chunks: each once, a second one of the same place is refused."""
    return StreamConfig(
        name=BODIES,
        subjects=["body.*.*"],
        max_bytes=settings.bodies_bytes,
        discard="new",
        max_msgs_per_subject=1,
        discard_new_per_subject=True,
        allow_direct=True,
        allow_atomic=True,
    )


def queue_stream(name: str, settings: StreamSettings) -> StreamConfig:
    """The stream of one work queue: what is acknowledged is gone."""
    return StreamConfig(
        name=queue_stream_name(name),
        subjects=[queue_subject(name)],
        max_bytes=settings.queue_bytes,
        retention="workqueue",
        discard="new",
        duplicate_window=int(settings.duplicate_window_seconds * _SECOND_NS),
    )


def dead_stream() -> StreamConfig:
    """The server's own notes that a job reached `max_deliver`; small, and gone once acted upon."""
    return StreamConfig(
        name=DEAD, subjects=[f"{_ADVISORY}.*.*"], max_bytes=16 * _MIB, retention="workqueue", discard="new"
    )


def reasons_stream() -> StreamConfig:
    """Reasons help a person; unlike the rest they may go when they are old or many."""
    return StreamConfig(
        name=REASONS,
        subjects=["why.*.*"],
        max_bytes=16 * _MIB,
        max_age=7 * 24 * 3600 * _SECOND_NS,
        max_msgs_per_subject=1,
        allow_direct=True,
    )
