# SPDX-License-Identifier: Apache-2.0
"""Memory (Pss) of a whole sensor with all its services, before and after work.

    python benchmarks/memory.py [--work 5000]

Pss counts what processes share once. The bus that a sensor host keeps is told apart.
"""

from __future__ import annotations

import argparse

import clients
import uvloop
from figures import Figure, show, tell
from processes import pss_bytes, raise_file_limit

from deck import Deck, deck
from mead.sensors.services import SERVICES

__all__ = ["arguments", "run"]

_MEGABYTES = 200
_SCALE = 1e6


async def work(target: Deck, sessions: int) -> None:
    """Sessions of every kind."""
    for service, client, part in (
        ("telnet", clients.telnet, 5),
        ("ssh", clients.ssh, 1),
        ("http", clients.http, 4),
    ):
        numbers = [next(target.numbers) for _ in range(sessions * part // 10)]
        if await clients.run(client, target.ports[service], numbers, 40):
            raise SystemExit(f"clients of {service} failed")
    await target.settle()


async def run(options: argparse.Namespace) -> list[Figure]:
    figures = []
    services = tuple(entry.name for entry in SERVICES.entries())
    for processes in (1, 2):
        async with deck(processes=processes, services=services) as target:
            await target.settle()
            idle = pss_bytes(target.pids()) / _SCALE
            await work(target, options.work)
            once = pss_bytes(target.pids()) / _SCALE
            await work(target, options.work)
            twice, bus = pss_bytes(target.pids()) / _SCALE, pss_bytes(target.bus_pids()) / _SCALE
        note = f"all services ({', '.join(services)}); {idle:.0f} MB at the start, {once:.0f} MB after "
        note += f"{options.work:,} sessions, {twice:.0f} MB after as many again; its bus {bus:.0f} MB more"
        name = "whole sensor: memory" + ("" if processes == 1 else f", {processes} processes")
        figures.append(tell(Figure(name, max(once, twice), "MB", _MEGABYTES, lower=True, note=note)))
    return figures


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--work", type=int, default=5000, help="sessions between two looks at the memory")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    arguments(parser)
    raise_file_limit()
    show(uvloop.run(run(parser.parse_args())))
