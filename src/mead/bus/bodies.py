# SPDX-License-Identifier: Apache-2.0
"""Carry bodies over the bus in chunks, resume where it broke, and forget them when the store has them.

A chunk's place is its subject, `body.<sha256>.<n>`, and each place is filled once. Asking which places are
filled is therefore both the resume and the question "do you have this body already?".

Who takes bodies learns of them from the events that name them. What no event names, because its sender
died in between, is a leftover.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec import Struct

from mead.bus import streams
from mead.bus.client import Bus, BusAwayError, BusFullError, BusRefusedError, Together
from mead.bus.pull import Consumer, Message, Puller
from mead.bus.shortbodies import ShortBodies

__all__ = ["CHUNK_BYTES", "MAX_BODY_BYTES", "BodyReceiver", "BodySender", "BodySettings", "Leftover"]

_log = logging.getLogger(__name__)

CHUNK_BYTES = 256 << 10
"""Never a setting: two senders of one body must cut it alike."""
MAX_BODY_BYTES = 256 << 20
_MAX_CHUNKS = MAX_BODY_BYTES // CHUNK_BYTES
_CHUNKS_HEADER = "Mead-Chunks"
_SUBJECT = re.compile(r"body\.([0-9a-f]{64})\.(\d{1,4})")
_IN_FLIGHT = 4
_SHORT_BYTES = 4096
"""Transcripts and requests, most of which are new: sending them costs no more than asking for them."""
_FULL_PAUSE_SECONDS = 0.5
_SILENT_SECONDS = 5.0
_MAX_LEFTOVERS = 1000
"""Told at once; the rest is told next time."""


class BodySettings(Struct, frozen=True, kw_only=True):
    """How bodies wait for the bus.

    Attributes:
        memory_bytes: bodies that wait for the bus at the same time; beyond it `put` refuses.
        remembered: number of bodies that are not sent again for a while.
        remembered_seconds: how long they are not sent again.
    """

    memory_bytes: int = 256 << 20
    remembered: int = 4096
    remembered_seconds: float = 600.0


class BodySender:
    """Puts bodies on the bus."""

    def __init__(self, bus: Bus, settings: BodySettings | None = None) -> None:
        self._bus = bus
        self._settings = settings or BodySettings()
        self._waiting_bytes = 0
        self._sent: OrderedDict[str, float] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._short = ShortBodies(bus, _only_chunk, self._send)

    async def put(self, data: bytes) -> str:
        """The body's sha256 (hex), once the body is durable; waits while the bus is away.

        Raises:
            BusFullError: too many bodies wait already; the caller counts the loss.
            ValueError: larger than `MAX_BODY_BYTES`.
        """
        if len(data) > MAX_BODY_BYTES:
            raise ValueError(f"a body of {len(data)} bytes does not travel, at most {MAX_BODY_BYTES} do")
        sha256 = hashlib.sha256(data).hexdigest()
        if self._is_remembered(sha256):
            return sha256
        sending = self._under_way.get(sha256)
        if sending is None:
            if self._waiting_bytes + len(data) > self._settings.memory_bytes:
                raise BusFullError(
                    f"{self._waiting_bytes} bytes of bodies wait for the bus: no room for more"
                )
            if len(data) <= _SHORT_BYTES:
                sending = self._short.put(sha256, data)
            else:
                sending = asyncio.create_task(self._send(sha256, data), name=f"body {sha256[:12]}")
            self._waiting_bytes += len(data)
            self._under_way[sha256] = sending
            sending.add_done_callback(lambda sent: self._ended(sha256, len(data), sent))
        await asyncio.shield(sending)
        return sha256

    def _ended(self, sha256: str, size: int, sent: asyncio.Future[None]) -> None:
        del self._under_way[sha256]
        self._waiting_bytes -= size
        if not sent.cancelled() and sent.exception() is None:
            self._remember(sha256)

    async def close(self) -> None:
        """Give up what still waits."""
        waiting = list(self._under_way.values())
        self._short.close()
        for sending in waiting:
            sending.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _is_remembered(self, sha256: str) -> bool:
        """Whether it was sent lately: one worm brings the same body a thousand times an hour."""
        since = self._sent.get(sha256)
        return since is not None and self._now() - since < self._settings.remembered_seconds

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    async def _send(self, sha256: str, data: bytes) -> None:
        while not await self._try(sha256, data):
            pass

    def _remember(self, sha256: str) -> None:
        self._sent[sha256] = self._now()
        self._sent.move_to_end(sha256)
        if len(self._sent) > self._settings.remembered:
            self._sent.popitem(last=False)

    async def _try(self, sha256: str, data: bytes) -> bool:
        count = max(1, -(-len(data) // CHUNK_BYTES))
        try:
            await self._bus.ensure(streams.bodies_stream(self._bus.settings))
            if len(data) <= _SHORT_BYTES and await self._send_chunk(sha256, data, 0, 1):
                return True
            missing = await self._missing(sha256, count)
            for start in range(0, len(missing), _IN_FLIGHT):
                some = missing[start : start + _IN_FLIGHT]
                sent = (self._send_chunk(sha256, data, chunk, count) for chunk in some)
                for result in await asyncio.gather(*sent, return_exceptions=True):
                    if isinstance(result, BaseException):
                        raise result
            # Chunks that lay there before may have been swept as leftovers meanwhile.
            return len(missing) == count or not await self._missing(sha256, count)
        except BusFullError:
            await asyncio.sleep(_FULL_PAUSE_SECONDS)
        except BusAwayError as error:
            _log.debug("body %s: %s", sha256, error)
            await self._bus.pause()
        return False

    async def _missing(self, sha256: str, count: int) -> list[int]:
        info = await self._bus.stream_info(streams.BODIES, streams.body_subject(sha256, "*"))
        present = info.state.subjects if info else {}
        return [chunk for chunk in range(count) if streams.body_subject(sha256, chunk) not in present]

    async def _send_chunk(self, sha256: str, data: bytes, chunk: int, count: int) -> bool:
        """Fill the chunk's place; whether it was empty."""
        part = data[chunk * CHUNK_BYTES : (chunk + 1) * CHUNK_BYTES]
        subject, headers = _place(sha256, chunk, count)
        try:
            await self._bus.publish(subject, part, headers=headers)
        except BusRefusedError as error:
            if "per subject" not in str(error):
                raise
            return False  # filled by another sender, or by our own message whose answer was lost
        return True


def _place(sha256: str, chunk: int, count: int) -> tuple[str, dict[str, str]]:
    """Subject and headers of a chunk."""
    return streams.body_subject(sha256, chunk), {_CHUNKS_HEADER: str(count)}


def _only_chunk(sha256: str, data: bytes) -> Together:
    subject, headers = _place(sha256, 0, 1)
    return subject, data, headers


class Leftover(Struct, frozen=True, kw_only=True):
    """A body that has lain on the bus for long."""

    sha256: str
    sequence: int
    """Of its first chunk: tells it apart from the same body left over another time."""
    whole: bool


class BodyReceiver:
    """Takes bodies off the bus."""

    def __init__(self, bus: Bus) -> None:
        self.damaged = 0
        """Bodies whose content was not what their name says; they were removed."""
        self._bus = bus

    async def take(self, sha256: str) -> bytes | None:
        """The body, or `None` if it is incomplete or damaged (then it was removed and counted)."""
        parts: list[bytes] = []
        count = 1
        while len(parts) < count:
            try:
                message = await self._bus.last(streams.BODIES, streams.body_subject(sha256, len(parts)))
            except BusAwayError:
                await self._bus.pause()
                continue
            if message is None:
                return None
            count = _count((message.headers or {}).get(_CHUNKS_HEADER, ""))
            parts.append(message.data)
        data = b"".join(parts)
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
        self.damaged += 1
        _log.error("body %s on the bus is damaged and was removed", sha256)
        await self.done(sha256)
        return None

    async def done(self, sha256: str) -> None:
        """The body is in the store (fsynced): the bus may forget its chunks."""
        while True:
            try:
                return await self._bus.purge(streams.BODIES, subject=streams.body_subject(sha256, "*"))
            except BusAwayError:
                await self._bus.pause()

    async def leftovers(self, older_than_seconds: float) -> list[Leftover]:
        """Bodies whose last chunk came before so long, the oldest first and a bounded number of them.

        What is no chunk of a body at all is removed on the way.

        Raises:
            BusAwayError: ask again later.
        """
        await self._bus.ensure(streams.bodies_stream(self._bus.settings))
        limit_ns = int((self._bus.clock.now().timestamp() - older_than_seconds) * 1e9)
        chunks: dict[str, dict[int, int]] = {}
        counts: dict[str, int] = {}
        async with aclosing(self._messages_before(limit_ns)) as messages:
            async for message in messages:
                found = _SUBJECT.fullmatch(message.subject)
                count = _count(message.headers.get(_CHUNKS_HEADER, ""))
                if found is None or int(found[2]) >= count:
                    _log.error("%s is no chunk of a body and was removed", message.subject)
                    await self._bus.delete(streams.BODIES, message.sequence)
                    continue
                if len(counts) >= _MAX_LEFTOVERS and found[1] not in counts:
                    break
                chunks.setdefault(found[1], {})[int(found[2])] = message.sequence
                counts[found[1]] = count
        return [
            Leftover(sha256=sha256, sequence=min(old.values()), whole=whole)
            for sha256, old in chunks.items()
            if (whole := len(old) == counts[sha256]) or not await self._is_growing(sha256, len(old))
        ]

    async def _messages_before(self, limit_ns: int) -> AsyncGenerator[Message, None]:
        """What the stream took before a moment, without its content; it lies there in that order."""
        info = await self._bus.stream_info(streams.BODIES)
        left = info.state.messages if info else 0
        puller = Puller(self._bus, streams.BODIES, Consumer.cursor(1, headers_only=True), batch=256)
        try:
            while left and (message := await puller.next(_SILENT_SECONDS)) and message.time_ns < limit_ns:
                yield message
                left = message.pending
        finally:
            await puller.close()

    async def _is_growing(self, sha256: str, old_chunks: int) -> bool:
        info = await self._bus.stream_info(streams.BODIES, streams.body_subject(sha256, "*"))
        return info is not None and len(info.state.subjects) > old_chunks


def _count(header: str) -> int:
    """How many chunks the body has; 0 if the header makes no sense."""
    return int(header) if header.isdecimal() and len(header) < 5 and int(header) <= _MAX_CHUNKS else 0
