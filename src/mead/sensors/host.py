# SPDX-License-Identifier: Apache-2.0
"""The I/O driver: accepts connections, drives one dialogue on each, and keeps everybody within limits.

This is the only place of the sensor that owns sockets, and the only one that catches every exception:
one connection's failure is logged, counted and told, and the others go on.
"""

from __future__ import annotations

import asyncio
import logging
import resource
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from mead import __version__
from mead.clock import Clock
from mead.model.event import LimitReached, LossCounted, SensorStatus
from mead.sensors.acceptor import Acceptor
from mead.sensors.capture import Capture
from mead.sensors.dialogue import Context, Dialogue, Service
from mead.sensors.listeners import Door
from mead.sensors.session import Endpoint, Session, Sink
from mead.wire.core import Close, Fact, Output, Send, Wait

if TYPE_CHECKING:
    from mead.sensors.credentials import Credentials
    from mead.sensors.desk import Desk
    from mead.sensors.persona import Persona

__all__ = ["Host", "Limits"]

_log = logging.getLogger(__name__)

_SWEEP_SECONDS = 5.0
_MAX_WAIT_SECONDS = 30.0
_MAX_QUEUED = 10_000


class Limits(Struct, frozen=True, kw_only=True):
    """How much of the sensor one peer, or all of them together, may take.

    Attributes:
        max_connections: connections open at the same time, in one process
        max_connections_per_source: of these, from one address
        max_bytes_per_connection: bytes taken from one connection before it is closed
        idle_seconds: silence after which a connection is closed
        session_seconds: longest connection
        write_buffer_bytes: what may wait for a slow reader before we stop reading from it
        status_seconds: how often `sensor.status` and the counts of what was refused are published
        backlog: connections that may wait to be accepted
    """

    max_connections: int = 18_000
    max_connections_per_source: int = 12_000
    max_bytes_per_connection: int = 256 << 20
    idle_seconds: float = 180.0
    session_seconds: float = 3600.0
    write_buffer_bytes: int = 256 << 10
    status_seconds: float = 60.0
    backlog: int = 4096


class Host:
    """Serves doors with dialogues until it is stopped."""

    def __init__(
        self,
        *,
        sensor: str,
        sink: Sink,
        desk: Desk,
        persona: Persona,
        credentials: Credentials,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self.sensor = sensor
        self.sink = sink
        self.desk = desk
        self.persona = persona
        self.credentials = credentials
        self.clock = clock
        self.limits = limits or Limits()
        self.sessions_total = 0
        self.connections: set[_Connection] = set()
        self.per_source: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._told: set[str] = set()
        self._acceptors: list[Acceptor] = []
        self._listeners: list[str] = []
        self._timers: list[asyncio.TimerHandle] = []
        self._stopping = False

    async def start(self, doors: Sequence[tuple[Door, Service]]) -> None:
        """Begin to accept on sockets that are bound already."""
        loop = asyncio.get_running_loop()
        for door, service in doors:
            acceptor = Acceptor(door, partial(self._welcome, door.service, service), self._short)
            self._acceptors.append(acceptor)
            self._listeners.append(door.text)
            acceptor.start(self.limits.backlog)
        self._timers = [
            loop.call_later(_SWEEP_SECONDS, self._sweep),
            loop.call_later(self.limits.status_seconds, self._tick),
        ]
        self._status("up")

    async def stop(self, *, drain_seconds: float = 10.0) -> None:
        """Stop accepting, close what is open, and wait for bodies that are on their way."""
        self._stopping = True
        for timer in self._timers:
            timer.cancel()
        for acceptor in self._acceptors:
            acceptor.close()
        for connection in tuple(self.connections):
            connection.end("sensor stopped")
        await asyncio.sleep(0)
        self.desk.stop()
        given_up = await self.desk.drain(drain_seconds)
        if given_up:
            self._loss("work", given_up, "tasks", "not finished when the sensor stopped")
        self._tell_losses()
        self._status("down")

    def _welcome(self, name: str, service: Service, endpoint: Endpoint) -> _Connection | None:
        """The connection of a peer that has come, if there is room for it."""
        if not self.admit(endpoint.src):
            return None
        session = Session(endpoint, sensor=self.sensor, service=name, sink=self.sink, clock=self.clock)
        connection = _Connection(self, service, session)
        self.connections.add(connection)
        self.per_source[endpoint.src] += 1
        self.sessions_total += 1
        session.opened()
        return connection

    def _short(self, reason: str) -> None:
        """Say that the machine has no room for one more connection, which waits in the kernel's queue."""
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        _log.error("no connection can be taken at the moment: %s", reason)
        self._tell_limit("open_files", soft, "files", None)

    def admit(self, source: str) -> bool:
        """Whether a connection of `source` finds room; what does not is counted."""
        limits = self.limits
        if len(self.connections) >= limits.max_connections:
            self._refuse("max_connections", limits.max_connections, source)
        elif self.per_source[source] >= limits.max_connections_per_source:
            self._refuse("max_connections_per_source", limits.max_connections_per_source, source)
        else:
            return True
        return False

    def failed(self, session: Session, error: BaseException) -> None:
        """Log, count and tell that our own code failed on one connection."""
        _log.error("session %s: %s failed", session.id, session.service, exc_info=error)
        reason = f"internal error: {type(error).__name__}"
        session.emit(LossCounted, what="session", count=1, unit="sessions", reason=reason)

    def _refuse(self, limit: str, value: int, source: str) -> None:
        self._refused[limit] += 1
        self._tell_limit(limit, value, "connections", source)

    def _tell_limit(self, limit: str, value: int, unit: str, source: str | None) -> None:
        """Say that a limit was reached, once per limit and source until the next status."""
        key = limit if limit == "max_connections" else f"{limit} {source}"
        if key not in self._told and len(self._told) < _MAX_QUEUED:
            self._told.add(key)
            self.sink.publish(
                LimitReached(
                    time=self.clock.now(), sensor=self.sensor, src=source,
                    limit=limit, limit_value=value, unit=unit,
                )
            )  # fmt: skip

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self.connections):
            connection.check(now)
        self._timers[0] = loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _tick(self) -> None:
        self._tell_losses()
        self._status("up")
        loop = asyncio.get_running_loop()
        self._timers[1] = loop.call_later(self.limits.status_seconds, self._tick)

    def _tell_losses(self) -> None:
        refused, self._refused = self._refused, Counter()
        self._told.clear()
        for acceptor in self._acceptors:
            if dropped := acceptor.dropped():
                reason = f"the kernel's queue for {acceptor.text} was full; some may have come again"
                self._loss("connection", dropped, "attempts", reason)
        for limit, count in refused.items():
            self._loss("connection", count, "connections", limit)
        failed, self.desk.failed = self.desk.failed, 0
        if failed:
            self._loss("work", failed, "tasks", "internal error")

    def _loss(self, what: str, count: int, unit: str, reason: str) -> None:
        self.sink.publish(
            LossCounted(
                time=self.clock.now(), sensor=self.sensor, what=what, count=count, unit=unit, reason=reason
            )
        )

    def _status(self, state: str) -> None:
        self.sink.publish(
            SensorStatus(
                time=self.clock.now(), sensor=self.sensor, state=state, version=__version__,
                sessions_open=len(self.connections), sessions_total=self.sessions_total,
                rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                listeners=self._listeners,
            )
        )  # fmt: skip


class _Unopened(asyncio.Transport):
    """Stands for the transport of a connection that is accepted and not opened yet."""

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass


_UNOPENED = _Unopened()


class _Connection(asyncio.Protocol):
    """One connection: bytes to its dialogue, outputs to its socket."""

    __slots__ = (
        "_closing", "_dialogue", "_host", "_last", "_left", "_queue", "_reason", "_service",
        "_since", "_timer", "_transport", "capture", "session",
    )  # fmt: skip

    def __init__(self, host: Host, service: Service, session: Session) -> None:
        self.session = session
        self.capture = Capture(session, host.desk)
        self._transport: asyncio.Transport = _UNOPENED
        self._host = host
        self._service = service
        self._since = self._last = asyncio.get_running_loop().time()
        self._dialogue: Dialogue | None = None
        self._reason = ""
        self._closing = False
        self._left = False
        self._queue: list[Output] | None = None
        self._timer: asyncio.TimerHandle | None = None

    # Called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        host = self._host
        self._transport = transport  # type: ignore[assignment]  # uvloop's is not of asyncio's class
        if self._closing:
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(host.limits.write_buffer_bytes)
        try:
            context = Context(self.session, self.capture, host.persona, host.credentials, self)
            self._dialogue = self._service(context)
            self._perform(self._dialogue.open())
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            self._fail(error)

    def data_received(self, data: bytes) -> None:
        if self._dialogue is None or self._closing:
            return
        self._last = asyncio.get_running_loop().time()
        session, limit = self.session, self._host.limits.max_bytes_per_connection
        session.bytes_in += len(data)
        try:
            if session.bytes_in > limit:
                session.limit("max_bytes_per_connection", limit, "bytes")
                self.end("too many bytes")
                return
            self._perform(self._dialogue.receive(data))
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            self._fail(error)

    def eof_received(self) -> bool:
        if self._dialogue is None or self._closing:
            return False
        try:
            self._perform(self._dialogue.receive(b""))
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            self._fail(error)
        self._reason = self._reason or "closed by peer"
        self._left = True
        return self._queue is not None

    def pause_writing(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        host, dialogue = self._host, self._dialogue
        if self not in host.connections:
            return
        host.connections.discard(self)
        source = self.session.source
        host.per_source[source] -= 1
        if not host.per_source[source]:
            del host.per_source[source]
        if self._timer is not None:
            self._timer.cancel()
        self._queue = None
        reason = self._reason or ("reset by peer" if exc else "closed by peer")
        try:
            if dialogue is not None:
                dialogue.lost()
            self._dialogue = None
            self.capture.finish(reason)
        except Exception as error:  # noqa: BLE001 - one connection must not end the others
            host.failed(self.session, error)
            self.session.closed("internal error")

    # Called by dialogues and the host

    def send(self, data: bytes) -> None:
        """Send bytes to the peer."""
        if not self._closing:
            self.session.bytes_out += len(data)
            self._transport.write(data)

    def close(self, reason: str) -> None:
        """End the connection after what was sent."""
        self._reason = self._reason or reason
        self._closing = True
        self._transport.close()

    def end(self, reason: str) -> None:
        """End the connection now, whether or not the peer reads."""
        self._reason = self._reason or reason
        self._closing = True
        self._transport.abort()

    def check(self, now: float) -> None:
        """Close the connection when it was silent or open for too long."""
        limits = self._host.limits
        if now - self._last > limits.idle_seconds:
            self.end("idle")
        elif now - self._since > limits.session_seconds:
            self.session.limit("session_seconds", int(limits.session_seconds), "seconds")
            self.end("too long")

    def _perform(self, outputs: list[Output]) -> None:
        if self._queue is not None:
            self._queue += outputs[: _MAX_QUEUED - len(self._queue)]
            return
        pieces: list[bytes] = []
        for index, output in enumerate(outputs):
            if isinstance(output, Send):
                pieces.append(output.data)
            elif isinstance(output, Fact):
                self.session.observe(output)
            elif isinstance(output, Wait):
                self._pause(output.seconds, outputs[index + 1 :])
                break
            elif isinstance(output, Close):
                self._flush(pieces)
                self.close(output.reason)
                return
        self._flush(pieces)

    def _flush(self, pieces: list[bytes]) -> None:
        if pieces:
            self.send(pieces[0] if len(pieces) == 1 else b"".join(pieces))
            pieces.clear()

    def _pause(self, seconds: float, rest: list[Output]) -> None:
        """Say the rest after a while; what comes until then is answered after it."""
        self._queue = rest
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(min(seconds, _MAX_WAIT_SECONDS), self._resume)

    def _resume(self) -> None:
        rest, self._queue, self._timer = self._queue or [], None, None
        self._perform(rest)
        if self._left and self._queue is None:
            self.close("closed by peer")

    def _fail(self, error: Exception) -> None:
        self._host.failed(self.session, error)
        self.end("internal error")
