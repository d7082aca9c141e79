# SPDX-License-Identifier: Apache-2.0
"""The I/O driver: accepts connections and keeps everybody within limits; each drives one dialogue.

Host and `Connection` are the only places of the sensor that own sockets, and the connection the only one
that catches every exception: its failure is logged, counted and told, and the others go on.
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
from mead.model.network import subscriber
from mead.sensors.acceptor import Acceptor
from mead.sensors.connection import Connection
from mead.sensors.dialogue import Service
from mead.sensors.listeners import Door
from mead.sensors.memory import give_back, resident_bytes
from mead.sensors.session import Endpoint, Session, Sink

if TYPE_CHECKING:
    from mead.sensors.credentials import Credentials
    from mead.sensors.desk import Desk
    from mead.sensors.persona import Persona

__all__ = ["Host", "Limits"]

_log = logging.getLogger(__name__)

_SWEEP_SECONDS = 5.0
_MAX_TOLD = 10_000
_CLOSING_SECONDS = 2.0


class Limits(Struct, frozen=True, kw_only=True):
    """How much of the sensor one peer, or all of them together, may take.

    Each process of a sensor counts for itself: with four processes, one source gets four times as many.

    Attributes:
        max_connections: connections open at the same time, in one process
        max_connections_per_source: of these, from one address, in IPv6 from one /64
        max_memory_bytes: memory of one process over which those who sent most are sent away
        max_bytes_per_connection: bytes taken from one connection before it is closed
        idle_seconds: silence after which a connection is closed; looked at every five seconds
        session_seconds: longest connection; as above
        write_buffer_bytes: what may wait for a slow reader before we stop reading from it
        status_seconds: how often `sensor.status` and the counts of what was refused are published
        backlog: connections that may wait to be accepted
    """

    max_connections: int = 18_000
    max_connections_per_source: int = 12_000
    max_memory_bytes: int = 2 << 30
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
        self.connections: set[Connection] = set()
        self.per_source: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._told: set[str] = set()
        self._acceptors: list[Acceptor] = []
        self._listeners: list[str] = []
        self._timers: list[asyncio.TimerHandle] = []
        self._crowded = False

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
        for timer in self._timers:
            timer.cancel()
        for acceptor in self._acceptors:
            acceptor.close()
        for connection in tuple(self.connections):
            connection.end("sensor stopped")
        await self._all_gone()
        self.desk.stop()
        given_up = await self.desk.drain(drain_seconds)
        if given_up:
            self._loss("work", given_up, "tasks", "not finished when the sensor stopped")
        self._tell_losses()
        self._status("down")

    async def _all_gone(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _CLOSING_SECONDS
        while self.connections and loop.time() < deadline:  # noqa: ASYNC110 - each takes a round of the loop
            await asyncio.sleep(0)

    def _welcome(self, name: str, service: Service, endpoint: Endpoint) -> Connection | None:
        """The connection of a peer that has come, if there is room for it."""
        if not self.admit(endpoint.src):
            return None
        session = Session(endpoint, sensor=self.sensor, service=name, sink=self.sink, clock=self.clock)
        connection = Connection(self, service, session)
        self.connections.add(connection)
        self.per_source[subscriber(endpoint.src)] += 1
        self.sessions_total += 1
        session.opened()
        return connection

    def leave(self, connection: Connection) -> bool:
        """A connection is over; False if it was before."""
        if connection not in self.connections:
            return False
        self.connections.discard(connection)
        source = subscriber(connection.session.source)
        self.per_source[source] -= 1
        if not self.per_source[source]:
            del self.per_source[source]
        return True

    def _short(self, reason: str) -> None:
        """Say that the machine has no room for one more connection, which waits in the kernel's queue."""
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        _log.error("no connection can be taken at the moment: %s", reason)
        self._tell_limit("open_files", soft, "files", None)

    def admit(self, address: str) -> bool:
        """Whether a connection of `address` finds room; what does not is counted."""
        limits, source = self.limits, subscriber(address)
        if len(self.connections) >= limits.max_connections:
            self._refuse("max_connections", limits.max_connections, "connections", address)
        elif self._crowded:
            self._refuse("max_memory_bytes", limits.max_memory_bytes, "bytes", address)
        elif self.per_source[source] >= limits.max_connections_per_source:
            limit = "max_connections_per_source"
            self._refuse(limit, limits.max_connections_per_source, "connections", address, source)
        else:
            return True
        return False

    def _refuse(self, limit: str, value: int, unit: str, address: str, source: str = "") -> None:
        self._refused[limit] += 1
        self._tell_limit(limit, value, unit, address, source)

    def _tell_limit(self, limit: str, value: int, unit: str, address: str | None, source: str = "") -> None:
        """Say that a limit was reached, once per limit and source until the next status."""
        key = f"{limit} {source}"
        if key not in self._told and len(self._told) < _MAX_TOLD:
            self._told.add(key)
            self.sink.publish(
                LimitReached(
                    time=self.clock.now(), sensor=self.sensor, src=address,
                    limit=limit, limit_value=value, unit=unit,
                )
            )  # fmt: skip

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in tuple(self.connections):
            connection.check(now)
        self._make_room()
        self._timers[0] = loop.call_later(_SWEEP_SECONDS, self._sweep)

    def _make_room(self) -> None:
        """Over the bound of memory, send away those who brought most, until they brought what is too much."""
        limit = self.limits.max_memory_bytes
        excess = resident_bytes() - limit
        if excess > 0:
            give_back()
            excess = resident_bytes() - limit
        self._crowded = excess > 0 and bool(self.connections)
        if not self._crowded:
            return
        for connection in sorted(self.connections, key=lambda one: -one.session.bytes_in):
            connection.session.limit("max_memory_bytes", limit, "bytes")
            excess -= connection.session.bytes_in
            connection.end("too much memory")
            if excess <= 0:
                break

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
                rss_bytes=resident_bytes(),
                listeners=self._listeners,
            )
        )  # fmt: skip
