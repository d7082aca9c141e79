"""A sensor in memory, and one on loopback: events in a list, bodies in a dict."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from mead.clock import FakeClock, SystemClock
from mead.model.codec import encode_line
from mead.model.event import Event
from mead.sensors.capture import Capture
from mead.sensors.credentials import Credentials, CredentialsSettings
from mead.sensors.desk import CaptureSettings, Desk
from mead.sensors.dialogue import Context, Dialogue, Service, SilentLink
from mead.sensors.host import Host, Limits
from mead.sensors.listeners import bind
from mead.sensors.persona import Persona
from mead.sensors.services import SERVICES
from mead.sensors.session import Endpoint, Session
from mead.wire.core import Close, Output, Send, Wait


class Events(list[Event]):
    """A sink."""

    def publish(self, event: Event) -> None:
        encode_line(event)  # what cannot be written is no event
        self.append(event)

    def of(self, kind: str) -> list[Any]:
        return [event for event in self if event.kind == kind]

    async def until(self, kind: str, count: int = 1, seconds: float = 10.0) -> list[Any]:
        async with asyncio.timeout(seconds):
            while len(found := self.of(kind)) < count:
                await asyncio.sleep(0.005)
        return found


class Bodies(dict[str, bytes]):
    """Bodies, durable at once."""

    async def put(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        self[digest] = data
        return digest


class Bench:
    """One dialogue driven by hand."""

    def __init__(
        self,
        service: str,
        *,
        follow: Any = None,
        seed: bytes = b"s" * 32,
        port: int = 23,
        live: bool = True,
        settings: CaptureSettings | None = None,
        persona: Persona | None = None,
    ) -> None:
        self.events = Events()
        self.bodies = Bodies()
        self.clock = FakeClock()
        self.persona = persona or Persona(seed, None, self.clock.now())
        self.persona.failure_seconds = 0.0
        self.credentials = Credentials(seed, CredentialsSettings())
        self.desk = Desk(self.bodies, follow, settings)
        endpoint = Endpoint("198.51.100.7", 40000, "192.0.2.1", port)
        self.session = Session(endpoint, sensor="bench", service=service, sink=self.events, clock=self.clock)
        self.capture = Capture(self.session, self.desk)
        self.link = SilentLink()
        self.context = Context(self.session, self.capture, self.persona, self.credentials, self.link, live)
        self.closed: str | None = None
        self.service = service

    def open(self) -> bytes:
        self.dialogue: Dialogue = SERVICES.load(self.service)(self.context)
        self.session.opened()
        return self._sent(self.dialogue.open())

    def send(self, data: bytes) -> bytes:
        return self._sent(self.dialogue.receive(data))

    async def finish(self) -> None:
        self.dialogue.lost()
        self.capture.finish(self.closed or "closed by peer")
        await self.desk.drain(10)

    def _sent(self, outputs: list[Output]) -> bytes:
        sent = b""
        for item in (*outputs, *self.link.turns()):
            if isinstance(item, Send):
                sent += item.data
            elif isinstance(item, Close):
                self.closed = item.reason
            elif not isinstance(item, Wait):
                self.session.observe(item)
        return sent


class Running:
    """A host on loopback."""

    def __init__(self, host: Host, events: Events, bodies: Bodies, ports: dict[str, int]) -> None:
        self.host, self.events, self.bodies, self.ports = host, events, bodies, ports

    def body(self, event: Any) -> bytes:
        return self.bodies[event.sha256]


@asynccontextmanager
async def running(
    *services: str,
    seed: bytes | None = None,
    directory: Path | None = None,
    follow: Any = None,
    limits: Limits | None = None,
    addresses: tuple[str, ...] = ("127.0.0.1",),
    extra: dict[str, Service] | None = None,
    prepare: Callable[[Persona], None] | None = None,
) -> AsyncIterator[Running]:
    events, bodies = Events(), Bodies()
    seed = seed or b"sensor under test" * 2
    persona = Persona(seed, directory)
    persona.failure_seconds = 0.0
    if prepare is not None:
        prepare(persona)
    host = Host(
        sensor="test",
        sink=events,
        desk=Desk(bodies, follow),
        persona=persona,
        credentials=Credentials(seed),
        clock=SystemClock(),
        limits=limits,
    )
    doors = bind(addresses, {name: [0] for name in (*services, *(extra or {}))})[0]
    loaded = {name: SERVICES.load(name) for name in services} | (extra or {})
    await host.start([(door, loaded[door.service]) for door in doors])
    try:
        yield Running(host, events, bodies, {door.service: door.port for door in doors})
    finally:
        await host.stop(drain_seconds=5)


@pytest.fixture
def bench() -> type[Bench]:
    return Bench


@pytest.fixture
def sensor() -> Any:
    return running


@pytest.fixture
def elf() -> bytes:
    """A benign body: an ELF header and random bytes of every value."""
    return b"\x7fELF\x01\x01\x01" + bytes(9) + bytes(range(256)) * 3 + random.Random(7).randbytes(1500)


async def run(
    *argv: str, stdin: bytes | None = None, seconds: float = 30.0, env: dict[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Run a client to its end."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
    )
    try:
        async with asyncio.timeout(seconds):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, out, err


@pytest.fixture
def client() -> Any:
    return run
