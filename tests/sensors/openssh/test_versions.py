"""The lists are whole and can be served."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from asyncssh.encryption import get_encryption_algs
from asyncssh.kex import get_kex_algs
from asyncssh.mac import get_mac_algs

from mead.sensors.openssh.exchange import offer_exchanges
from mead.sensors.openssh.versions import VERSIONS, OpenSshVersion
from mead.wire.ssh import SshIdent, SshKexInit, SshReader


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: version.banner)
def test_what_is_offered_can_be_done(version: OpenSshVersion) -> None:
    offer_exchanges()
    kex = [name.encode() for name in version.kex if not name.startswith(("ext-info", "kex-strict"))]
    assert set(kex) <= set(get_kex_algs())
    assert {name.encode() for name in version.ciphers} <= set(get_encryption_algs())
    missing = {name.encode() for name in version.macs} - set(get_mac_algs())
    assert all(name.startswith(b"umac") for name in missing)  # those need libnettle
    assert len(set(version.kex)) == len(version.kex)


def test_banners_differ_and_belong_to_a_system() -> None:
    assert len({version.banner for version in VERSIONS}) == len(VERSIONS)
    assert all(version.kernel and version.build and version.distribution for version in VERSIONS)


@contextlib.asynccontextmanager
async def real_sshd(client: Any, directory: Path) -> AsyncIterator[tuple[str, int]]:
    """The banner and the port of this machine's sshd with Debian's defaults, while the block runs."""
    # its unit makes this directory; where the service never ran, sshd refuses to start without it
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    keys = [directory / f"ssh_host_{kind}_key" for kind in ("rsa", "ecdsa", "ed25519")]
    for key in keys:
        kind = key.name.split("_")[2]
        await client("ssh-keygen", "-q", "-t", kind, "-N", "", "-f", str(key))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ("-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none")
    argv = ["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", str(port), *options]
    process = await asyncio.create_subprocess_exec(
        *argv, *(word for key in keys for word in ("-h", str(key))), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        said = b""
        while b"Server listening" not in said:
            line = await process.stderr.readline()
            assert line, f"sshd ended: {said.decode()}"
            said += line
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        banner = (await reader.readline()).decode().strip()
        writer.close()
        yield banner, port
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def offer(port: int) -> SshKexInit:
    """What the server on this port offers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"SSH-2.0-probe\r\n")
    core = SshReader()
    try:
        while data := await reader.read(4096):
            for item in core.receive(data):
                assert isinstance(item, SshIdent | SshKexInit)
                if isinstance(item, SshKexInit):
                    return item
    finally:
        writer.close()
    pytest.fail("no KEXINIT")


@pytest.mark.root
@pytest.mark.tool("sshd", "ssh-keygen")
async def test_the_offer_equals_that_of_the_real_sshd_of_this_machine(client: Any, tmp_path: Path) -> None:
    async with asyncio.timeout(30), real_sshd(client, tmp_path) as (banner, port):
        real = await offer(port)
    if "OpenSSH_9.2p1 Debian-2+deb12u" not in banner:
        pytest.skip(f"no list of {banner} to compare with")
    update = int(banner.rpartition("u")[2])
    if update != 3 and update < 7:
        pytest.skip(f"the lists changed between deb12u3 and deb12u7, this is {banner}")
    claimed = next(version for version in VERSIONS if f"deb12u{min(update, 7)}" in version.banner)
    assert real.kex.decode().split(",") == list(claimed.kex)
    assert real.host_key.decode().split(",") == list(claimed.host_keys)
    assert real.encryption_to_client.decode().split(",") == list(claimed.ciphers)
    assert real.mac_to_client.decode().split(",") == list(claimed.macs)
    assert real.compression_to_client == b"none,zlib@openssh.com"
