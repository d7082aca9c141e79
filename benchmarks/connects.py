# SPDX-License-Identifier: Apache-2.0
"""Connections that say nothing: a flood of them, and many that stay.

    python benchmarks/connects.py [--flood 30000] [--idle 10000]

Flood: one process connects from many addresses as fast as it can and hangs up at once, in order or by a
reset; recorded is what has `session.open` and `session.close` on the bus, counted what `loss.counted` tells.
Beside it a bare uvloop server that accepts and closes, with the same client.

Idle: connections that were greeted and say nothing, from many addresses; the memory (Pss) that each takes,
and how long the slowest of twenty new sessions on each service takes meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
import time
from collections import Counter
from pathlib import Path

import clients
import uvloop
from bare import bare
from figures import Figure, show, tell
from flood import NO_PORT, source
from processes import pss_bytes, raise_file_limit

from deck import Arrived, Deck, deck
from mead.model.event import LossCounted

__all__ = ["arguments", "run"]

_RATE = 10_000
_BYTES_EACH = 5_000
_NEW_SESSION_MS = 100
_AT_ONCE = 200
_GREETED = ("telnet", "ssh")
_SILENT_SECONDS = 8.0


async def flood_of(port: int, count: int, how: str) -> float:
    """Seconds that the client, in a process of its own, took."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("flood.py")), str(port), str(count), how,
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    return float((await process.communicate())[0])


def kept(found: Arrived) -> tuple[int, int]:
    """Connections that were recorded whole, and connections or attempts that were counted."""
    kinds = Counter(event.kind for events in found.sessions.values() for event in events)
    losses = [event for event in found.others if isinstance(event, LossCounted)]
    counted = sum(event.count for event in losses if event.what == "connection")
    return min(kinds["session.open"], kinds["session.close"]), counted


async def flood(target: Deck, service: str, count: int, how: str, limit: float) -> list[Figure]:
    await target.settle()
    cpu, began = target.cpu_seconds(), time.time()
    seconds = await flood_of(target.ports[service], count, how)
    found = await target.arrived(lambda so_far: kept(so_far)[0] >= count, _SILENT_SECONDS)
    recorded, counted = kept(found)
    ended = max(found.last_seconds - began, seconds)
    each = (target.cpu_seconds() - cpu) * 1e6 / count
    what = f"connect flood, {service}, {'reset' if how == 'rst' else 'closed'} at once"
    note = f"{count:,} connections, {recorded:,} recorded, {counted:,} counted, {each:.0f} µs of CPU each; "
    note += f"bare uvloop {limit:,.0f}/s"
    percent = min(100.0, 100 * (recorded + counted) / count)
    return [
        tell(Figure(f"{what}: rate", count / ended, "/s", _RATE, note=note)),
        tell(Figure(f"{what}: recorded or counted", percent, "%", 100, note="read back from the bus")),
    ]


async def floods(options: argparse.Namespace) -> list[Figure]:
    async with bare("accept") as target:
        limits = {
            how: options.flood / await flood_of(target.port, options.flood, how) for how in ("fin", "rst")
        }
    figures: list[Figure] = []
    async with deck() as sensor:
        for service, how in (("telnet", "fin"), ("ssh", "fin"), ("http", "fin"), ("telnet", "rst")):
            figures += await flood(sensor, service, options.flood, how, limits[how])
    return figures


async def hold(port: int, count: int, *, greeted: bool) -> list[socket.socket]:
    """Open connections that stay, each greeted if the service greets."""
    loop, held = asyncio.get_running_loop(), list[socket.socket]()

    async def one(number: int) -> None:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, NO_PORT, 1)
        sock.bind((source(number), 0))
        held.append(sock)
        await loop.sock_connect(sock, ("127.0.0.1", port))
        if greeted:
            await loop.sock_recv(sock, 1000)

    for start in range(0, count, _AT_ONCE):
        await asyncio.gather(*(one(number) for number in range(start, min(count, start + _AT_ONCE))))
    return held


async def slowest_session_ms(target: Deck) -> float:
    slowest = 0.0
    for service, client in (("telnet", clients.telnet), ("ssh", clients.ssh), ("http", clients.http)):
        for _ in range(20):
            began = time.perf_counter()
            await client(target.ports[service], next(target.numbers))
            slowest = max(slowest, time.perf_counter() - began)
    return slowest * 1000


async def idle(options: argparse.Namespace, service: str) -> list[Figure]:
    async with deck() as target:
        await clients.run(clients.telnet, target.ports["telnet"], range(1_000_000, 1_000_200), 8)
        await clients.run(clients.ssh, target.ports["ssh"], range(1_000_000, 1_000_050), 8)
        await clients.run(clients.http, target.ports["http"], range(1_000_000, 1_000_200), 8)
        await target.settle()
        before = pss_bytes(target.pids())
        held = await hold(target.ports[service], options.idle, greeted=service in _GREETED)
        await target.settle()
        each = (pss_bytes(target.pids()) - before) / options.idle
        slowest = await slowest_session_ms(target)
        for sock in held:
            sock.close()
    what, note = f"idle connections, {service}", f"{options.idle:,} held by one process"
    new = "slowest of 60 sessions on Telnet, SSH and HTTP meanwhile"
    return [
        tell(Figure(f"{what}: memory each", each, "bytes", _BYTES_EACH, lower=True, note=note)),
        tell(Figure(f"{what}: new session", slowest, "ms", _NEW_SESSION_MS, lower=True, note=new)),
    ]


async def run(options: argparse.Namespace) -> list[Figure]:
    figures = await floods(options)
    for service in ("telnet", "ssh", "http"):
        figures += await idle(options, service)
    return figures


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--flood", type=int, default=30_000, help="connections of a flood")
    parser.add_argument("--idle", type=int, default=10_000, help="connections that stay")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments(parser)
    raise_file_limit()
    show(uvloop.run(run(parser.parse_args())))
