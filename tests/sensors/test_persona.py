"""Everything visible derives from the seed."""

from __future__ import annotations

import asyncio
import re
import ssl
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from mead.errors import ConfigError
from mead.sensors.devices import DEVICES, of_system
from mead.sensors.openssh.versions import VERSIONS
from mead.sensors.persona import Persona
from mead.sensors.web.products import PRODUCTS
from mead.wire.ssh import SshKexInit, SshReader

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def face(persona: Persona) -> tuple[object, ...]:
    product = persona.product
    return (
        persona.hostname, persona.boot_time, persona.ssh.banner, persona.device.name,
        persona.device_host, persona.failure_seconds, product.name, persona.installed,
    )  # fmt: skip


def test_the_same_seed_gives_the_same_face() -> None:
    assert face(Persona(b"x" * 32, None, NOW)) == face(Persona(b"x" * 32, None, NOW))


def test_no_constant_is_shared_by_all_installs() -> None:
    faces = [face(Persona(bytes([n]) * 32, None, NOW)) for n in range(40)]
    for values in zip(*faces, strict=True):
        assert len(set(values)) > 1


def test_a_source_meets_the_same_machine_each_time_and_others_meet_others() -> None:
    persona = Persona(b"y" * 32, None, NOW)
    seen = {f"192.0.2.{n}": persona.shell_for(f"192.0.2.{n}", "telnet") for n in range(60)}
    assert all(persona.shell_for(source, "telnet") is shell for source, shell in seen.items())
    assert len({shell.architecture for shell in seen.values()}) >= (2 if persona.device.gnu else 4)


def test_the_machine_behind_ssh_is_the_one_that_the_banner_claims() -> None:
    for n in range(30):
        persona = Persona(bytes([n]) * 20, None, NOW)
        shell = persona.shell_for("192.0.2.1", "ssh")
        assert shell.kernel == persona.ssh.kernel
        assert shell.distribution == persona.ssh.distribution
        assert shell.hostname == persona.hostname


def test_a_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    persona = Persona(b"z" * 32, tmp_path / "new")
    assert persona.stored("key") is None
    assert persona.kept("key", b"first") == b"first"
    assert persona.kept("key", b"second") == b"first"
    assert persona.stored("key") == b"first"
    assert (tmp_path / "new" / "key").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["born", "key"]


def test_a_short_seed_is_refused() -> None:
    with pytest.raises(ConfigError, match="mead init"):
        Persona(b"short")


def test_a_restart_moves_no_time(tmp_path: Path) -> None:
    first = Persona(b"b" * 32, tmp_path, NOW)
    later = Persona(b"b" * 32, tmp_path, NOW + timedelta(days=3))
    for one, other in (
        (first.boot_time, later.boot_time), (first.installed, later.installed), (first.born, later.born),
        (first.shell_for("192.0.2.1", "telnet").boot_time, later.shell_for("192.0.2.1", "telnet").boot_time),
        (first.shell_for("192.0.2.1", "ssh").boot_time, later.shell_for("192.0.2.1", "ssh").boot_time),
    ):  # fmt: skip
        assert one == other
    (tmp_path / "born").write_text("yesterday")
    with pytest.raises(ConfigError, match="born is no time"):
        Persona(b"b" * 32, tmp_path, NOW)


# Two installs that happen to have drawn the same products: what a peer may still find the same in both.

OWN = re.compile(
    rb"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b[0-9a-f]{8}-[0-9a-f-]{20,}"
    rb"|\$\d\$[^:\s]+|\b[0-9a-fA-F]{8,}\b|\b\d{5,}(?:\.\d+)?\b|\b\d\d:\d\d:\d\d\b"
    rb"|\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d"
)
"""Addresses, digests, long numbers and times: what an install has of its own."""
PUBLIC = {
    b"127.0.0.1", b"127.0.1.1", b"255.0.0.0", b"255.255.255.0", b"0.0.0.0", b"00:00:00:00:00:00", b"65536",
    b"ff:ff:ff:ff:ff:ff", b"65534", b"99999", b"000000000", b"0000000000000000", b"000000", b"115200",
    b"00:00:00", b"198.51.100.7",
}  # fmt: skip
"""What every host has, and the peer's own address."""
COMMANDS = (
    "uname -a", "cat /proc/uptime", "uptime", "ifconfig", "ip a", "cat /proc/cpuinfo", "cat /etc/shadow",
    "df", "cat /etc/machine-id", "cat /proc/sys/kernel/random/boot_id", "free", "ls -la / /etc /tmp /root",
    "ps", "cat /proc/net/arp", "route -n", "dmesg", "last", "cat /root/.bash_history", "cat /etc/passwd",
    "cat /proc/meminfo", "cat /proc/stat", "cat /proc/partitions", "netstat -an", "hostname",
    "cat /etc/hosts", "cat /proc/net/dev", "cat /etc/resolv.conf", "stat /etc/passwd", "cat /etc/fstab",
    "cat /proc/cmdline", "cat /sys/class/net/eth0/address", "md5sum /bin/busybox /bin/ls",
)  # fmt: skip
SSH = {"known_hosts": None, "config": None, "client_keys": None, "username": "root", "password": "admin"}


def own(said: bytes) -> set[bytes]:
    """What of an answer should be this install's own."""
    return set(OWN.findall(said)) - PUBLIC


def alike(persona: Persona, device: str, product: str) -> None:
    """Give a persona the products that another one has as well."""
    persona.ssh = VERSIONS[0]
    chosen = next(entry for entry in DEVICES if entry.name == device)
    persona.device = of_system(chosen, persona.ssh.distribution)
    persona.product = next(entry for entry in PRODUCTS if entry.name == product)


def install(number: int, *, gnu: bool, born: datetime = NOW) -> Persona:
    """An install that has a Linux host, or a device, at its Telnet door."""
    seeds = (sha256(b"%d %d" % (number, again)).digest() for again in range(1000))
    return next(
        persona
        for seed in seeds
        if (persona := Persona(seed, None, born + timedelta(minutes=97 * number))).device.gnu is gnu
    )


@pytest.mark.parametrize("device", ["camera", "router", "linux"])
def test_no_number_in_a_shell_is_shared_by_two_installs(bench: Any, device: str) -> None:
    found = []
    for number in (1, 2):
        persona = install(number, gnu=device == "linux")
        alike(persona, device, "nginx-debian" if device == "linux" else "boa-router")
        kind = persona._devices[0]
        persona._devices = (kind,)
        b = bench("telnet", persona=persona)
        b.clock.set(persona.born + timedelta(seconds=number))
        b.open()
        b.send(b"root\r\n")
        assert b"# " in b.send(b"vizxv\r\n")
        model = own(f"{kind.kernel_build} {kind.compiler} {kind.busybox_version} {kind.mounts}".encode())
        if not kind.gnu:
            model |= {b"%d" % kind.memory_kib, b"%d" % (kind.memory_kib // 2)}
            model |= set(re.findall(rb"size=(\d+)k", repr(kind.mounts).encode()))
        found.append({command: own(b.send(command.encode() + b"\r\n")) - model for command in COMMANDS})
    first, second = found
    assert sum(map(len, first.values())) > 40
    assert not {command: both for command in COMMANDS if (both := first[command] & second[command])}


async def first_words(sensor: Any, number: int) -> dict[str, object]:
    """What the doors of an install say before and just after a login, by what it is."""
    persona = install(number, gnu=True)
    seen: dict[str, object] = {}

    def prepare(other: Persona) -> None:
        alike(other, "linux", "apache-debian")

    async with sensor("telnet", "ssh", "http", "https", seed=persona.seed, prepare=prepare) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["ssh"])
        writer.write(b"SSH-2.0-probe\r\n")
        core, offer = SshReader(), None
        while offer is None:
            said = core.receive(await reader.read(4096))
            offer = next((item for item in said if isinstance(item, SshKexInit)), None)
        writer.close()
        seen["cookie"] = offer.cookie
        for kind in ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"):
            async with asyncssh.connect(
                "127.0.0.1", running.ports["ssh"], server_host_key_algs=[kind], **SSH
            ) as peer:
                seen[kind] = peer.get_server_host_key().get_fingerprint()
        async with asyncssh.connect("127.0.0.1", running.ports["ssh"], **SSH) as peer:
            shell = await peer.create_process(term_type="vt100", encoding=None)
            shell.stdin.write(b"exit\r")
            greeting = await shell.stdout.read()
            seen["last login"] = re.search(rb"Last login: [^\r]*", greeting)[0]  # type: ignore[index] # or fail
            seen["prompt"] = re.search(rb"root@[^:]*", greeting)[0]  # type: ignore[index] # as above
            async with peer.start_sftp_client() as sftp:
                space = await sftp.statvfs("/")
                seen["disk"] = (space.blocks, space.bavail)
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["telnet"])
        writer.write(b"root\r\n")
        seen["login"] = re.search(rb"(\S+) login: ", await reader.readuntil(b"login: "))[1]  # type: ignore[index]
        writer.close()
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["http"])
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        page = await reader.read()
        seen["listing"] = re.search(rb"folder[.]gif.*?</tr>", page)[0]  # type: ignore[index]
        writer.close()
        pem = await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", running.ports["https"]))
        seen["certificate"] = pem
    seen["failure"] = persona.failure_seconds
    seen["prompt delay"] = persona.login_seconds
    return seen


async def test_nothing_that_the_doors_say_first_is_shared_by_installs_alike(sensor: Any) -> None:
    installs = [await first_words(sensor, number) for number in (1, 2, 3)]
    for what in installs[0]:
        values = [repr(seen[what]) for seen in installs]
        assert len(set(values)) == len(installs), f"{what}: {values}"
