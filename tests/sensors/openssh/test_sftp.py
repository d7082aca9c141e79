"""The SFTP server introduces itself as OpenSSH's and words its answers like it."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh
import pytest

from mead.sensors.openssh.versions import VERSIONS


async def spoken(running: Any, *packets: bytes) -> list[bytes]:
    """Send SFTP packets as they are and return the answers."""
    options = {
        "known_hosts": None,
        "config": None,
        "client_keys": None,
        "username": "root",
        "password": "admin",
    }
    async with asyncssh.connect("127.0.0.1", running.ports["ssh"], **options) as peer:
        process = await peer.create_process(subsystem="sftp", encoding=None)
        answers = []
        for packet in packets:
            process.stdin.write(len(packet).to_bytes(4) + packet)
            length = int.from_bytes(await process.stdout.readexactly(4))
            answers.append(await process.stdout.readexactly(length))
        process.stdin.write_eof()
        result = await asyncio.wait_for(process.wait(), 5)
        assert result.exit_status == 0
    return answers


INIT = b"\x01\x00\x00\x00\x03"


def string(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


@pytest.mark.parametrize("banner", ["9.2p1", "8.4p1", "OpenSSH_7.4"])
async def test_the_first_packet_is_that_of_the_claimed_version(sensor: Any, banner: str) -> None:
    def prepare(persona: Any) -> None:
        persona.ssh = next(version for version in VERSIONS if banner in version.banner)

    async with sensor("ssh", prepare=prepare) as running:
        (version,) = await spoken(running, INIT)
        assert version[:5] == b"\x02\x00\x00\x00\x03"
        assert version[5:].startswith(
            string(b"posix-rename@openssh.com") + string(b"1") + string(b"statvfs@openssh.com")
        )
        assert b"asyncssh" not in version.lower()
        assert b"vendor-id" not in version
        assert (b"copy-data" in version) == (banner == "9.2p1")
        assert (b"lsetstat@openssh.com" in version) == (banner != "OpenSSH_7.4")


async def test_statuses_are_worded_as_sftp_server_words_them(sensor: Any) -> None:
    request = (7).to_bytes(4)
    async with sensor("ssh") as running:
        _, stat, unknown, ranges = await spoken(
            running,
            INIT,
            b"\x11" + request + string(b"/no/such"),
            b"\xc8" + request + string(b"made-up@example"),
            b"\xc8" + request + string(b"ranges@asyncssh.com") + b"abcd" + bytes(16),
        )
        assert stat == b"\x65" + request + (2).to_bytes(4) + string(b"No such file") + string(b"")
        assert unknown == b"\x65" + request + (8).to_bytes(4) + string(b"Operation unsupported") + string(b"")
        assert ranges == unknown
