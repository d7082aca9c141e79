# SPDX-License-Identifier: Apache-2.0
"""Names to addresses, asked once per attempt; whoever connects uses the answer and never asks again."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Protocol

from mead.egress.addresses import Address

__all__ = ["FixedResolver", "Resolver", "SystemResolver"]

_MAX_ANSWERS = 64


class Resolver(Protocol):
    """Where names come from."""

    async def resolve(self, host: str) -> Sequence[Address]:
        """All addresses of `host`, A and AAAA; OSError when there are none."""


class SystemResolver:
    """The machine's own resolver, on threads of its own.

    An attacker chooses the names and may run a name server that never answers; with the event loop's threads,
    a few such names would hold up everybody else who needs one. Names are asked for as they are: what a
    `search` line of resolv.conf would make of them is a name of the operator's network.
    """

    def __init__(self, *, timeout_seconds: float = 10.0, max_threads: int = 32) -> None:
        self._timeout_seconds = timeout_seconds
        self._threads = ThreadPoolExecutor(max_threads, thread_name_prefix="resolver")

    async def resolve(self, host: str) -> Sequence[Address]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._timeout_seconds):
            found = await loop.run_in_executor(self._threads, _look_up, host)
        return list(dict.fromkeys(found))[:_MAX_ANSWERS]


def _look_up(host: str) -> list[Address]:
    found = socket.getaddrinfo(f"{host.removesuffix('.')}.", None, type=socket.SOCK_STREAM)
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]


class FixedResolver:
    """A table instead of a network: for tests, replay and the cage."""

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self._names = {name: [ip_address(text) for text in texts] for name, texts in names.items()}

    async def resolve(self, host: str) -> Sequence[Address]:
        found = self._names.get(host)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "name is not in the table")
        return found
