# SPDX-License-Identifier: Apache-2.0
"""The sensor as a process: binds while it may, gives up privileges, then lets attackers in.

With several processes the parent binds all sockets (SO_REUSEPORT) and forks before any loop runs; each
child has its own loop, its own connection to the bus and its own event stream.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mead.bus.bodies import BodySender
from mead.bus.client import Bus, BusAddress
from mead.bus.publisher import Publisher
from mead.bus.queue import WorkQueue
from mead.bus.tether import die_with_parent
from mead.clock import Clock, SystemClock
from mead.deck import status
from mead.deck.jobs import FETCH_QUEUE, FetchJob
from mead.deck.layout import Layout
from mead.deck.resources import fitted, open_files, quiet_collector
from mead.deck.settings import Settings, egress_of
from mead.egress.fetch import Fetcher
from mead.egress.gate import Gate
from mead.egress.result import Request
from mead.errors import ConfigError
from mead.sensors.credentials import Credentials
from mead.sensors.desk import Desk
from mead.sensors.dialogue import Service
from mead.sensors.following import EgressFollow
from mead.sensors.host import Host
from mead.sensors.listeners import Door, account, bind, drop_privileges
from mead.sensors.persona import Persona
from mead.sensors.services import SERVICES, prepare

__all__ = ["Identity", "run", "running_host"]

log = logging.getLogger(__name__)

_BUS_SECONDS = 60.0
_WATCH_SECONDS = 1.0
_SEED_BYTES = 32


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes this sensor unlike any other; read before privileges are dropped."""

    seed: bytes
    persona: Persona
    credentials: Credentials

    @classmethod
    def load(cls, settings: Settings, clock: Clock) -> Identity:
        """Read the seed and the keys of the persona, making them at the first start.

        Raises:
            ConfigError: they cannot be read or written.
        """
        layout = Layout(settings.data_dir)
        seed = _seed(layout.sensor / "seed")
        persona = Persona(seed, layout.sensor, clock.now())
        return cls(seed, persona, Credentials(seed, settings.sensor.credentials, layout.sensor))


def run(settings: Settings) -> None:
    """Run the sensor until SIGTERM or SIGINT.

    Raises:
        ConfigError: a port is in use or not permitted, an address is not ours.
        BusError: there is no bus.
    """
    layout = Layout(settings.data_dir)
    layout.make()
    if os.geteuid() == 0:
        account(settings.sensor.user)
    clock = SystemClock()
    services = {name: SERVICES.load(name) for name in settings.sensor.services}
    identity = Identity.load(settings, clock)
    prepare(services, identity.persona)
    address = BusAddress.load(layout.bus)
    sets = bind(settings.sensor.addresses, settings.sensor.services, copies=settings.sensor.processes)
    open_files(settings.sensor.limits)
    quiet_collector()
    parent = os.getppid()
    number, children = _fork(len(sets))
    if number == 0:
        status.listening(layout.status, ((door.service, door.address, door.port) for door in sets[0]))
    for other, doors in enumerate(sets):
        if other != number:
            for door in doors:
                door.socket.close()
    address.seed()
    drop_privileges(settings.sensor.user)
    die_with_parent(parent if number == 0 else None)  # changing the user had let go of it
    try:
        serve = _serve(settings, sets[number], services, identity, address, clock, number, children)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(serve)
    finally:
        for child in children:
            _end(child)
        if number == 0:
            with suppress(PermissionError):  # the supervisor, who may, does it too
                status.forget(layout.status)


async def _serve(
    settings: Settings,
    doors: list[Door],
    services: dict[str, Service],
    identity: Identity,
    address: BusAddress,
    clock: Clock,
    number: int,
    children: list[int],
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    watch = loop.create_task(_watch(children, stop))
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Bus.connect(address, timeout_seconds=_BUS_SECONDS) as bus:
        sensor = settings.sensor.name if number == 0 else f"{settings.sensor.name}-{number + 1}"
        async with running_host(settings, bus, sensor, identity, clock) as host:
            await host.start([(door, services[door.service]) for door in doors])
            log.info("listening on %s", ", ".join(door.text for door in doors))
            await stop.wait()
            await host.stop()
    watch.cancel()


@asynccontextmanager
async def running_host(
    settings: Settings, bus: Bus, sensor: str, identity: Identity, clock: Clock
) -> AsyncIterator[Host]:
    """A host with everything that it needs around it, for as long as the block runs."""
    async with Publisher(bus, sensor, settings.publisher) as publisher:
        bodies = BodySender(bus)
        egress = egress_of(settings, shares=settings.sensor.processes)
        follow = EgressFollow(
            Fetcher(Gate(egress, clock), clock),
            clock,
            bodies,
            enqueue=_enqueue(bus),
        )
        yield Host(
            sensor=sensor,
            sink=publisher,
            desk=Desk(bodies, follow, settings.sensor.capture, on_stop=follow.stop),
            persona=identity.persona,
            credentials=identity.credentials,
            clock=clock,
            limits=fitted(settings.sensor.limits),
        )


def _enqueue(bus: Bus) -> Callable[[Request], Awaitable[None]]:
    """Hands an offer to the central fetcher."""
    queue = WorkQueue(bus, FETCH_QUEUE)

    async def submit(request: Request) -> None:
        await queue.submit(FetchJob(request=request).job())

    return submit


def _seed(path: Path) -> bytes:
    """The sensor's seed, made at the first start; put in its place whole, so that it is never half a one."""
    try:
        if not path.exists():
            new = path.with_suffix(".new")
            new.unlink(missing_ok=True)
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(secrets.token_bytes(_SEED_BYTES))
                stream.flush()
                os.fsync(stream.fileno())
            new.replace(path)
        seed = path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the sensor's seed {path}: {error.strerror}; check data_dir and who owns it"
        ) from error
    if len(seed) != _SEED_BYTES:
        raise ConfigError(
            f"the sensor's seed {path} has {len(seed)} bytes instead of {_SEED_BYTES}: put it back from a "
            "copy, or remove it and be another sensor from now on"
        )
    return seed


def _fork(processes: int) -> tuple[int, list[int]]:
    """Fork `processes - 1` children; which one we are, and the children if we are the first."""
    children: list[int] = []
    for number in range(1, processes):
        child = os.fork()
        if child == 0:
            return number, []
        children.append(child)
    return 0, children


async def _watch(children: list[int], stop: asyncio.Event) -> None:
    """When one of several processes ends, all do: the supervisor starts the sensor again, whole."""
    while children:
        await asyncio.sleep(_WATCH_SECONDS)
        for child in children:
            with suppress(ChildProcessError):
                if os.waitpid(child, os.WNOHANG) != (0, 0):  # noqa: ASYNC222 - does not wait
                    log.error("process %d of the sensor ended; the sensor starts again", child)
                    stop.set()


def _end(child: int) -> None:
    with suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGTERM)
        os.waitpid(child, 0)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415 - an extra
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
