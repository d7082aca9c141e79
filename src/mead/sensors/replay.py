# SPDX-License-Identifier: Apache-2.0
"""A packet capture driven through the same dialogues as live attackers: the same events come out.

What the client sent goes in, and what we would have answered is thrown away; of what the recorded server
answered, only who was let in counts. Encrypted sessions give what is said before encryption: banner and
HASSH, JA3 and JA4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from mead.clock import FakeClock
from mead.errors import InputError
from mead.model.event import Event, LossCounted
from mead.model.network import canonical
from mead.sensors.capture import Capture
from mead.sensors.desk import Bodies, CaptureSettings, Desk
from mead.sensors.dialogue import Context, Dialogue, SilentLink
from mead.sensors.persona import Persona
from mead.sensors.recorded import ANSWER_BYTES, RecordedCredentials, service_of
from mead.sensors.services import SERVICES
from mead.sensors.session import Endpoint, Session
from mead.wire.core import Close, Fact, Limit, Output, PeerError
from mead.wire.pcap import CaptureEnd
from mead.wire.tcp import CaptureFlows, FlowClosed, FlowData, FlowGap, FlowOpened

__all__ = ["PORTS", "ReplayCounts", "replay"]

_CHUNK_BYTES = 1 << 18
_START = datetime(1970, 1, 1, tzinfo=UTC)
PORTS = {
    21: "ftp", 22: "ssh", 23: "telnet", 2222: "ssh", 2323: "telnet", 80: "http", 81: "http", 443: "https",
    8000: "http", 8080: "http", 8081: "http", 8443: "https", 8888: "http",
}  # fmt: skip
"""Which service is usual at which port."""
_MAX_UNKNOWN_BYTES = 1 << 16
_MAX_HELD_BYTES = 1 << 16
_OBSERVE = CaptureSettings(fetch_policy="replay")


class ReplayCounts(Struct, kw_only=True):
    """What a capture gave.

    Attributes:
        frames: packets that were read.
        flows: TCP connections that were found.
        sessions: of these, how many were driven through a service.
        scans: of these, how many never got as far as data.
        events: events that were emitted.
        gaps_bytes: bytes of clients that the capture lacks.
        truncated_bytes: bytes at the end of the file that are no whole packet.
        problems: what was wrong with the file, as short sentences.
    """

    frames: int = 0
    flows: int = 0
    sessions: int = 0
    scans: int = 0
    events: int = 0
    gaps_bytes: int = 0
    truncated_bytes: int = 0
    problems: list[str] = []


async def replay(
    path: Path,
    sensor: str,
    seed: bytes,
    emit: Callable[[Event], None],
    *,
    bodies: Bodies | None = None,
    settings: CaptureSettings | None = None,
    ports: Mapping[int, str] | None = None,
) -> ReplayCounts:
    """Drive every conversation of the capture at `path`; offers are recorded, never followed.

    Session ids derive from the file, every event carries its digest as `origin`, and the persona was born
    with the first packet: a second replay gives the same events.

    Raises:
        InputError: the file cannot be read.
    """
    desk = Desk(_Hashed() if bodies is None else bodies, None, settings or _OBSERVE)
    run = _Replay(sensor, seed, emit, desk, PORTS if ports is None else ports)
    try:
        run.origin = await asyncio.to_thread(_digest, path)
        for piece in _pieces(path):
            await run.take(piece)
            await asyncio.sleep(0)  # between pieces it can be stopped
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    await run.take(b"")
    return run.counts


def _digest(path: Path) -> str:
    digest = sha256()
    for piece in _pieces(path):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece


class _Hashed:
    """Bodies that are told and not kept."""

    async def put(self, data: bytes) -> str:
        return sha256(data).hexdigest()


class _Flow:
    """One connection of the capture: what waits for its answer, and, once it is chosen, its dialogue."""

    def __init__(self, opened: FlowOpened) -> None:
        (src, src_port), (dst, dst_port) = opened.client, opened.server
        self.number = opened.flow
        self.endpoint = Endpoint(canonical(str(src)), src_port, canonical(str(dst)), dst_port)
        self.clock = FakeClock(_moment(opened.time_ns))
        self.held: list[FlowData] = []
        self.held_bytes = 0
        self.answer = bytearray()
        self.greeting = b""
        self.missing_bytes = 0
        self.unknown = b""
        self.session: Session | None = None
        self.capture: Capture | None = None
        self.dialogue: Dialogue | None = None
        self.link = SilentLink()

    def said(self, data: bytes) -> None:
        """Keep the end of what the server says."""
        self.answer += data
        del self.answer[:-ANSWER_BYTES]


class _Replay:
    """Sink and driver of one capture.

    What a client said is played when the server's answer to it is known: as soon as it says more, or
    leaves.
    """

    def __init__(
        self,
        sensor: str,
        seed: bytes,
        emit: Callable[[Event], None],
        desk: Desk,
        ports: Mapping[int, str],
    ) -> None:
        self._sensor = sensor
        self._seed = seed
        self._emit = emit
        self._ports = ports
        self._flows: dict[int, _Flow] = {}
        self._core = CaptureFlows()
        self._desk = desk
        self._now = _START
        self._persona: Persona | None = None
        self._credentials = RecordedCredentials(seed)
        self.origin = ""
        self.counts = ReplayCounts()

    def publish(self, event: Event) -> None:
        """Take an event of a session."""
        self.counts.events += 1
        self._emit(event)

    async def take(self, piece: bytes) -> None:
        """Take a piece of the file; bodies are finished before the next one."""
        for item in self._core.receive(piece):
            match item:
                case FlowOpened():
                    self._now = _moment(item.time_ns)
                    self.counts.flows += 1
                    self._flows[item.flow] = _Flow(item)
                case FlowData():
                    await self._data(item)
                case FlowGap(from_client=True):
                    self.counts.gaps_bytes += item.missing_bytes
                    self._flows[item.flow].missing_bytes += item.missing_bytes
                case FlowClosed():
                    await self._closed(item)
                case CaptureEnd():
                    self.counts.frames, self.counts.truncated_bytes = item.frames, item.truncated_bytes
                case PeerError() | Limit():
                    self._problem(item)
                case _:
                    pass

    async def _data(self, data: FlowData) -> None:
        flow = self._flows[data.flow]
        if not data.from_client:
            flow.said(data.data)
            return
        if flow.answer or flow.held_bytes > _MAX_HELD_BYTES:
            await self._play(flow)
        flow.held.append(data)
        flow.held_bytes += len(data.data)

    async def _play(self, flow: _Flow) -> None:
        """Play what is held, now that the answer to it is known."""
        held, answer = flow.held, bytes(flow.answer)
        flow.held, flow.held_bytes = [], 0
        flow.answer.clear()
        if not held:
            flow.greeting = answer
            return
        if flow.session is None:
            self._begin(flow, b"".join(data.data for data in held), answer)
        self._credentials.heard(answer)
        for data in held:
            flow.clock.set(_moment(data.time_ns))
            self._drive(flow, data.data)
            if self._desk.busy:
                await self._desk.drain()

    def _begin(self, flow: _Flow, first: bytes, answer: bytes) -> None:
        """Choose the service, and open the session when its connection was opened."""
        service = service_of(first, flow.greeting or answer, flow.endpoint.dst_port, self._ports)
        name = sha256(f"{self.origin} {flow.number}".encode()).hexdigest()[:20]
        flow.session = session = Session(
            flow.endpoint, sensor=self._sensor, service=service or "tcp", sink=self, clock=flow.clock,
            id=name, origin=self.origin,
        )  # fmt: skip
        flow.capture = capture = Capture(session, self._desk)
        session.opened()
        self.counts.sessions += 1
        if service is not None:
            if self._persona is None:
                self._persona = Persona(self._seed, None, flow.clock.now())
            context = Context(session, capture, self._persona, self._credentials, flow.link, live=False)
            flow.dialogue = SERVICES.load(service)(context)
            self._perform(flow, flow.dialogue.open())

    def _drive(self, flow: _Flow, data: bytes) -> None:
        assert flow.session is not None
        flow.session.bytes_in += len(data)
        if flow.dialogue is not None:
            self._perform(flow, flow.dialogue.receive(data))
            return
        flow.unknown += data[: _MAX_UNKNOWN_BYTES - len(flow.unknown)]
        if flow.session.bytes_in > _MAX_UNKNOWN_BYTES:
            flow.session.limit("max_unknown_bytes", _MAX_UNKNOWN_BYTES, "bytes")

    def _perform(self, flow: _Flow, outputs: list[Output]) -> None:
        assert flow.session is not None
        for item in (*outputs, *flow.link.turns()):
            if isinstance(item, Fact):
                flow.session.observe(item)
            elif isinstance(item, Close):
                # a real server went on listening: what its client said after that is still worth reading
                flow.link.close(item.reason)

    async def _closed(self, closed: FlowClosed) -> None:
        flow = self._flows.pop(closed.flow)
        await self._play(flow)
        self._now = _moment(closed.time_ns)
        flow.clock.set(self._now)
        if flow.session is None or flow.capture is None:
            self.counts.scans += 1
            return
        if flow.dialogue is not None:
            self._perform(flow, flow.dialogue.receive(b""))
            flow.dialogue.lost()
        elif flow.unknown:
            flow.capture.payload(flow.unknown)
        if flow.missing_bytes:
            flow.session.emit(
                LossCounted, what="capture", count=flow.missing_bytes, unit="bytes", reason="not in the file"
            )
        flow.capture.finish({"fin": "closed by peer", "rst": "reset by peer"}.get(closed.how, closed.how))
        await self._desk.drain()

    def _problem(self, fact: PeerError | Limit) -> None:
        reason = fact.reason if isinstance(fact, PeerError) else f"{fact.name} over {fact.value} {fact.unit}"
        self.counts.problems.append(reason)
        self.publish(
            LossCounted(
                time=self._now, sensor=self._sensor, what="capture", count=1, unit="files",
                reason=reason, origin=self.origin,
            )
        )  # fmt: skip


def _moment(time_ns: int) -> datetime:
    return _START + timedelta(microseconds=time_ns // 1000)
