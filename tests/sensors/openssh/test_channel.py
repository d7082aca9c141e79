"""Channels end as sshd's do, whatever the peer does with them."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import asyncssh
import pytest

OPTIONS = {"known_hosts": None, "config": None, "client_keys": None, "username": "root", "password": "admin"}


def connect(running: Any) -> Any:
    return asyncssh.connect("127.0.0.1", running.ports["ssh"], **OPTIONS)


@pytest.mark.tool("ssh", "sshpass")
async def test_a_command_of_any_bytes_is_run_and_recorded(sensor: Any, client: Any) -> None:
    async with sensor("ssh") as running:
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "PubkeyAuthentication=no")
        argv = ["sshpass", "-p", "admin", "ssh", "-F", "/dev/null", "-p", str(running.ports["ssh"])]
        argv += [word for option in options for word in ("-o", option)]
        code, out, err = await client(*argv, "root@127.0.0.1", os.fsdecode(b"echo caf\xe9\xff"))
        assert (code, out) == (0, b"caf\xe9\xff\n"), err
        await running.events.until("session.close")
        assert running.events.of("command.input")[0].command == "echo caf\\xe9\\xff"


async def test_several_channels_of_one_connection_do_not_mix(sensor: Any) -> None:
    async with sensor("ssh") as running, connect(running) as peer:
        results = await asyncio.gather(*(peer.run(f"echo {n}") for n in range(6)))
        assert [result.stdout for result in results] == [f"{n}\n" for n in range(6)]


async def test_a_file_typed_into_a_terminal_is_a_body(sensor: Any) -> None:
    async with sensor("ssh") as running:
        async with connect(running) as peer:
            process = await peer.create_process(term_type="xterm", encoding=None)
            process.stdin.write(b"cat > /tmp/typed\rhello\rworld\r\x04echo after\rexit\r")
            output = await process.stdout.read()
        assert b"after\r\n" in output
        await running.events.until("session.close")
        (event,) = running.events.of("sample.captured")
        assert running.body(event) == b"hello\nworld\n"


@pytest.mark.parametrize("keys", [b"sleep\x03echo ok\r", b"wrong\x15echo ok\r", b"echo ok\x1b[A\r"])
async def test_editing_keys_do_what_a_terminal_does(sensor: Any, keys: bytes) -> None:
    async with sensor("ssh") as running, connect(running) as peer:
        process = await peer.create_process(term_type="xterm", encoding=None)
        process.stdin.write(keys + b"\x04")
        output = await process.stdout.read()
        assert b"ok\r\n" in output.split(b"echo ok", 1)[1]
        assert b"logout" in output


async def test_a_connection_that_breaks_while_a_command_reads_loses_nothing(sensor: Any) -> None:
    async with sensor("ssh") as running:
        async with connect(running) as peer:
            process = await peer.create_process("cat > /tmp/partial", encoding=None)
            process.stdin.write(b"\x7fELF partial body")
            await process.stdin.drain()
            await asyncio.sleep(0.1)
            peer.abort()
        await running.events.until("session.close")
        (event,) = running.events.of("sample.captured")
        assert running.body(event) == b"\x7fELF partial body"


async def test_an_unknown_subsystem_is_refused(sensor: Any) -> None:
    async with sensor("ssh") as running, connect(running) as peer:
        with pytest.raises(asyncssh.ChannelOpenError):
            await peer.run(subsystem="netconf")


async def test_a_connection_has_ten_sessions_at_once_and_no_more(sensor: Any) -> None:
    async with sensor("ssh") as running, connect(running) as peer:
        waiting = [await peer.create_process("cat") for _ in range(10)]
        with pytest.raises(asyncssh.ChannelOpenError, match="open failed"):
            await peer.create_process("cat")
        waiting[0].stdin.write_eof()
        await waiting[0].wait()
        assert (await peer.run("echo again")).stdout == "again\n"
        for process in waiting[1:]:
            process.close()
    assert running.events.of("limit.reached")[0].limit == "max_sessions"


async def test_a_command_that_is_sent_with_its_input_at_once_gets_all_of_it(sensor: Any, elf: bytes) -> None:
    async with sensor("ssh") as running:
        async with connect(running) as peer:
            await asyncio.gather(*(peer.run(f"cat > /tmp/{n}", input=elf, encoding=None) for n in range(5)))
        await running.events.until("session.close")
        captured = running.events.of("sample.captured")
        assert [running.body(event) for event in captured] == [elf] * 5


@pytest.mark.parametrize("kind", [ValueError, AssertionError])
async def test_our_own_failure_inside_the_library_is_told(
    sensor: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def fail(*_: Any) -> None:
        raise kind("ours")

    monkeypatch.setattr("mead.sensors.services.ssh.motd", fail)
    async with sensor("ssh") as running:
        with pytest.raises((asyncssh.Error, OSError)):
            async with connect(running) as peer:
                await peer.run("id")
        await running.events.until("session.close")
        (loss,) = running.events.of("loss.counted")
        assert loss.reason == f"internal error: {kind.__name__}"
    assert "ours" in caplog.text
