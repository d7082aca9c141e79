# SPDX-License-Identifier: Apache-2.0
"""Clients that log in, run one command and leave; the same for every server under test.

They are kept cheap, since they share the machine with the server. Each takes a number which its command,
path or body carries, so that what was recorded can be told apart.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

Client = Callable[[int, int], Awaitable[None]]
"""Does one session with a port on loopback, under a number."""

TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Script:
    """What to send when: `(what must have been seen, what is sent then)`, and what ends it."""

    steps: tuple[tuple[bytes, bytes], ...]
    last: bytes
    """Pattern of the answer to the last step."""


class Conversation(asyncio.Protocol):
    """Follows a script; an empty first pattern means: without waiting."""

    def __init__(self, script: Script) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._steps = iter([*script.steps, (script.last, b"")])
        self._seen = b""
        self._waits, self._says = next(self._steps)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport
        self.data_received(b"")

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while re.search(self._waits, self._seen, re.DOTALL):
            self._seen = b""
            if not self._says:
                self._transport.close()
                return
            self._transport.write(self._says)
            self._waits, self._says = next(self._steps)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done.done():
            return
        if self._says or exc:
            self.done.set_exception(exc or ConnectionError(f"closed before {self._waits!r}"))
        else:
            self.done.set_result(None)


async def converse(port: int, script: Script) -> None:
    _, protocol = await asyncio.get_running_loop().create_connection(
        lambda: Conversation(script), "127.0.0.1", port
    )
    await protocol.done


async def telnet(port: int, number: int) -> None:
    word = b"mead-%d" % number
    steps = ((b"ogin: $", b"root\r\n"), (b"assword: $", b"vizxv\r\n"), (b"[#$] $", b"echo %s\r\n" % word))
    # once in the echo of what was typed, once in the answer
    await converse(port, Script(steps, rb"%s\r\n.*%s\r\n" % (word, word)))


def body(number: int) -> bytes:
    return b"word=mead-%d" % number


def request(number: int, *, keep: bool = False) -> bytes:
    stays = b"keep-alive" if keep else b"close"
    data = body(number)
    return (
        b"POST /mead-%d HTTP/1.1\r\nHost: 192.0.2.1\r\nUser-Agent: bench\r\nConnection: %s\r\n"
        b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s"
    ) % (number, stays, len(data), data)


async def http(port: int, number: int) -> None:
    await converse(port, Script(((b"^", request(number)),), rb"^HTTP/1\.1 \d\d\d "))


async def ssh(port: int, number: int) -> None:
    """As OpenSSH, libssh and Go's clients do it: curve25519, and an Ed25519 host key where there is one."""
    await _ssh(port, number)


async def ssh_old(port: int, number: int) -> None:
    """As many guessers with an older libssh2 do it: key exchange in a group that the server chooses."""
    await _ssh(port, number, kex_algs=["diffie-hellman-group-exchange-sha256"])


async def _ssh(port: int, number: int, **options: Any) -> None:
    import asyncssh  # noqa: PLC0415 - costs a second, and only this one needs it

    options |= {
        "username": "root", "password": "admin", "known_hosts": None, "config": None, "client_keys": None,
        "agent_path": None, "preferred_auth": "password", "server_host_key_algs": ["ssh-ed25519"],
    }  # fmt: skip
    async with asyncssh.connect("127.0.0.1", port, **options) as peer:
        result = await peer.run(f"echo mead-{number}")
        if result.stdout != f"mead-{number}\n":
            raise ConnectionError(f"{result.stdout!r}")


async def run(client: Client, port: int, numbers: Iterable[int], at_once: int) -> int:
    """Run a session for each number, `at_once` at a time; how many of them failed."""
    numbers, failed = iter(numbers), 0

    async def worker() -> None:
        nonlocal failed
        for number in numbers:
            try:
                async with asyncio.timeout(TIMEOUT_SECONDS):
                    await client(port, number)
            except Exception:  # noqa: BLE001 - however a client fails, it is counted
                failed += 1

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return failed
