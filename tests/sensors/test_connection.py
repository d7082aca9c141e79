"""One connection takes its turns: nobody starves, nothing is reordered, nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import Any

import asyncssh
import pytest
import uvloop

from mead.sensors.host import Limits
from mead.wire.core import Close, Send, Wait

LOOP = b"while :; do :; done\r\n"
"""A line that costs the shell all that a line may cost."""


class Echo:
    """A dialogue for these tests: says what it heard; some words have effects."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def open(self) -> Any:
        return [Send(b"hello\n")]

    def receive(self, data: Any) -> Any:
        if data.startswith(b"fail later"):
            self.context.link.later(self.fail)
            return []
        if data.startswith(b"fail"):
            self.fail()
        if data.startswith(b"wait"):
            return [Send(b"a"), Wait(0.05), Send(b"b"), Wait(0.05), Send(b"c"), Close("done")]
        if data.startswith(b"bye"):
            return [Send(b"bye\n"), Close("said bye"), Send(b"never")]
        return [Wait(0.02), Send(data)]

    def fail(self) -> Any:
        raise ValueError("ours")

    def lost(self) -> None:
        pass


async def talk(port: int, data: bytes, host: str = "127.0.0.1") -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(data)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


def ssh(running: Any) -> Any:
    options = {"known_hosts": None, "config": None, "client_keys": None, "username": "root"}
    return asyncssh.connect("127.0.0.1", running.ports["ssh"], password="admin", **options)


async def telnet(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that is logged in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readuntil(b"login: ")
    writer.write(b"root\r\n")
    await reader.readuntil(b"assword: ")
    writer.write(b"vizxv\r\n")
    await reader.readuntil(b"# ")
    return reader, writer


def reset(writer: asyncio.StreamWriter) -> None:
    """Leave without a word: the kernel answers with RST from now on."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def test_waits_are_kept_and_nothing_is_reordered(sensor: Any) -> None:
    async with sensor(extra={"echo": Echo}) as running:
        started = asyncio.get_running_loop().time()
        assert await talk(running.ports["echo"], b"wait") == b"hello\nabc"
        assert asyncio.get_running_loop().time() - started >= 0.09


async def test_what_comes_during_a_wait_is_answered_after_it(sensor: Any) -> None:
    async with sensor(extra={"echo": Echo}) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["echo"])
        for word in (b"one", b"two", b"three", b"bye"):
            writer.write(word)
            await writer.drain()
            await asyncio.sleep(0.002)
        async with asyncio.timeout(5):
            assert await reader.readuntil(b"bye") == b"hello\nonetwothreebye"
        writer.close()


@pytest.mark.parametrize("word", [b"fail", b"fail later"])
async def test_our_own_failure_ends_one_session_and_is_told(sensor: Any, caplog: Any, word: bytes) -> None:
    async with sensor(extra={"echo": Echo}) as running:
        with contextlib.suppress(ConnectionError):
            await talk(running.ports["echo"], word)
        (closed,) = await running.events.until("session.close")
        assert closed.reason == "internal error"
        (loss,) = running.events.of("loss.counted")
        assert (loss.what, loss.reason) == ("session", "internal error: ValueError")
        assert await talk(running.ports["echo"], b"bye") == b"hello\nbye\n"
    assert "ours" in caplog.text


async def test_a_peer_with_much_work_lets_its_neighbours_have_their_turns(sensor: Any) -> None:
    async with sensor("telnet") as running:
        reader, writer = await telnet(running.ports["telnet"])
        writer.write(LOOP * 100)
        await running.events.until("command.input")
        others = [await asyncio.open_connection("127.0.0.1", running.ports["telnet"]) for _ in range(3)]
        for other, _ in others:
            await other.readuntil(b"login: ")
        assert len(running.events.of("command.input")) < 20
        for _, one in [(reader, writer), *others]:
            one.close()


async def test_a_heavy_command_over_ssh_lets_its_neighbours_have_their_turns(sensor: Any) -> None:
    async with sensor("ssh", "telnet") as running, ssh(running) as peer:
        process = await peer.create_process(encoding=None)
        process.stdin.write(LOOP.replace(b"\r", b"") * 100)
        await running.events.until("command.input")
        _, writer = await telnet(running.ports["telnet"])
        assert len(running.events.of("command.input")) < 30
        writer.close()


async def test_what_was_asked_for_before_the_peer_went_is_still_observed(sensor: Any) -> None:
    async with sensor("telnet") as running:
        _, writer = await telnet(running.ports["telnet"])
        writer.write(LOOP + b"".join(b"echo %d\r\n" % number for number in range(300)))
        await writer.drain()
        await running.events.until("command.input")
        reset(writer)
        await running.events.until("session.close")
        commands = [event.command for event in running.events.of("command.input")]
        assert commands[1:] == [f"echo {number}" for number in range(300)]
        assert running.host.per_source == {}


async def test_a_peer_that_does_not_read_gets_no_more_work_done(sensor: Any) -> None:
    async with sensor("telnet") as running:
        _, writer = await telnet(running.ports["telnet"])
        writer.transport.pause_reading()
        writer.write(b"dd if=/dev/zero bs=1024 count=512\r\n" * 1000)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await running.events.until("command.input", 1000)
        (connection,) = running.host.connections
        assert len(running.events.of("command.input")) < 100
        assert connection._transport.get_write_buffer_size() < 4 << 20
        writer.transport.abort()


async def test_a_flood_of_reads_over_sftp_is_answered_as_it_is_taken(sensor: Any) -> None:
    async with sensor("ssh") as running, ssh(running) as peer, peer.start_sftp_client() as sftp:
        async with sftp.open("/tmp/big", "wb") as file:
            await file.write(bytes(1 << 20))
        async with sftp.open("/tmp/big", "rb") as file:
            channel = sftp._handler._writer.channel
            channel._recv_window = channel._init_recv_window = 1 << 31
            channel.send_packet(93, (1 << 30).to_bytes(4))  # asks for any amount at once
            peer._transport.pause_reading()
            reads = [asyncio.ensure_future(file.read(1 << 18, 0)) for _ in range(400)]
            await asyncio.sleep(0.7)
            (connection,) = running.host.connections
            assert connection._transport.get_write_buffer_size() < 4 << 20
            peer._transport.resume_reading()
            async with asyncio.timeout(80):
                assert all(len(data) == 1 << 18 for data in await asyncio.gather(*reads))


def test_stopping_closes_what_is_open_on_uvloop_too(sensor: Any) -> None:
    async def stop() -> Any:
        async with sensor("telnet", extra={"echo": Echo}) as running:
            writers = [
                (await asyncio.open_connection("127.0.0.1", port))[1]
                for port in running.ports.values()
                for _ in range(5)
            ]
            await running.events.until("session.open", 10)
        for writer in writers:
            writer.close()
        return running.events

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        events = runner.run(stop())
    assert [event.reason for event in events.of("session.close")] == ["sensor stopped"] * 10
    assert events[-1].kind == "sensor.status"
    assert events[-1].sessions_open == 0


async def test_silence_ends_a_connection_but_not_one_that_is_being_answered(sensor: Any) -> None:
    async with sensor(extra={"echo": Echo}, limits=Limits(idle_seconds=0.0)) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["echo"])
        await reader.readline()
        writer.write(b"wait")
        await reader.readexactly(1)
        running.host._sweep()
        async with asyncio.timeout(5):
            assert await reader.read() == b"bc"
        (closed,) = await running.events.until("session.close")
        assert closed.reason == "done"
        writer.close()
