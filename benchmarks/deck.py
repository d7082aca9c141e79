# SPDX-License-Identifier: Apache-2.0
"""The sensor under test: a real `mead sensor` on a real bus, and what of its work has arrived durably.

Nothing is taken from the sensor's own counters: events and bodies are read back from the bus, which has
them on disk (`sync_interval: always`) before it shows them.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from processes import cpu_seconds, family
from targets import fresh_numbers

from mead.bus import streams
from mead.bus.client import Bus
from mead.bus.events import ENCODING_HEADER, unpack
from mead.bus.pull import Consumer, Puller
from mead.bus.server import NatsServer
from mead.deck import status
from mead.deck.layout import Layout
from mead.errors import MeadError
from mead.model.codec import decode_batch
from mead.model.event import CommandInput, Event, LoginAttempt, RequestReceived, SessionClose, SessionOpen
from mead.store.bodies import BodyStore
from mead.store.reader import StoredEvents

__all__ = ["Arrived", "Deck", "deck", "mead"]

SEED = b"a seed of a sensor under load 19"
"""Gives a camera with BusyBox on Telnet and its web pages, and OpenSSH 9.2 of Debian 12."""
_SILENT_SECONDS = 5.0
_START_SECONDS = 60.0
_BODIES_AT_ONCE = 100


@dataclass(slots=True)
class Arrived:
    """Events that have arrived since one last looked, and when the last of them was on disk."""

    sessions: dict[str, list[Event]] = field(default_factory=lambda: defaultdict(list))
    others: list[Event] = field(default_factory=list)
    closed: int = 0
    last_seconds: float = 0.0
    """By the bus's clock, seconds since 1970."""

    def take(self, event: Event) -> None:
        (self.sessions[event.session] if event.session else self.others).append(event)
        self.closed += isinstance(event, SessionClose)


class Deck:
    """A running sensor; made by `deck`."""

    name = "mead"
    at_once = 0

    def __init__(
        self, server: NatsServer, bus: Bus, process: asyncio.subprocess.Process, config: Path, layout: Layout
    ) -> None:
        self.config = config
        self.layout = layout
        self.numbers: Iterator[int] = fresh_numbers()
        self.ports = {door.service: door.port for door in status.doors(layout)}
        self._server = server
        self._bus = bus
        self._process = process
        self._next: dict[str, int] = {}

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._process.pid)

    def bus_cpu_seconds(self) -> float:
        assert self._server.pid
        return cpu_seconds(self._server.pid)

    def pids(self) -> list[int]:
        return list(family(self._process.pid))

    def bus_pids(self) -> list[int]:
        assert self._server.pid
        return [self._server.pid]

    async def settle(self) -> None:
        await self.arrived(lambda _: False, 0.3)

    async def whole(self, service: str, /, numbers: Sequence[int]) -> tuple[int, float]:
        found = await self.arrived(lambda so_far: so_far.closed >= len(numbers))
        looks = _request if service == "http" else _login
        wanted = [looks(events) for events in found.sessions.values()]
        whole: Counter[bytes] = Counter()
        for start in range(0, len(wanted), _BODIES_AT_ONCE):
            some = wanted[start : start + _BODIES_AT_ONCE]
            bodies = await asyncio.gather(*(self._body(digest) for _, digest in some))
            whole.update(word for (word, _), body in zip(some, bodies, strict=True) if word and word in body)
        return sum(1 for number in numbers if whole[b"mead-%d" % number] == 1), found.last_seconds

    async def bodies_waiting(self) -> int:
        """Chunks of bodies that no hub has taken yet."""
        info = await self._bus.stream_info(streams.BODIES)
        return info.state.messages if info else 0

    def closed_in_store(self) -> int:
        """Sessions of which the store has the end."""
        return sum(
            1 for _ in StoredEvents(self.layout.events).select(kinds=["session.close"], columns=["time"])
        )

    def stored(self, numbers: Sequence[int]) -> int:
        """How many Telnet or SSH sessions with these numbers a hub has brought into the store, whole."""
        sessions: defaultdict[str, list[Event]] = defaultdict(list)
        for *_, event in StoredEvents(self.layout.events).snapshot().events():
            if event.session:
                sessions[event.session].append(event)
        bodies, whole = BodyStore(self.layout.bodies), Counter[bytes]()
        for word, digest in map(_login, sessions.values()):
            if digest and word in bodies.read(digest):
                whole[word] += 1
        return sum(1 for number in numbers if whole[b"mead-%d" % number] == 1)

    async def arrived(
        self, enough: Callable[[Arrived], bool], silent_seconds: float = _SILENT_SECONDS
    ) -> Arrived:
        """Read what is new until `enough` says so, or nothing more has come for a while."""
        found, now = Arrived(), asyncio.get_running_loop().time
        deadline = now() + silent_seconds
        while not enough(found) and now() < deadline:
            if await self._read(found):
                deadline = now() + silent_seconds
            else:
                await asyncio.sleep(0.02)
        return found

    async def _read(self, found: Arrived) -> bool:
        """Take what lies in the streams by now; whether there was anything."""
        some = False
        for stream in await self._bus.event_streams():
            info = await self._bus.stream_info(stream)
            assert info
            first = self._next.get(stream, info.state.first_seq)
            if info.state.last_seq < first:
                continue
            puller = Puller(self._bus, stream, Consumer.cursor(first), max_bytes=16 << 20)
            while self._next.get(stream, first) <= info.state.last_seq:
                message = await puller.next(10)
                assert message, "the bus has a message and does not give it"
                self._next[stream] = message.sequence + 1
                found.last_seconds = max(found.last_seconds, message.time_ns / 1e9)
                for event in decode_batch(unpack(message.data, message.headers.get(ENCODING_HEADER))):
                    found.take(event)
            await puller.close()
            some = True
        return some

    async def _body(self, digest: str | None) -> bytes:
        """A body as it lies on the bus; empty when it is not there or not whole."""
        if digest is None:
            return b""
        message = await self._bus.last(streams.BODIES, streams.body_subject(digest, 0))
        return message.data if message and sha256(message.data).hexdigest() == digest else b""


def _login(events: Sequence[Event]) -> tuple[bytes, str | None]:
    """Word of the command, and transcript, of a session that has each of its parts once."""
    commands = [event.command for event in events if isinstance(event, CommandInput)]
    logins = [event for event in events if isinstance(event, LoginAttempt) and event.success]
    close = _close(events)
    if len(commands) != 1 or len(logins) != 1 or close is None:
        return b"", None
    return commands[0].removeprefix("echo ").encode(), close.transcript


def _request(events: Sequence[Event]) -> tuple[bytes, str | None]:
    """Word of the path, and body, of a session that has one request."""
    requests = [event for event in events if isinstance(event, RequestReceived)]
    if len(requests) != 1 or _close(events) is None:
        return b"", None
    return requests[0].target.removeprefix("/").encode(), requests[0].sha256


def _close(events: Sequence[Event]) -> SessionClose | None:
    opens = sum(isinstance(event, SessionOpen) for event in events)
    closes = [event for event in events if isinstance(event, SessionClose)]
    return closes[0] if opens == len(closes) == 1 else None


@asynccontextmanager
async def deck(
    *, processes: int = 1, services: Sequence[str] = ("telnet", "ssh", "http")
) -> AsyncIterator[Deck]:
    """A bus and a sensor on free ports of loopback, in a directory of their own."""
    with tempfile.TemporaryDirectory(prefix="mead-bench-") as folder:
        layout = Layout(Path(folder) / "var")
        layout.make()
        Path(folder).chmod(0o711)  # the sensor gives up root and still finds its directory
        (layout.sensor / "seed").write_bytes(SEED)
        config = Path(folder) / "mead.toml"
        config.write_text(
            f'data_dir = "{layout.root}"\n[sensor]\naddresses = ["127.0.0.1"]\nprocesses = {processes}\n'
            f"services = {{ {', '.join(f'{name} = [0]' for name in services)} }}\n"
            "[sensor.limits]\nstatus_seconds = 2.0\n"
        )
        async with (
            NatsServer(layout.bus) as server,
            Bus.connect(server.credentials, name="bench") as bus,
            mead(config, "sensor") as process,
        ):
            await _listening(process, layout)
            yield Deck(server, bus, process, config, layout)


@asynccontextmanager
async def mead(config: Path, command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A `mead` that runs until the end of the block."""
    program = str(Path(sys.executable).with_name("mead"))
    process = await asyncio.create_subprocess_exec(program, "--config", str(config), command)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


async def _listening(process: asyncio.subprocess.Process, layout: Layout) -> None:
    """Wait until something is said behind every door, by each of the processes."""
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while asyncio.get_running_loop().time() < deadline and process.returncode is None:
        try:
            doors = status.doors(layout)
        except MeadError:
            await asyncio.sleep(0.1)
            continue
        for door in doors * 8:
            reader, writer = await asyncio.open_connection(door.address, door.port)
            if door.service in {"telnet", "ssh"}:
                await asyncio.wait_for(reader.read(1), _START_SECONDS)
            writer.close()
        return
    raise SystemExit("mead sensor does not start: see what it said above")
