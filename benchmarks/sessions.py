# SPDX-License-Identifier: Apache-2.0
"""Sessions per second, CPU per 1,000 sessions, completeness, and memory of idle connections.

    python benchmarks/sessions.py [--sessions 1000] [--ssh 200] [--idle 10000] [--no-bus]

The sensor runs in a process of its own with uvloop and, unless `--no-bus`, publishes to a real nats-server
with `sync_interval: always`; the clients share the cores with it. Complete means: for each session the
login, the command and the close with its transcript have arrived durably. One line of JSON per figure.
"""

# ruff: noqa: ANN001, BLE001, PLC0415, SLF001 - a script; clients may fail in any way, which is counted

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path

import psutil
import uvloop

from mead.clock import SystemClock
from mead.model.event import Event
from mead.sensors.credentials import Credentials
from mead.sensors.desk import Desk
from mead.sensors.devices import DEVICES
from mead.sensors.host import Host
from mead.sensors.listeners import bind
from mead.sensors.persona import Persona
from mead.sensors.services import SERVICES

SEED = b"benchmark" * 4
CEILINGS = {
    "telnet": "790/s, 1.16 CPU-s per 1,000",
    "ssh": "68/s, 13.9 CPU-s per 1,000",
    "http": "3,000/s",
    "idle": "5 KB",
}


class Counted:
    """Bodies and events that are counted and let go; in front of the bus when there is one."""

    def __init__(self, publisher=None, sender=None) -> None:
        self.kinds: Counter[str] = Counter()
        self._publisher, self._sender = publisher, sender

    def publish(self, event: Event) -> None:
        self.kinds[event.kind] += 1
        if event.kind == "session.close" and event.transcript:
            self.kinds["transcript"] += 1
        if self._publisher is not None:
            self._publisher.publish(event)

    async def put(self, data: bytes) -> str:
        return await self._sender.put(data) if self._sender is not None else sha256(data).hexdigest()


async def serve(directory: Path, with_bus: bool) -> None:
    async with AsyncExitStack() as stack:
        counted = Counted()
        if with_bus:
            from mead.bus.bodies import BodySender
            from mead.bus.client import Bus, BusAddress
            from mead.bus.publisher import Publisher

            bus = await stack.enter_async_context(Bus.connect(BusAddress.load(directory / "bus")))
            publisher = await stack.enter_async_context(Publisher(bus, "bench"))
            counted = Counted(publisher, BodySender(bus))
        persona = Persona(SEED)
        persona.device = DEVICES[0]
        persona.failure_seconds = 0.0
        desk = Desk(counted)
        host = Host(
            sensor="bench",
            sink=counted,
            desk=desk,
            persona=persona,
            credentials=Credentials(SEED),
            clock=SystemClock(),
        )
        names = ("telnet", "ssh", "http")
        doors = bind(["127.0.0.1"], {name: [0] for name in names})[0]
        await host.start([(door, SERVICES.load(door.service)) for door in doors])
        print(json.dumps({door.service: door.port for door in doors}), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while await reader.readline():
            while desk._tasks:
                await asyncio.wait(set(desk._tasks))
            if with_bus:
                await publisher.flush()
            print(json.dumps(counted.kinds), flush=True)
            counted.kinds.clear()


class Sensor:
    """The sensor's process."""

    def __init__(self, directory: Path, with_bus: bool) -> None:
        argv = [sys.executable, __file__, "--serve", str(directory), *([] if with_bus else ["--no-bus"])]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports = json.loads(self.process.stdout.readline())
        self.info = psutil.Process(self.process.pid)

    def counts(self) -> dict[str, int]:
        self.process.stdin.write("counts\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def cpu(self) -> float:
        times = self.info.cpu_times()
        return times.user + times.system

    def rss(self) -> int:
        return self.info.memory_info().rss


async def telnet(port: int, n: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readuntil(b"login: ")
    writer.write(b"root\r\n")
    await reader.readuntil(b"assword: ")
    writer.write(b"vizxv\r\n")
    await reader.readuntil(b"# ")
    writer.write(b"echo mead-%d\r\n" % n)
    await reader.readuntil(b"\nmead-%d\r\n" % n)
    writer.close()
    await writer.wait_closed()


async def ssh(port: int, n: int) -> None:
    import asyncssh

    options = {
        "username": "root",
        "password": "admin",
        "known_hosts": None,
        "config": None,
        "client_keys": None,
        "preferred_auth": "password",
    }
    async with asyncssh.connect("127.0.0.1", port, **options) as peer:
        result = await peer.run(f"echo mead-{n}")
        assert result.stdout == f"mead-{n}\n"


async def http(port: int, n: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /x%d HTTP/1.0\r\nHost: x\r\nContent-Length: 5\r\n\r\n%05d" % (n, n))
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def many(client, port: int, sessions: int, at_once: int) -> int:
    """Run `sessions` clients, `at_once` at a time; the number that failed."""
    numbers = iter(range(sessions))
    failed = 0

    async def worker() -> None:
        nonlocal failed
        for n in numbers:
            try:
                async with asyncio.timeout(30):
                    await client(port, n)
            except Exception:
                failed += 1

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return failed


def measure(sensor: Sensor, name: str, client, sessions: int, at_once: int, needs: dict[str, int]) -> None:
    uvloop.run(many(client, sensor.ports[name], 20, 4))
    sensor.counts()
    cpu, started = sensor.cpu(), time.perf_counter()
    failed = uvloop.run(many(client, sensor.ports[name], sessions, at_once))
    kinds = sensor.counts()
    seconds, cpu = time.perf_counter() - started, sensor.cpu() - cpu
    complete = min(kinds.get(kind, 0) / (sessions * count) for kind, count in needs.items())
    figure = {
        "what": name,
        "sessions": sessions,
        "per_second": round(sessions / seconds, 1),
        "cpu_seconds_per_1000": round(cpu * 1000 / sessions, 2),
        "complete_percent": round(100 * min(1, complete), 2),
        "failed": failed,
        "ceiling": CEILINGS[name],
    }
    print(json.dumps(figure), flush=True)


async def _idle(sensor: Sensor, count: int) -> None:
    """Hold `count` connections, half of them on Telnet and half on SSH, and ask for one more."""
    for name in ("telnet", "ssh", "http"):
        before, held = sensor.rss(), []
        share = count if name == "telnet" else count // 4
        for _ in range(share):
            reader, writer = await asyncio.open_connection("127.0.0.1", sensor.ports[name])
            held.append(writer)
            if name != "http":
                await reader.readuntil(b": " if name == "telnet" else b"\n")
        after = sensor.rss()
        started = time.perf_counter()
        await telnet(sensor.ports["telnet"], 1)
        answered = time.perf_counter() - started
        figure = {
            "what": f"idle {name}",
            "connections": share,
            "bytes_each": round((after - before) / share),
            "new_session_ms": round(answered * 1000, 1),
            "ceiling": CEILINGS["idle"] + " each, new session < 100 ms",
        }
        print(json.dumps(figure), flush=True)
        for writer in held:
            writer.transport.abort()
        await asyncio.sleep(0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=2000)
    parser.add_argument("--ssh", type=int, default=200)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--no-bus", action="store_true")
    parser.add_argument("--serve", type=Path)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.serve:
        uvloop.run(serve(options.serve, not options.no_bus))
        return
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    print(
        json.dumps(
            {
                "machine": platform.machine(),
                "cores": os.cpu_count(),
                "python": platform.python_version(),
                "commit": commit,
                "bus": not options.no_bus,
            }
        )
    )
    with tempfile.TemporaryDirectory() as directory:
        uvloop.run(bench(options, Path(directory)))


async def bench(options: argparse.Namespace, directory: Path) -> None:
    async with AsyncExitStack() as stack:
        if not options.no_bus:
            from mead.bus.server import NatsServer

            await stack.enter_async_context(NatsServer(directory / "bus"))
        await asyncio.to_thread(_measure_all, options, directory)


def _measure_all(options: argparse.Namespace, directory: Path) -> None:
    sensor = Sensor(directory, not options.no_bus)
    try:
        needs = {
            "session.open": 1,
            "login.attempt": 1,
            "command.input": 1,
            "session.close": 1,
            "transcript": 1,
        }
        measure(sensor, "telnet", telnet, options.sessions, 40, needs)
        measure(sensor, "ssh", ssh, options.ssh, 16, needs)
        measure(
            sensor,
            "http",
            http,
            options.sessions,
            40,
            {"session.open": 1, "request.received": 1, "session.close": 1},
        )
        room = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 200
        uvloop.run(_idle(sensor, min(options.idle, room)))
    finally:
        sensor.process.stdin.close()
        sensor.process.terminate()
        sensor.process.wait()


if __name__ == "__main__":
    main()
