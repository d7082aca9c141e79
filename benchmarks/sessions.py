# SPDX-License-Identifier: Apache-2.0
"""Sessions per second and CPU per 1,000 sessions of the sensor, and how many of them are recorded whole.

    python benchmarks/sessions.py [--sessions 2000] [--rounds 3] [--peer-cowrie BIN]

A session is whole when, read back from the bus, there is exactly one with its number, and it has its
opening, the login, the command (or request) and its close, and the body of its transcript (or request) is
on the bus too and holds what was said. The time ends when the last of this is on disk. Clients, bus and
sensor share the cores; the CPU of each is counted apart. Of several rounds, taken in turns, the median
counts.

Beside it, in the same run and by the same clients: Cowrie, if `--peer-cowrie` (or MEAD_BENCH_COWRIE)
names the `bin` directory of an environment that has it; a bare asyncssh server; a bare uvloop loop.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import clients
import uvloop
from bare import Bare, bare
from cowrie import cowrie, environment
from figures import Figure, show, tell
from processes import cpu_seconds, raise_file_limit
from targets import Target

from deck import Deck, deck, mead

__all__ = ["arguments", "run"]


@dataclass(frozen=True, slots=True)
class Load:
    """One kind of session.

    Attributes:
        what: what it is called in the figures.
        service: the door that it goes to.
        client: does one.
        at_once: how many are under way at a time: enough for a server that makes each wait for its prompt.
        share: part of `--sessions` that is enough of it.
        peer_share: part of that which is enough for Cowrie.
        times: how many times Cowrie's rate, and its CPU, the design aims at; 0: no comparison.
        recorded: what that was in figures when the design was written: rate, and CPU-s per 1,000.
    """

    what: str
    service: str
    client: clients.Client
    at_once: int
    share: float = 1.0
    peer_share: float = 0.1
    times: float = 0.0
    recorded: tuple[float, float] = (0.0, 0.0)


TELNET = Load("Telnet login + command", "telnet", clients.telnet, 200, times=10, recorded=(790, 1.16))
SSH = Load("SSH login + exec, curve25519", "ssh", clients.ssh, 16, share=0.4, times=20, recorded=(68, 13.9))
SSH_OLD = Load(
    "SSH login + exec, DH group exchange", "ssh", clients.ssh_old, 16, share=0.2, peer_share=0.015, times=20,
    recorded=(68, 13.9),
)  # fmt: skip
HTTP = Load("HTTP request, path and body", "http", clients.http, 40, share=2.0)
HTTP_RATE = 3000.0
_STORE_SECONDS = 300.0
_WARMING = 40
"""Sessions before the first that counts."""
LOADS = (TELNET, SSH, SSH_OLD, HTTP)


@dataclass(frozen=True, slots=True)
class Round:
    """What one load did to one target."""

    sessions: int
    whole: int
    seconds: float
    cpu: float
    bus_cpu: float = 0.0
    client_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Sessions that were recorded whole, per second."""
        return self.whole / self.seconds

    @property
    def cost(self) -> float:
        """CPU seconds of the server per 1,000 sessions."""
        return self.cpu * 1000 / self.sessions


async def drive(target: Target, load: Load, sessions: int) -> Round:
    """Run a load, and read back what of it was recorded."""
    await target.settle()
    numbers = [next(target.numbers) for _ in range(sessions)]
    cpu, bus_cpu, own = target.cpu_seconds(), target.bus_cpu_seconds(), time.process_time()
    began = time.time()
    failed = await clients.run(
        load.client, target.ports[load.service], numbers, target.at_once or load.at_once
    )
    own = time.process_time() - own
    whole, ended = await target.whole(load.service, numbers)
    if failed:
        raise SystemExit(f"{failed} of {sessions} clients of {target.name} failed: {load.what}")
    cpu, bus_cpu = target.cpu_seconds() - cpu, target.bus_cpu_seconds() - bus_cpu
    return Round(sessions, whole, max(ended - began, 1e-3), cpu, bus_cpu, own)


async def drive_bare(target: Bare, load: Load, sessions: int) -> Round:
    """The same against a loop that records nothing."""
    cpu, own, began = target.cpu_seconds(), time.process_time(), time.time()
    failed = await clients.run(load.client, target.port, range(1_000_000, 1_000_000 + sessions), load.at_once)
    seconds, own = time.time() - began, time.process_time() - own
    return Round(sessions, sessions - failed, seconds, target.cpu_seconds() - cpu, 0.0, own)


def of_mead(load: Load, rounds: Sequence[Round]) -> list[Figure]:
    """Rate, cost and completeness of one process of the sensor."""
    rate, cost = load.recorded if load.times else (HTTP_RATE, 0.0)
    note = note_of(rounds)
    if load.times:
        note += f"; ceiling: {load.times:.0f} times the Cowrie that the design measured"
    return [
        Figure(f"{load.what}: rate", rate_of(rounds), "/s", rate, note=note),
        Figure(f"{load.what}: CPU", cost_of(rounds), "s/1,000", cost or None, True, "the sensor alone"),
        Figure(f"{load.what}: whole", whole_of(rounds), "%", 100.0, note="read back from the bus"),
    ]


def of_peer(load: Load, name: str, mead: Sequence[Round], peer: Sequence[Round]) -> list[Figure]:
    """The peer's own figures, and ours as a multiple of them."""
    note = (
        f"{name}: {rate_of(peer):.0f}/s, {cost_of(peer):.2f} CPU-s per 1,000, {whole_of(peer):.1f} % whole, "
    )
    note += "in turns with ours"
    ratio = f"{load.what}: Cowrie's CPU over ours"
    return [
        Figure(f"{load.what}: rate over Cowrie's", rate_of(mead) / rate_of(peer), "×", load.times, note=note),
        Figure(ratio, cost_of(peer) / cost_of(mead), "×", load.times, note="same run"),
    ]


def note_of(rounds: Sequence[Round]) -> str:
    sessions = sum(one.sessions for one in rounds)
    bus, own = sum(one.bus_cpu for one in rounds), sum(one.client_cpu for one in rounds)
    return (
        f"{sessions:,} sessions, {whole_of(rounds):.2f} % whole; CPU-s per 1,000 beside the sensor's: "
        f"bus {1000 * bus / sessions:.2f}, clients {1000 * own / sessions:.2f}"
    )


def rate_of(rounds: Sequence[Round]) -> float:
    return statistics.median(one.rate for one in rounds)


def cost_of(rounds: Sequence[Round]) -> float:
    return statistics.median(one.cost for one in rounds)


def whole_of(rounds: Sequence[Round]) -> float:
    return 100 * sum(one.whole for one in rounds) / sum(one.sessions for one in rounds)


async def against_cowrie(options: argparse.Namespace) -> tuple[list[Figure], dict[str, float]]:
    """One process of the sensor, and Cowrie in turns with it if it is there; also Cowrie's rates."""
    figures: list[Figure] = []
    rates: dict[str, float] = {}
    async with AsyncExitStack() as stack:
        ours: Target = await stack.enter_async_context(deck())
        peer: Target | None = None
        if options.peer_cowrie:
            peer = await stack.enter_async_context(cowrie(options.peer_cowrie))
        for load in LOADS:
            compared = [peer] if peer and load.times else []
            rounds: dict[str, list[Round]] = {target.name: [] for target in (ours, *compared)}
            count = max(int(options.sessions * load.share), 20)
            peer_count = max(int(count * load.peer_share), 4)
            await drive(ours, load, 20)
            for target in compared:
                await drive(target, load, min(peer_count, 20))
            for _ in range(options.rounds):
                rounds[ours.name].append(await drive(ours, load, count))
                for target in compared:
                    rounds[target.name].append(await drive(target, load, peer_count))
            figures += map(tell, of_mead(load, rounds[ours.name]))
            for target in compared:
                rates[load.what] = rate_of(rounds[target.name])
                figures += map(tell, of_peer(load, target.name, rounds[ours.name], rounds[target.name]))
    return figures, rates


async def with_processes(
    options: argparse.Namespace, processes: int, peer_rates: Mapping[str, float]
) -> list[Figure]:
    figures: list[Figure] = []
    async with deck(processes=processes) as target:
        for load in LOADS:
            count = max(int(options.sessions * load.share), 20)
            await drive(target, load, _WARMING)
            rounds = [await drive(target, load, count) for _ in range(options.rounds)]
            what, rate = f"{load.what}, {processes} processes", rate_of(rounds)
            ceiling = load.recorded[0] or HTTP_RATE
            figures.append(tell(Figure(f"{what}: rate", rate, "/s", ceiling, note=note_of(rounds))))
            if load.what in peer_rates:
                over = rate / peer_rates[load.what]
                figures.append(
                    tell(Figure(f"{what}: rate over Cowrie's", over, "×", load.times, note="as above"))
                )
    return figures


async def in_store(target: Deck, sessions: int) -> None:
    """Wait until a hub has taken all bodies, and stored so many sessions' ends."""
    deadline = time.monotonic() + _STORE_SECONDS
    while await target.bodies_waiting() or target.closed_in_store() < sessions:
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(0.2)


async def through_the_hub(options: argparse.Namespace) -> list[Figure]:
    """What goes all the way: recorded by the sensor, taken off the bus by a hub, and in the store."""
    async with deck() as target, mead(target.config, "hub") as hub:
        await drive(target, TELNET, _WARMING)
        await in_store(target, _WARMING)
        numbers = [next(target.numbers) for _ in range(options.sessions)]
        cpu, began = cpu_seconds(hub.pid), time.perf_counter()
        await clients.run(TELNET.client, target.ports["telnet"], numbers, TELNET.at_once)
        await in_store(target, _WARMING + len(numbers))
        seconds, cpu = time.perf_counter() - began, cpu_seconds(hub.pid) - cpu
        whole = target.stored(numbers)
    note = (
        f"{options.sessions:,} sessions; hub {cpu * 1000 / options.sessions:.2f} CPU-s per 1,000; what comes "
    )
    note += "faster waits on the bus"
    what = "Telnet, sensor to store"
    return [
        tell(Figure(f"{what}: rate", options.sessions / seconds, "/s", note=note)),
        tell(Figure(f"{what}: whole", 100 * whole / options.sessions, "%", 100, note="read from the store")),
    ]


async def of_bare(options: argparse.Namespace) -> list[Figure]:
    figures = []
    for kind, load, what in (
        ("ssh", SSH, "bare asyncssh, curve25519"),
        ("ssh", SSH_OLD, "bare asyncssh, DH group exchange"),
        ("echo", HTTP, "bare uvloop, request"),
    ):
        async with bare(kind) as target:
            count = max(int(options.sessions * load.share), 20)
            await drive_bare(target, load, 20)
            rounds = [await drive_bare(target, load, count) for _ in range(options.rounds)]
            note = "the limit: the library alone, nothing recorded"
            figures += [
                tell(Figure(f"{what}: rate", rate_of(rounds), "/s", note=note)),
                tell(Figure(f"{what}: CPU", cost_of(rounds), "s/1,000", note="same")),
            ]
    return figures


async def run(options: argparse.Namespace) -> list[Figure]:
    figures, peer_rates = await against_cowrie(options)
    figures += await with_processes(options, 2, peer_rates)
    figures += await through_the_hub(options)
    return figures + await of_bare(options)


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sessions", type=int, default=2000, help="Telnet sessions of one round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peer-cowrie", type=Path, default=environment(), metavar="BIN")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments(parser)
    raise_file_limit()
    show(uvloop.run(run(parser.parse_args())))
