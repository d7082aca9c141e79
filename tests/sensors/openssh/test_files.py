"""No method of asyncssh's SFTP server that works on this host's files is left in place."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from mead.sensors.openssh.files import EmulatedFiles

HARMLESS = {"channel", "connection", "env", "logger", "convert_attrs"}


def test_every_method_of_the_library_that_touches_files_is_replaced() -> None:
    public = {name for name, _ in inspect.getmembers(asyncssh.SFTPServer) if not name.startswith("_")}
    own = set(vars(EmulatedFiles))
    assert public - own - HARMLESS == set()


@pytest.mark.parametrize("name", ["map_path", "reverse_map_path"])
def test_paths_of_this_host_are_never_made(name: str) -> None:
    with pytest.raises(asyncssh.SFTPFailure):
        getattr(EmulatedFiles, name)(None, b"/etc/passwd")


OPTIONS = ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
           "-o", "PubkeyAuthentication=no", "-F", "/dev/null"]  # fmt: skip


def connect(running: Any) -> Any:
    options = {"known_hosts": None, "config": None, "client_keys": None, "username": "root"}
    return asyncssh.connect("127.0.0.1", running.ports["ssh"], password="admin", **options)


@pytest.mark.tool("scp", "sshpass")
@pytest.mark.parametrize("protocol", [[], ["-O"]], ids=["sftp", "scp"])
async def test_scp_fetches_files_and_copies_directories_both_ways(
    sensor: Any, client: Any, tmp_path: Path, elf: bytes, protocol: list[str]
) -> None:
    tree = tmp_path / "kit"
    (tree / "arm").mkdir(parents=True)
    (tree / "arm" / "bot").write_bytes(elf)
    (tree / "run.sh").write_text("#!/bin/sh\n")
    async with sensor("ssh") as running:
        copy = ["sshpass", "-p", "admin", "scp", *protocol, *OPTIONS, "-P", str(running.ports["ssh"])]
        code, _, err = await client(*copy, "-r", str(tree), "root@127.0.0.1:/tmp/")
        assert code == 0, err
        code, _, err = await client(*copy, "-r", "root@127.0.0.1:/etc", str(tmp_path / "back"))
        assert code == 0, err
        code, _, err = await client(*copy, "root@127.0.0.1:/etc/passwd", str(tmp_path / "passwd"))
        assert code == 0, err
        await running.events.until("session.close", 3)
        captured = {event.name: running.body(event) for event in running.events.of("sample.captured")}
    assert captured == {"bot": elf, "run.sh": b"#!/bin/sh\n"}
    assert b"root:x:0:0:" in (tmp_path / "passwd").read_bytes()
    assert (tmp_path / "back" / "passwd").read_bytes() == (tmp_path / "passwd").read_bytes()


async def test_modes_follow_the_umask_as_with_sftp_server(sensor: Any) -> None:
    async with sensor("ssh") as running, connect(running) as peer, peer.start_sftp_client() as sftp:
        await sftp.mkdir("/tmp/d", asyncssh.SFTPAttrs(permissions=0o777))
        async with sftp.open("/tmp/f", "wb", asyncssh.SFTPAttrs(permissions=0o666)):
            pass
        async with sftp.open("/tmp/g", "wb"):
            pass
        modes = [(await sftp.stat(f"/tmp/{name}")).permissions & 0o7777 for name in "dfg"]
        assert modes == [0o755, 0o644, 0o644]


async def test_the_size_of_the_disk_is_that_of_df(sensor: Any) -> None:
    async with sensor("ssh") as running, connect(running) as peer, peer.start_sftp_client() as sftp:
        shown = next(line for line in (await peer.run("df")).stdout.splitlines() if line.endswith(" /"))
        space = await sftp.statvfs("/")
        assert int(shown.split()[1]) // 4 == space.blocks
        assert int(shown.split()[3]) // 4 == space.bavail


async def test_a_file_that_is_left_open_by_a_peer_that_goes_is_kept_before_the_session_ends(
    sensor: Any, elf: bytes
) -> None:
    async with sensor("ssh") as running:
        async with connect(running) as peer, peer.start_sftp_client() as sftp:
            file = await sftp.open("/tmp/half", "wb")
            await file.write(elf[:1000])
            peer.abort()
        await running.events.until("session.close")
        (captured,) = running.events.of("sample.captured")
        assert running.body(captured) == elf[:1000]
        assert running.events.index(captured) < running.events.index(running.events.of("session.close")[0])


async def test_no_more_files_are_open_than_a_process_may_have(sensor: Any) -> None:
    async with sensor("ssh") as running, connect(running) as peer, peer.start_sftp_client() as sftp:
        opened = [await sftp.open("/etc/passwd", "rb") for _ in range(1019)]
        with pytest.raises(asyncssh.SFTPFailure):
            await sftp.open("/etc/passwd", "rb")
        await opened[0].close()
        await sftp.open("/etc/passwd", "rb")
        assert running.events.of("limit.reached")[0].limit == "max_handles"
