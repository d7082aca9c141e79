# SPDX-License-Identifier: Apache-2.0
"""Queues of work: each job is done once, redone when its worker dies, and given up after a few times.

A job is leased for `ack_wait_seconds`; a heartbeat prolongs the lease. What was leased `max_deliver` times
without being done is dead; `mead.bus.reaper` turns it into a finding that says why.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from mead.bus import streams
from mead.bus.client import Bus, BusAwayError, BusFullError
from mead.bus.pull import Consumer, Message, Puller

__all__ = ["WORKERS", "Job", "Lease", "WorkQueue", "decode_job", "encode_job"]

_log = logging.getLogger(__name__)

WORKERS = "workers"
"""The one consumer of each queue: JetStream allows no second unfiltered one."""
_FULL_PAUSE_SECONDS = 0.5
_PAUSE_SECONDS = 0.05
_ACK_SECONDS = 2.0
_REASON_BYTES = 2048
_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Job]


class Job(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something to be done to one body.

    Attributes:
        kind: what is to be done.
        sha256: the body.
        key: tells apart jobs of the same kind for the same body, for example by rule set.
        priority: for the worker's choice; the queue itself is in order of arrival.
        depth: how many artifacts the body is away from the one that was captured.
        name: name under which the body came, as its sender gave it.
        sensor: sensor that captured it.
        session: session in which it was captured.
        parent_sha256: artifact that it came out of.
        relation: how it belongs to the parent.
        detail: what more is known of the relation, for example the password.
        revived: whether it was put into the queue again because the server had lost it.
    """

    kind: str
    sha256: str
    key: str = ""
    priority: int = 0
    depth: int = 0
    name: str | None = None
    sensor: str | None = None
    session: str | None = None
    parent_sha256: str | None = None
    relation: str | None = None
    detail: str | None = None
    revived: bool = False

    @property
    def message_id(self) -> str:
        """What makes two submissions the same job."""
        return f"{self.kind}:{self.sha256}:{self.key}"


_decoder = msgspec.json.Decoder(Job)


def encode_job(job: Job) -> bytes:
    """The message that carries a job."""
    return _encoder.encode(job)


def decode_job(data: bytes) -> Job | None:
    """The job of a message, `None` if it is none."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


class Lease:
    """A job that is ours until we are done, give it back, or are silent for too long."""

    def __init__(self, bus: Bus, stream: str, job: Job, message: Message) -> None:
        self.job = job
        self.attempt = message.delivery
        """How often the job was leased, this time included."""
        self.last = message.delivery >= bus.settings.max_deliver
        """Whether nobody will get it after us."""
        self._bus = bus
        self._stream = stream
        self._message = message

    async def done(self) -> None:
        """The job is done; when this returns, nobody will do it again.

        Raises:
            BusAwayError: the bus stayed away for longer than the lease; somebody may do it again.
        """
        deadline = asyncio.get_running_loop().time() + self._bus.settings.ack_wait_seconds
        while True:
            try:
                if not await self._acknowledge():
                    await self._bus.delete(self._stream, self._message.sequence)
            except BusAwayError:
                if asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(_PAUSE_SECONDS)
            else:
                return

    async def _acknowledge(self) -> bool:
        """Whether the server took it.

        After a kill -9 it may not know that it had given us this job: it then ignores the
        acknowledgement, and would give the job away again.
        """
        try:
            answer = await self._bus.request(self._message.reply, b"+ACK", timeout_seconds=_ACK_SECONDS)
        except BusAwayError:
            return False
        return not (answer.headers or {}).get("Status")

    async def heartbeat(self) -> None:
        """The job is still being worked on; the lease begins anew."""
        with suppress(BusAwayError):
            await self._bus.send(self._message.reply, b"+WPI")

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Heartbeats as long as the block runs."""

        async def beat() -> None:
            while True:
                await asyncio.sleep(self._bus.settings.ack_wait_seconds / 3)
                await self.heartbeat()

        task = asyncio.create_task(beat(), name=f"heartbeat of {self.job.message_id}")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def retry(self, delay_seconds: float = 0.0, reason: str = "") -> None:
        """Give the job back, to be leased again after the delay; `reason` is for the reaper's finding."""
        nak = b"-NAK"
        if delay_seconds > 0:
            nak += b" " + json.dumps({"delay": int(delay_seconds * 1e9)}).encode()
        with suppress(BusAwayError):
            if reason:
                subject = streams.reason_subject(self._stream, self._message.sequence)
                await self._bus.ensure(streams.reasons_stream())
                await self._bus.publish(subject, reason.encode("utf-8", "backslashreplace")[:_REASON_BYTES])
            await self._bus.send(self._message.reply, nak)


class WorkQueue:
    """One queue. Put with `submit`; take with `async for lease in queue.consume()`."""

    def __init__(self, bus: Bus, name: str) -> None:
        self.stream = streams.queue_stream_name(name)
        self._bus = bus
        self._name = name

    async def submit(self, job: Job) -> bool:
        """Put a job, waiting for room; `False` when the same was put within the duplicate window."""
        data = encode_job(job)
        while True:
            try:
                await self.ensure()
                stored = await self._bus.publish(
                    streams.queue_subject(self._name), data, message_id=job.message_id
                )
            except BusFullError:
                await asyncio.sleep(_FULL_PAUSE_SECONDS)
            except BusAwayError as error:
                _log.debug("%s: %s", self.stream, error)
                await self._bus.pause()
            else:
                return not stored.duplicate

    async def length(self) -> int:
        """Jobs that wait, are leased, or are dead and not reaped."""
        info = await self._bus.stream_info(self.stream)
        return info.state.messages if info else 0

    def consume(self) -> Leases:
        """The jobs, one lease at a time; ask for the next when the last is done or given back."""
        return Leases(self._bus, self)

    async def ensure(self) -> None:
        """Make the queue's stream if it is not there."""
        await self._bus.ensure(streams.queue_stream(self._name, self._bus.settings))


class Leases:
    """Leases of one worker; close it, or `async with` it, to return what was on its way."""

    def __init__(self, bus: Bus, queue: WorkQueue) -> None:
        self._bus = bus
        self._queue = queue
        self._puller: Puller | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Lease:
        lease = await self.next()
        assert lease is not None
        return lease

    async def next(self, timeout_seconds: float | None = None) -> Lease | None:
        """The next lease; `None` when there was no job for `timeout_seconds` (default: wait for ever)."""
        while True:
            try:
                message = await self._pull(timeout_seconds)
            except BusAwayError as error:
                _log.debug("%s: %s", self._queue.stream, error)
                await self.close()
                await self._bus.pause()
                continue
            if message is None:
                return None
            if job := decode_job(message.data):
                return Lease(self._bus, self._queue.stream, job, message)
            _log.error("%s:%d is no job and was removed", self._queue.stream, message.sequence)
            await self._bus.delete(self._queue.stream, message.sequence)

    async def close(self) -> None:
        """Stop taking jobs; one that was already on its way goes to another worker."""
        puller, self._puller = self._puller, None
        if puller:
            with suppress(BusAwayError):
                for message in await puller.drain():
                    await self._bus.send(message.reply, b"-NAK")
            await puller.close()

    async def _pull(self, timeout_seconds: float | None) -> Message | None:
        if self._puller is None:
            await self._queue.ensure()
            settings = self._bus.settings
            consumer = Consumer.durable(
                WORKERS, ack_wait_seconds=settings.ack_wait_seconds, max_deliver=settings.max_deliver
            )
            self._puller = Puller(self._bus, self._queue.stream, consumer, batch=1)
        return await self._puller.next(timeout_seconds)
