# SPDX-License-Identifier: Apache-2.0
"""What the bus answers: the forms of JetStream's API that are used here, and its errors as exceptions.

**Source:** JetStream wire API (`nats-server` `server/jetstream_api.go`, `server/errors.json`).
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from nats.aio.msg import Msg

from mead.bus.connection import BusAwayError, BusFullError, BusRefusedError

__all__ = [
    "NAME_IN_USE", "NOT_THERE", "NOT_TOGETHER", "NO_STREAM", "Done", "Got", "Held", "Stored", "StreamInfo",
    "StreamNames", "decode",
]  # fmt: skip

T = TypeVar("T")

NO_STREAM = 10059
"""Error code of a stream that does not exist."""
NOT_THERE = frozenset({10037, 10043, 10057, NO_STREAM})
"""Error codes of a message that does not exist (any more)."""
NAME_IN_USE = 10058
"""Error code of a stream that exists with another configuration."""
NOT_TOGETHER = 10174
"""Error code of a stream that does not take messages together."""
_FULL = frozenset({10077, 10023, 10002, 10047})
"""Error codes of a stream, a server or an account without room."""


class Stored(msgspec.Struct, frozen=True, rename={"sequence": "seq"}):
    """The server's word that a message is on disk."""

    stream: str
    sequence: int
    duplicate: bool = False
    """The message id was seen before; nothing was stored again."""
    count: int = 1
    """Messages that were stored together."""


class _ApiError(msgspec.Struct, frozen=True):
    code: int
    err_code: int = 0
    description: str = ""


class _Failure(msgspec.Struct, frozen=True):
    error: _ApiError | None = None


class _StreamState(msgspec.Struct, frozen=True):
    messages: int
    first_seq: int
    last_seq: int
    subjects: dict[str, int] = {}


class StreamInfo(msgspec.Struct, frozen=True):
    """What the server says of a stream."""

    config: dict[str, Any]
    state: _StreamState
    total: int = 0


class StreamNames(msgspec.Struct, frozen=True):
    """One page of names."""

    total: int
    offset: int
    streams: list[str] | None = None


class Done(msgspec.Struct, frozen=True):
    """The server did as it was told."""

    success: bool = True


class Held(msgspec.Struct, frozen=True, rename={"sequence": "seq"}):
    """A message that lies in a stream."""

    subject: str
    sequence: int
    data: bytes = b""


class Got(msgspec.Struct, frozen=True):
    """A message that was asked for by its sequence."""

    message: Held


def decode(message: Msg, answer: type[T]) -> T:
    """The answer of the server.

    Raises:
        BusFullError: there is no room.
        BusAwayError: nobody is there to answer, or not yet.
        BusRefusedError: anything else that the server says; has its error code.
    """
    status = (message.headers or {}).get("Status")
    if status == "503":
        raise BusAwayError(
            "nobody on the bus answers to this: the stream is missing or JetStream is starting"
        )
    failure = msgspec.json.decode(message.data, type=_Failure).error
    if failure is None:
        return msgspec.json.decode(message.data, type=answer)
    text = f"the bus refuses: {failure.description} ({failure.err_code})"
    taken = "per subject" in failure.description  # the place is filled: there is room, but not for this
    full = failure.err_code in _FULL or "no space left" in failure.description
    if full and not taken:
        raise BusFullError(text)
    if failure.code == 503 and not taken:
        raise BusAwayError(text)
    raise BusRefusedError(text, failure.err_code)
