# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mead.clock import FakeClock
from mead.egress import tftp
from mead.egress.gate import Allowed, Gate
from mead.egress.policy import EgressSettings
from mead.egress.result import Failed, Fetched, Outcome, Trace

Fetch = Callable[..., Awaitable[Outcome]]
Answer = Callable[[bytes], list[bytes]]


class Server(asyncio.DatagramProtocol):
    """Answers from another port than the one that was asked, as a TFTP server does."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heard: list[bytes] = []
        self.transfer: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        assert self.transfer
        for packet in self.answer(data):
            self.transfer.sendto(packet, addr)


@asynccontextmanager
async def _server(answer: Answer) -> AsyncIterator[tuple[int, Server]]:
    loop = asyncio.get_running_loop()
    server = Server(answer)
    asked, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
    server.transfer, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", 0))
    try:
        yield int(asked.get_extra_info("sockname")[1]), server
    finally:
        asked.close()
        server.transfer.close()


def _data(block: int, payload: bytes) -> bytes:
    return struct.pack("!HH", 3, block) + payload


def _file(body: bytes, block_bytes: int = 512, *, oack: bytes = b"", repeat: int = 1) -> Answer:
    def answer(packet: bytes) -> list[bytes]:
        operation, number = struct.unpack_from("!HH", packet)
        if operation == 1 and oack:
            return [b"\0\6" + oack]
        number = 0 if operation == 1 else number
        start = number * block_bytes
        if operation == 4 and start > len(body):
            return []
        return [_data(number + 1, body[start : start + block_bytes])] * repeat

    return answer


@pytest.mark.parametrize("size", [1, 511, 512, 513, 5000])
async def test_a_file_comes_from_a_server_without_options(fetch: Fetch, size: int) -> None:
    body = os.urandom(size)
    async with _server(_file(body)) as (port, server):
        got = await fetch(f"tftp://127.0.0.1:{port}/a%20b")
    assert isinstance(got, Fetched), got
    assert got.body == body
    assert server.heard[0] == b"\0\1a b\0octet\0blksize\x001428\0tsize\x000\0"


async def test_large_blocks_and_repeated_packets_give_the_same_file(fetch: Fetch) -> None:
    body = os.urandom(10_000)
    async with _server(_file(body, 1428, oack=b"BLKSIZE\x001428\0tsize\x0010000\0", repeat=2)) as (
        port,
        server,
    ):
        got = await fetch(f"tftp://127.0.0.1:{port}/x")
    assert isinstance(got, Fetched), got
    assert got.body == body
    assert server.heard[1] == b"\0\4\0\0"


async def test_a_server_that_refuses_options_is_asked_without(fetch: Fetch) -> None:
    plain = _file(b"body")

    def answer(packet: bytes) -> list[bytes]:
        return [b"\0\5\0\x08no options\0"] if b"blksize" in packet else plain(packet)

    async with _server(answer) as (port, _):
        got = await fetch(f"tftp://127.0.0.1:{port}/x")
    assert isinstance(got, Fetched), got
    assert got.body == b"body"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([b"\0\5\0\1File not \xff found\0"], "TFTP server said error 1: File not \\xff found"),
        ([_data(1, b"")], "empty body"),
        ([b"\0\6tsize\x009999999\0"], "announced body is larger than 3000 bytes"),
        ([b"\0\6blksize\x0060000\0"], "TFTP server chose an unusable size of blocks"),
        ([b"\0\6blksize\0x\0"], "TFTP server's options are no numbers"),
        ([_data(n, b"x" * 512) for n in range(1, 9)], "body is larger than 3000 bytes"),
        ([], "TFTP server does not answer"),
        ([b"", b"\0", b"\0\3\0", _data(7, b"x"), b"\0\x63\0\1"], "TFTP server does not answer"),
    ],
    ids=range(8),
)
async def test_what_goes_wrong_is_the_reason(fetch: Fetch, answer: list[bytes], reason: str) -> None:
    async with _server(lambda packet: answer) as (port, _):
        got = await fetch(f"tftp://127.0.0.1:{port}/x", max_body_bytes=3000, timeout_seconds=0.3)
    assert isinstance(got, Failed), got
    assert got.reason == reason


async def test_datagrams_of_others_are_not_ours(fetch: Fetch) -> None:
    body = _file(b"right" * 200)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind(("127.0.0.2", 0))
        async with _server(body) as (port, server):
            real = server.datagram_received

            def answer(data: bytes, addr: tuple[str, int]) -> None:
                stranger.sendto(_data(1, b"wrong"), addr)
                real(data, addr)

            server.datagram_received = answer  # type: ignore[method-assign]
            got = await fetch(f"tftp://127.0.0.1:{port}/x")
    assert isinstance(got, Fetched), got
    assert got.body == b"right" * 200


@pytest.mark.parametrize("path", ["/", "/x%00y", "/" + "x" * 600])
async def test_a_path_that_does_not_fit_is_not_asked_for(fetch: Fetch, path: str) -> None:
    got = await fetch(f"tftp://127.0.0.1:6969{path}")
    assert isinstance(got, Failed)
    assert got.reason == "path cannot be asked for by TFTP"


async def test_block_numbers_start_again_after_65535() -> None:
    body = os.urandom(8 * 65_600 + 3)

    class Wire(tftp._Inbox):
        """A server without a network: answers each acknowledgement at once."""

        sent = 0

        def sendto(self, packet: bytes, _: tuple[str, int]) -> None:
            assert packet[:2] == b"\0\1" or packet == struct.pack("!HH", 4, self.sent & 0xFFFF)

        async def next(self, timeout_seconds: float) -> tuple[bytes, int]:
            self.sent += 1
            return _data(self.sent & 0xFFFF, body[(self.sent - 1) * 8 : self.sent * 8]), 6969

    gate = Gate(EgressSettings(policy="fetch", allow_loopback_for_tests=True), FakeClock())
    allowed = await gate.decide("tftp://127.0.0.1/x")
    assert isinstance(allowed, Allowed)
    wire = Wire("127.0.0.1")
    transfer = tftp._Transfer(wire, wire, allowed, EgressSettings(), Trace())  # type: ignore[arg-type]
    transfer._block_bytes = 8
    assert await transfer.run(b"x", options=False) == body


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    packets=st.lists(st.binary(max_size=20) | st.binary(max_size=9).map(b"\0\6blksize\0".__add__), max_size=4)
)
async def test_any_datagrams_are_an_outcome(fetch: Fetch, packets: list[bytes]) -> None:
    async with _server(lambda packet: packets) as (port, _):
        got = await fetch(
            f"tftp://127.0.0.1:{port}/x", timeout_seconds=0.05, total_seconds=0.2, per_host_per_minute=10**6
        )
    assert isinstance(got, Fetched | Failed)


async def test_a_datagram_that_cannot_be_sent_says_why(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(self: tftp._Transfer, packet: bytes) -> None:
        self._inbox.error_received(OSError(101, "Network is unreachable"))

    monkeypatch.setattr(tftp._Transfer, "_send", unreachable)
    got = await fetch("tftp://127.0.0.1:6969/x")
    assert isinstance(got, Failed)
    assert got.reason == "Network is unreachable"


@pytest.mark.root
@pytest.mark.tool("atftpd")
async def test_a_file_comes_from_a_real_tftp_server(fetch: Fetch, tmp_path: Path) -> None:
    body = os.urandom(100_000)
    tmp_path.chmod(0o755)
    (tmp_path / "x").write_bytes(body)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = shutil.which("atftpd") or "/usr/sbin/atftpd"
    options = ["--daemon", "--no-fork", "--user", "root", "--bind-address", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen([program, *options, str(tmp_path)]) as server:
        try:
            got = await fetch(f"tftp://127.0.0.1:{port}/x", timeout_seconds=15)
            gone = await fetch(f"tftp://127.0.0.1:{port}/y", timeout_seconds=15)
        finally:
            server.terminate()
    assert isinstance(got, Fetched), got
    assert got.body == body
    assert isinstance(gone, Failed)
    assert gone.reason == "TFTP server said error 1: File not found"
    assert gone.trace.status == 1
