# SPDX-License-Identifier: Apache-2.0
"""Pull messages of a stream, a bounded number at a time.

A consumer either remembers on the server what was acknowledged (durable: queues), or is a cursor that the
reader holds itself and makes anew after each lost connection (`after`). In both cases at most
`batch` messages and `max_bytes` are on the way, so a slow reader never fills its memory.

Source: NATS ADR-37 (JetStream simplification), `CONSUMER.MSG.NEXT` of the JetStream wire API.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import inf
from typing import Literal

import msgspec
from msgspec import Struct
from nats.aio.msg import Msg

from mead.bus.client import NO_STREAM, Bus, BusAwayError, BusRefusedError, Inbox

__all__ = ["Consumer", "Message", "Puller"]

_SECOND_NS = 1_000_000_000
_EXPIRES_SECONDS = 30
_HEARTBEAT_SECONDS = 5
_SILENT_SECONDS = _HEARTBEAT_SECONDS * 2.5
_FORGET_SECONDS = 60
_GONE = ("Consumer Deleted", "Server Shutdown", "Leadership Change")


class Consumer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A consumer as the server's API spells it; durations in nanoseconds."""

    name: str | None = None
    durable_name: str | None = None
    deliver_policy: Literal["all", "by_start_sequence"]
    opt_start_seq: int | None = None
    ack_policy: Literal["none", "explicit"]
    ack_wait: int | None = None
    max_deliver: int | None = None
    max_ack_pending: int | None = None
    headers_only: bool = False
    mem_storage: bool = False
    inactive_threshold: int | None = None
    num_replicas: int = 1

    @classmethod
    def durable(cls, name: str, *, ack_wait_seconds: float, max_deliver: int = -1) -> Consumer:
        """One that the server remembers, with an acknowledgement for each message."""
        return cls(
            name=name,
            durable_name=name,
            deliver_policy="all",
            ack_policy="explicit",
            ack_wait=int(ack_wait_seconds * _SECOND_NS),
            max_deliver=max_deliver,
            max_ack_pending=10_000,
        )

    @classmethod
    def cursor(cls, start_sequence: int, *, headers_only: bool = False) -> Consumer:
        """One that delivers everything from `start_sequence` on and is forgotten with its reader."""
        return cls(
            deliver_policy="by_start_sequence",
            opt_start_seq=max(start_sequence, 1),
            ack_policy="none",
            headers_only=headers_only,
            mem_storage=True,
            inactive_threshold=_FORGET_SECONDS * _SECOND_NS,
        )


class _Created(Struct, frozen=True):
    name: str


class Message(Struct, frozen=True):
    """A message of a stream."""

    subject: str
    data: bytes
    headers: Mapping[str, str]
    reply: str
    """Where it is acknowledged."""
    sequence: int
    """Its place in the stream."""
    delivery: int
    """How often it was delivered, from 1."""
    pending: int
    """How many more the stream has for this consumer."""
    time_ns: int
    """When the stream took it, nanoseconds since 1970."""


class Puller:
    """Messages of one consumer, one after the other. Made anew after each `BusAwayError`."""

    def __init__(
        self, bus: Bus, stream: str, consumer: Consumer, *, batch: int = 64, max_bytes: int = 0
    ) -> None:
        self._bus = bus
        self._stream = stream
        self._consumer = consumer
        self._batch = batch
        self._max_bytes = max_bytes
        self._inbox: Inbox | None = None
        self._name = ""
        self._left = 0
        self._heard = 0.0

    async def open(self) -> None:
        """Make the consumer (again) and listen."""
        verb = f"CONSUMER.CREATE.{self._stream}"
        if self._consumer.name:
            verb += f".{self._consumer.name}"
        try:
            created = await self._bus.api(
                verb, {"stream_name": self._stream, "config": self._consumer}, _Created
            )
        except BusRefusedError as error:
            if error.code == NO_STREAM:
                raise BusAwayError(f"{self._stream} is not there yet") from error
            raise
        self._name = created.name
        self._inbox = await self._bus.inbox()
        self._left = 0
        self._heard = asyncio.get_running_loop().time()

    async def next(self, timeout_seconds: float | None = None) -> Message | None:
        """The next message; `None` when there was none for `timeout_seconds` (default: wait for ever).

        Raises:
            BusAwayError: the connection or the consumer is gone; make another puller.
        """
        if self._inbox is None:
            await self.open()
        assert self._inbox is not None
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_seconds if timeout_seconds is not None else inf
        while True:
            if self._left <= 0:
                await self._ask()
            silent = self._heard + _SILENT_SECONDS
            try:
                message = await self._inbox.next(min(deadline, silent) - clock())
            except TimeoutError as error:
                if clock() >= silent:
                    raise BusAwayError(f"the bus says nothing more about {self._stream}") from error
                return None
            self._heard = clock()
            if (status := (message.headers or {}).get("Status")) and not message.data:
                self._judge(status, (message.headers or {}).get("Description", ""))
                continue
            self._left -= 1
            return _message(message)

    async def drain(self) -> list[Message]:
        """Take no more messages, and return those that had arrived but were not asked for by `next`."""
        if self._inbox is None:
            return []
        return [_message(message) for message in await self._inbox.drain() if message.reply]

    async def close(self) -> None:
        """Stop listening; the server forgets a cursor."""
        inbox, self._inbox = self._inbox, None
        if inbox:
            await inbox.close()
            if self._consumer.durable_name is None and self._bus.connected:
                await self._forget()

    async def _forget(self) -> None:
        try:
            await self._bus.api(f"CONSUMER.DELETE.{self._stream}.{self._name}", {}, Struct)
        except (BusAwayError, BusRefusedError):
            return  # it is forgotten after a minute anyway

    async def _ask(self) -> None:
        request: dict[str, int] = {
            "batch": self._batch,
            "expires": _EXPIRES_SECONDS * _SECOND_NS,
            "idle_heartbeat": _HEARTBEAT_SECONDS * _SECOND_NS,
        }
        if self._max_bytes:
            request["max_bytes"] = self._max_bytes
        assert self._inbox is not None
        await self._bus.send(
            f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._name}",
            msgspec.json.encode(request),
            self._inbox.subject,
        )
        self._left = self._batch

    def _judge(self, status: str, description: str) -> None:
        """A request ended without more messages (ask again), or the consumer is gone."""
        if status == "100":
            return
        if status == "503" or any(gone in description for gone in _GONE):
            raise BusAwayError(f"{self._stream}: {description or 'the consumer is gone'}")
        self._left = 0


def _message(message: Msg) -> Message:
    meta = message.reply.split(".")
    # $JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>,
    # newer servers put a domain and an account before the stream and a token at the end.
    at = 4 if len(meta) == 9 else 6
    return Message(
        message.subject,
        message.data,
        message.headers or {},
        message.reply,
        sequence=int(meta[at + 1]),
        delivery=int(meta[at]),
        time_ns=int(meta[at + 3]),
        pending=int(meta[at + 4]),
    )
