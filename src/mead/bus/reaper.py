# SPDX-License-Identifier: Apache-2.0
"""Bury dead jobs: those that were leased `max_deliver` times and never done.

The server leaves such a message in the queue for ever and says so in an advisory, once. Advisories are
kept in a stream of their own, so a reaper that was away misses none. Each dead job becomes one
`analysis.done` (failed) and one `finding.made` (or what its `epitaph` is), then it is removed.

A server that is killed, or cannot write, may forget a lease without giving the job to anybody else, or die
between the last delivery and the advisory. So the queues themselves are looked through now and then: a job
that was delivered and that nobody holds is put into its queue again, and buried when that happens twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import msgspec
from msgspec import Struct

from mead.bus import streams
from mead.bus.client import Bus, BusAwayError, BusRefusedError, Held
from mead.bus.publisher import publish_once
from mead.bus.pull import Consumer, Message, Puller
from mead.bus.queue import WORKERS, Job, decode_job, encode_job
from mead.model.event import AnalysisDone, Event, FindingMade

__all__ = ["CLAIM", "Reaper"]

_log = logging.getLogger(__name__)

CLAIM = "analysis.given_up"
"""Claim of the finding about a body whose analysis was given up."""
Epitaph = Callable[[Job, str, datetime], list[Event] | None]
"""The events of a job that was given up, with the reason; None for one that is not its business."""
_ACK_WAIT_SECONDS = 30.0
_LOOK_SECONDS = 15.0


class _Advisory(Struct, frozen=True):
    stream: str
    stream_seq: int
    deliveries: int


class _Position(Struct, frozen=True):
    stream_seq: int


class _ConsumerInfo(Struct, frozen=True):
    delivered: _Position
    num_ack_pending: int


class Reaper:
    """Buries the dead jobs of all queues; its events are published under `sensor`.

    An advisory whose acknowledgement was lost with the connection comes again after `ack_wait_seconds`.
    `epitaph` says what is told of jobs that are no analysis.
    """

    def __init__(
        self,
        bus: Bus,
        sensor: str,
        *,
        ack_wait_seconds: float = _ACK_WAIT_SECONDS,
        epitaph: Epitaph | None = None,
    ) -> None:
        self.buried = 0
        """Jobs that were buried."""
        self._bus = bus
        self._sensor = sensor
        self._ack_wait_seconds = ack_wait_seconds
        self._epitaph = epitaph
        self._suspected: set[tuple[str, int]] = set()

    async def run(self) -> None:
        """Bury until cancelled."""
        while True:
            puller: Puller | None = None
            try:
                await self._bus.ensure(streams.dead_stream())
                consumer = Consumer.durable("reaper", ack_wait_seconds=self._ack_wait_seconds)
                puller = Puller(self._bus, streams.DEAD, consumer, batch=16)
                await self._work(puller)
            except BusAwayError as error:
                _log.debug("reaper: %s", error)
                await self._bus.pause()
            finally:
                if puller:
                    await puller.close()

    async def _work(self, puller: Puller) -> None:
        clock = asyncio.get_running_loop().time
        look_at = clock()
        while True:
            if clock() >= look_at:
                await self.look_through()
                look_at = clock() + _LOOK_SECONDS
            if message := await puller.next(max(look_at - clock(), 0.1)):
                await self._heed(message)

    async def _heed(self, message: Message) -> None:
        try:
            advisory = msgspec.json.decode(message.data, type=_Advisory)
        except msgspec.MsgspecError as error:
            _log.error("%s is no advisory: %s", message.subject, error)
        else:
            held = await self._bus.get(advisory.stream, advisory.stream_seq)
            if held:
                await self._bury(advisory.stream, held, advisory.deliveries)
        await self._bus.request(message.reply, b"+ACK")

    async def look_through(self) -> int:
        """Revive what the server lost, or bury it if it was revived before; returns how many that were.

        Only what a look before this one had found as well: an advisory may just be on its way.
        """
        suspected, self._suspected = self._suspected, set()
        for stream in await self._bus.stream_names("work.>"):
            self._suspected |= {(stream, sequence) for sequence in await self._held_by_nobody(stream)}
        sure = suspected & self._suspected
        for stream, sequence in sorted(sure):
            if held := await self._bus.get(stream, sequence):
                await self._deal_with(stream, held)
        return len(sure)

    async def _held_by_nobody(self, stream: str) -> list[int]:
        try:
            info = await self._bus.api(f"CONSUMER.INFO.{stream}.{WORKERS}", {}, _ConsumerInfo)
        except BusRefusedError:
            return []  # nobody ever took a job from it
        found: list[int] = []
        if info.num_ack_pending == 0:
            # Nothing is leased, and what is left of the delivered will never be delivered again.
            held = await self._bus.get(stream, 1, following=">")
            while held and held.sequence <= info.delivered.stream_seq:
                found.append(held.sequence)
                held = await self._bus.get(stream, held.sequence + 1, following=">")
        return found

    async def _deal_with(self, stream: str, held: Held) -> None:
        job = decode_job(held.data)
        if job is None or job.revived:
            await self._bury(stream, held, 2 * self._bus.settings.max_deliver)
        else:
            await self._revive(stream, held, job)

    async def _revive(self, stream: str, held: Held, job: Job) -> None:
        """Put it at the end of its queue, then remove it from its place; the message id, as below."""
        _log.warning("%s of %s was lost by the bus and is queued again", job.kind, job.sha256)
        again = encode_job(msgspec.structs.replace(job, revived=True))
        await self._bus.publish(held.subject, again, message_id=f"revived:{stream}:{held.sequence}")
        await self._bus.delete(stream, held.sequence)

    async def _bury(self, stream: str, held: Held, deliveries: int) -> None:
        """Publish, then remove; the message id makes the first harmless if the second does not happen."""
        job = decode_job(held.data)
        if job is None:
            _log.error("%s:%d is no job and was removed", stream, held.sequence)
        else:
            note = await self._note(stream, held.sequence)
            reason = f"given up after {'up to ' * job.revived}{deliveries} attempts: {note}"
            _log.warning("%s of %s %s", job.kind, job.sha256, reason)
            told = self._epitaph(job, reason, self._bus.clock.now()) if self._epitaph else None
            events = told or self._events(job, reason, f"{stream}:{held.sequence}")
            await publish_once(self._bus, self._sensor, events, f"dead:{stream}:{held.sequence}")
        await self._bus.delete(stream, held.sequence)
        self.buried += 1

    async def _note(self, stream: str, sequence: int) -> str:
        await self._bus.ensure(streams.reasons_stream())
        message = await self._bus.last(streams.REASONS, streams.reason_subject(stream, sequence))
        if message is None:
            return "its worker died or fell silent each time"
        return message.data.decode("utf-8", "backslashreplace")

    def _events(self, job: Job, reason: str, evidence: str) -> list[Event]:
        now = self._bus.clock.now()
        return [
            AnalysisDone(
                time=now,
                sensor=self._sensor,
                session=job.session,
                sha256=job.sha256,
                analyser=job.kind,
                verdict="failed",
                reason=reason,
            ),
            FindingMade(
                time=now,
                sensor=self._sensor,
                session=job.session,
                sha256=job.sha256,
                analyser=job.kind,
                claim=CLAIM,
                value=reason,
                confidence=100,
                evidence=[evidence],
            ),
        ]
