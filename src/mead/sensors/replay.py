# SPDX-License-Identifier: Apache-2.0
"""A packet capture driven through the same dialogues as live attackers: the same events come out.

Only what the client sent goes in; what we would have answered is thrown away. Encrypted sessions give
what is said before encryption: banner and HASSH, JA3 and JA4.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from msgspec import Struct

from mead.clock import FakeClock
from mead.errors import InputError
from mead.model.event import Event, LossCounted
from mead.model.network import canonical
from mead.sensors.capture import Capture
from mead.sensors.credentials import Credentials, CredentialsSettings
from mead.sensors.desk import Bodies, CaptureSettings, Desk
from mead.sensors.dialogue import Context, Dialogue, SilentLink
from mead.sensors.persona import Persona
from mead.sensors.services import SERVICES
from mead.sensors.session import Endpoint, Session
from mead.wire.core import Close, Fact, Limit, Output, PeerError
from mead.wire.detect import bid
from mead.wire.pcap import CaptureEnd
from mead.wire.tcp import CaptureFlows, FlowClosed, FlowData, FlowGap, FlowOpened

__all__ = ["ReplayCounts", "replay"]

_CHUNK_BYTES = 1 << 18
_START = datetime(1970, 1, 1, tzinfo=UTC)
_PORTS = {
    21: "ftp", 22: "ssh", 23: "telnet", 2222: "ssh", 2323: "telnet", 80: "http", 81: "http", 443: "https",
    8000: "http", 8080: "http", 8081: "http", 8443: "https", 8888: "http",
}  # fmt: skip
_SERVICES = {"tls": "https", "http": "http", "ssh": "ssh", "telnet": "telnet"}
_SURE = 0.85
_MAX_UNKNOWN_BYTES = 1 << 16


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
    persona: Persona,
    emit: Callable[[Event], None],
    *,
    bodies: Bodies | None = None,
    settings: CaptureSettings | None = None,
) -> ReplayCounts:
    """Drive every conversation of the capture at `path`; offers are recorded, never followed.

    Session ids derive from the file, and every event carries its digest as `origin`, so that a second
    replay gives the same events.

    Raises:
        InputError: the file cannot be read.
    """
    run = _Replay(sensor, persona, emit, _Hashed() if bodies is None else bodies, settings)
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
    """One connection of the capture: its first bytes until a service is chosen, then its dialogue."""

    __slots__ = ("capture", "closed", "dialogue", "endpoint", "link", "session", "waiting")

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.waiting = b""
        self.session: Session | None = None
        self.capture: Capture | None = None
        self.dialogue: Dialogue | None = None
        self.link = SilentLink()
        self.closed = False


class _Replay:
    """Sink, clock and driver of one capture."""

    def __init__(
        self,
        sensor: str,
        persona: Persona,
        emit: Callable[[Event], None],
        bodies: Bodies,
        settings: CaptureSettings | None,
    ) -> None:
        self._sensor = sensor
        self._persona = persona
        self._emit = emit
        self._clock = FakeClock(_START)
        self._flows: dict[int, _Flow] = {}
        self._core = CaptureFlows()
        self._desk = Desk(bodies, None, settings or CaptureSettings(fetch_policy="replay"))
        self._credentials = Credentials(
            persona.seed, CredentialsSettings(minimum_tries=1, maximum_tries=1, any_user=True)
        )
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
                    self._opened(item)
                case FlowData(from_client=True):
                    self._data(item)
                case FlowGap(from_client=True):
                    self.counts.gaps_bytes += item.missing_bytes
                case FlowClosed():
                    await self._closed(item)
                case CaptureEnd():
                    self.counts.frames, self.counts.truncated_bytes = item.frames, item.truncated_bytes
                case PeerError() | Limit():
                    self._problem(item)
                case _:
                    pass
        await self._desk.drain()

    def _opened(self, opened: FlowOpened) -> None:
        self._at(opened.time_ns)
        self.counts.flows += 1
        (src, src_port), (dst, dst_port) = opened.client, opened.server
        endpoint = Endpoint(canonical(str(src)), src_port, canonical(str(dst)), dst_port)
        self._flows[opened.flow] = _Flow(endpoint)

    def _data(self, data: FlowData) -> None:
        self._at(data.time_ns)
        flow = self._flows.get(data.flow)
        if flow is None or flow.closed:
            return
        if flow.session is None:
            flow.waiting = (flow.waiting + data.data)[:_MAX_UNKNOWN_BYTES]
            self._begin(data.flow, flow)
            return
        flow.session.bytes_in += len(data.data)
        self._drive(flow, data.data)

    def _begin(self, number: int, flow: _Flow) -> None:
        """Choose the service by the first bytes, else by the port, and open the session."""
        service = _service(flow.waiting, flow.endpoint.dst_port)
        name = sha256(f"{self.origin} {number}".encode()).hexdigest()[:20]
        flow.session = session = Session(
            flow.endpoint, sensor=self._sensor, service=service or "tcp", sink=self, clock=self._clock,
            id=name, origin=self.origin,
        )  # fmt: skip
        flow.capture = capture = Capture(session, self._desk)
        session.opened()
        session.bytes_in += len(flow.waiting)
        self.counts.sessions += 1
        if service is None:
            return
        context = Context(session, capture, self._persona, self._credentials, flow.link, live=False)
        flow.dialogue = SERVICES.load(service)(context)
        self._perform(flow, flow.dialogue.open())
        waiting, flow.waiting = flow.waiting, b""
        self._drive(flow, waiting)

    def _drive(self, flow: _Flow, data: bytes) -> None:
        if flow.dialogue is not None:
            self._perform(flow, flow.dialogue.receive(data))
        else:
            flow.waiting = (flow.waiting + data)[:_MAX_UNKNOWN_BYTES]

    def _perform(self, flow: _Flow, outputs: list[Output]) -> None:
        assert flow.session is not None
        for item in (*outputs, *flow.link.turns()):
            if isinstance(item, Fact):
                flow.session.observe(item)
            elif isinstance(item, Close):
                # a real server went on listening: what its client said after that is still worth reading
                flow.link.close(item.reason)

    async def _closed(self, closed: FlowClosed) -> None:
        self._at(closed.time_ns)
        flow = self._flows.pop(closed.flow, None)
        if flow is None or flow.session is None or flow.capture is None:
            self.counts.scans += 1
            return
        if flow.dialogue is not None:
            self._perform(flow, flow.dialogue.receive(b""))
            flow.dialogue.lost()
        elif flow.waiting:
            flow.capture.payload(flow.waiting)
        flow.capture.finish({"fin": "closed by peer", "rst": "reset by peer"}.get(closed.how, closed.how))
        await self._desk.drain()

    def _problem(self, fact: PeerError | Limit) -> None:
        reason = fact.reason if isinstance(fact, PeerError) else f"{fact.name} over {fact.value} {fact.unit}"
        self.counts.problems.append(reason)
        self.publish(
            LossCounted(
                time=self._clock.now(), sensor=self._sensor, what="capture", count=1, unit="files",
                reason=reason, origin=self.origin,
            )
        )  # fmt: skip

    def _at(self, time_ns: int) -> None:
        self._clock.set(_START + timedelta(microseconds=time_ns // 1000))


def _service(first: bytes, port: int) -> str | None:
    """The service for these first bytes: what they say when it is plain, else what the port says."""
    bids = bid(first)
    if bids and bids[0][1] >= _SURE:
        return _SERVICES.get(bids[0][0])
    by_port = _PORTS.get(port)
    if by_port in _SERVICES.values():
        return by_port
    return _SERVICES.get(bids[0][0]) if bids else None
