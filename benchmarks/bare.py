# SPDX-License-Identifier: Apache-2.0
"""Bare loops: what the libraries below cost when nothing is recorded, as the limit of what can be reached.

python benchmarks/bare.py KIND      runs one and prints its port

accept   uvloop accepts and closes
echo     uvloop answers what comes with a page and closes
ssh      asyncssh lets in and answers a command, with its defaults and one Ed25519 host key
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop
from processes import cpu_seconds, raise_file_limit

__all__ = ["Bare", "bare"]


class Bare:
    """A running bare loop; made by `bare`."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.port = port
        self._pid = process.pid

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._pid)


@asynccontextmanager
async def bare(kind: str) -> AsyncIterator[Bare]:
    """Run one in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, kind, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    try:
        yield Bare(process, int(await process.stdout.readline()))
    finally:
        process.terminate()
        await process.wait()


class _Accept(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


class _Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\n\r\n" + data)
        self._transport.close()


async def _ssh() -> int:
    import asyncssh  # noqa: PLC0415 - costs a second, and only this one needs it

    class Lenient(asyncssh.SSHServer):
        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, *_: str) -> bool:
            return True

    def answer(process: asyncssh.SSHServerProcess[str]) -> None:
        assert process.command
        process.stdout.write(process.command.removeprefix("echo ") + "\n")
        process.exit(0)

    server = await asyncssh.listen(
        "127.0.0.1", 0, server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        server_factory=Lenient, process_factory=answer, backlog=1000,
    )  # fmt: skip
    return server.get_port()


async def _serve(kind: str) -> None:
    if kind == "ssh":
        port = await _ssh()
    else:
        made = {"accept": _Accept, "echo": _Echo}[kind]
        server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0, backlog=4096)
        port = server.sockets[0].getsockname()[1]
    print(port, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    raise_file_limit()
    uvloop.run(_serve(sys.argv[1]))
