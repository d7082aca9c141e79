"""The SSH door: logins, shells, uploads, tunnels and what the client gives away."""

from __future__ import annotations

import asyncio
import sys
from hashlib import sha256
from typing import Any

import asyncssh
import pytest

from mead.sensors.openssh.versions import VERSIONS
from mead.sensors.persona import Persona
from mead.sensors.services import ssh as ssh_door

OPTIONS = [
    "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
    "-o", "PubkeyAuthentication=no", "-F", "/dev/null",
]  # fmt: skip


def claiming(banner: str) -> Any:
    version = next(version for version in VERSIONS if banner in version.banner)

    def prepare(persona: Persona) -> None:
        persona.ssh = version
        persona.keyboard_interactive = True

    return prepare


def ssh(port: int, *argv: str, password: str = "admin") -> list[str]:
    return ["sshpass", "-p", password, "ssh", *OPTIONS, "-p", str(port), "root@127.0.0.1", *argv]


def connect(running: Any, **options: Any) -> Any:
    options = {
        "username": "root",
        "password": "admin",
        "known_hosts": None,
        "config": None,
        "client_keys": None,
        "preferred_auth": ["publickey", "password"],
    } | options
    return asyncssh.connect("127.0.0.1", running.ports["ssh"], **options)


async def test_a_command_runs_and_everything_is_recorded(sensor: Any) -> None:
    async with sensor("ssh") as running:
        async with connect(running) as peer:
            result = await peer.run("echo mead-$((40+2)); exit 3")
        assert (result.stdout, result.exit_status) == ("mead-42\n", 3)
        (closed,) = await running.events.until("session.close")
        assert running.events.of("command.input")[0].command == "echo mead-$((40+2)); exit 3"
        logins = running.events.of("login.attempt")
        assert (logins[-1].username, logins[-1].password, logins[-1].method, logins[-1].success) == (
            "root",
            "admin",
            "password",
            True,
        )
        kinds = {event.fingerprint_kind: event for event in running.events.of("client.seen")}
        assert kinds["banner"].client_version.startswith("SSH-2.0-AsyncSSH")
        assert len(kinds["hassh"].fingerprint) == 32
        assert closed.transcript in running.bodies


@pytest.mark.tool("ssh", "sshpass")
async def test_an_old_key_exchange_is_done_without_a_word_in_our_log(sensor: Any, client: Any) -> None:
    async with sensor("ssh", prepare=claiming("OpenSSH_7.4")) as running:
        argv = ssh(
            running.ports["ssh"], "-o", "KexAlgorithms=diffie-hellman-group-exchange-sha256", "echo hi"
        )
        code, out, err = await client(*argv)
        assert (code, out) == (0, b"hi\n"), err


async def test_a_shell_has_a_prompt_echo_and_an_end(sensor: Any) -> None:
    async with sensor("ssh") as running:
        async with connect(running) as peer:
            process = await peer.create_process(term_type="xterm", encoding=None)
            process.stdin.write(b"uname -r\r")
            process.stdin.write(b"exit\r")
            output = await process.stdout.read()
        assert running.host.persona.ssh.kernel.encode() in output
        assert b"uname -r\r\n" in output


async def test_lines_without_a_terminal_are_a_script(sensor: Any) -> None:
    async with sensor("ssh") as running:
        async with connect(running) as peer:
            result = await peer.run(input="echo one\ncd /tmp\npwd\n")
        assert result.stdout == "one\n/tmp\n"


async def test_standard_input_of_a_command_is_a_body(sensor: Any, elf: Any) -> None:
    async with sensor("ssh") as running:
        async with connect(running) as peer:
            await peer.run("cat > /tmp/upload", input=elf, encoding=None)
        await running.events.until("session.close")
        (event,) = running.events.of("sample.captured")
        assert running.body(event) == elf


async def test_sftp_puts_bodies_and_sees_only_the_emulated_files(
    sensor: Any, elf: Any, tmp_path: Any
) -> None:
    local = tmp_path / "local"
    local.write_bytes(elf)
    async with sensor("ssh") as running:
        async with connect(running) as peer, peer.start_sftp_client() as sftp:
            await sftp.put(str(local), "/tmp/sent")
            assert max(await sftp.listdir("/tmp")) == "sent"
            assert (await sftp.stat("/tmp/sent")).size == len(elf)
            await sftp.get("/tmp/sent", str(tmp_path / "back"))
            assert not await sftp.exists(str(local))
            await sftp.mkdir("/tmp/d")
            await sftp.rename("/tmp/sent", "/tmp/d/moved")
            await sftp.symlink("/tmp/d/moved", "/tmp/l")
            assert await sftp.readlink("/tmp/l") == "/tmp/d/moved"
            await sftp.chmod("/tmp/d/moved", 0o755)
            assert (await sftp.stat("/tmp/l")).permissions & 0o777 == 0o755
            await sftp.remove("/tmp/l")
            with pytest.raises(asyncssh.SFTPError):
                await sftp.rmdir("/tmp/d")
            names = [entry.longname for entry in await sftp.readdir("/tmp/d")]
            assert any("root" in name and "moved" in name for name in names)
            assert (await sftp.statvfs("/")).bsize == 4096
        await running.events.until("session.close")
        assert (tmp_path / "back").read_bytes() == elf
        (event,) = running.events.of("sample.captured")
        assert (event.how, event.sha256, event.name) == ("sftp", sha256(elf).hexdigest(), "sent")


async def test_a_file_written_out_of_order_is_kept_whole(sensor: Any, elf: Any) -> None:
    async with sensor("ssh") as running:
        async with (
            connect(running) as peer,
            peer.start_sftp_client() as sftp,
            sftp.open("/tmp/x", "wb") as file,
        ):
            await file.seek(1000)
            await file.write(elf[1000:])
            await file.seek(0)
            await file.write(elf[:1000])
        await running.events.until("session.close")
        (event,) = running.events.of("sample.captured")
        assert running.body(event) == elf


async def test_a_tunnel_is_recorded_and_leads_nowhere(sensor: Any) -> None:
    listener = await asyncio.start_server(lambda r, w: pytest.fail("the sensor connected"), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    async with listener, sensor("ssh") as running:
        async with connect(running) as peer:
            _reader, writer = await peer.open_connection("127.0.0.1", port)
            writer.write(b"EHLO spam.example\r\n")
            await asyncio.sleep(0.1)
            await peer.open_connection("mail.example", 25)
        await running.events.until("session.close")
        first, second = running.events.of("tunnel.requested")
        by_port = {event.target_port: event for event in (first, second)}
        assert running.bodies[by_port[port].sha256] == b"EHLO spam.example\r\n"
        assert (by_port[25].target_host, by_port[25].size) == ("mail.example", 0)


@pytest.mark.parametrize("method", ["publickey", "keyboard-interactive", "none"])
async def test_every_way_to_log_in_is_recorded(sensor: Any, method: str) -> None:
    options: dict[str, object] = {"preferred_auth": [method], "password": "nothing"}
    if method == "publickey":
        options["client_keys"] = [asyncssh.generate_private_key("ssh-ed25519")]
    async with sensor("ssh", prepare=claiming("8.9p1")) as running:
        with pytest.raises(asyncssh.PermissionDenied):
            await connect(running, **options)
        await running.events.until("session.close")
        methods = [event.method for event in running.events.of("login.attempt")]
        assert method in methods
        if method == "publickey":
            assert running.events.of("login.attempt")[-1].key_fingerprint.startswith("SHA256:")


async def test_a_key_that_was_installed_opens_the_door_later(sensor: Any) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    public = key.export_public_key().decode().strip()
    async with sensor("ssh") as running:
        async with connect(running) as peer:
            await peer.run(f"mkdir -p /root/.ssh; echo '{public}' >> /root/.ssh/authorized_keys")
        async with connect(running, client_keys=[key], password=None) as peer:
            assert (await peer.run("echo in")).stdout == "in\n"
        assert running.events.of("login.attempt")[-1].success


async def test_too_many_wrong_passwords_end_it_as_sshd_does(sensor: Any) -> None:
    class Guesser(asyncssh.SSHClient):
        guesses = 0

        def password_auth_requested(self) -> str:
            Guesser.guesses += 1
            return f"guess-{Guesser.guesses}"

    async with sensor("ssh") as running:
        with pytest.raises(asyncssh.DisconnectError, match="Too many authentication failures"):
            await connect(running, username="nosuchuser", password=None, client_factory=Guesser)
        attempts = [event for event in running.events.of("login.attempt") if event.method == "password"]
        assert [event.password for event in attempts] == [f"guess-{n}" for n in range(1, 7)]


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", b"Invalid SSH identification string.\r\n"),
        (b"SSH-1.5-old\r\n", b"Protocol major versions differ.\n"),
        (b"\x16\x03\x01" + b"A" * 9000, b"Invalid SSH identification string.\r\n"),
    ],
)
async def test_a_peer_that_speaks_something_else_hears_what_sshd_says(
    bench: Any, sent: bytes, answer: bytes
) -> None:
    b = bench("ssh", port=22)
    banner = b.open()
    assert banner == b"SSH-2.0-" + b.persona.ssh.banner.encode() + b"\r\n"
    assert b.send(sent) == answer
    assert b.closed
    await b.finish()


@pytest.mark.parametrize(("banner", "refused"), [("9.2p1", True), ("OpenSSH_7.4", False)])
@pytest.mark.parametrize("line", [b"SSH-2.0-bad\x00name\r\n", b"SSH-2.0-bad\rname\r\n"])
async def test_a_zero_in_an_identification_is_refused_as_sshd_of_that_version_does(
    bench: Any, banner: str, refused: bool, line: bytes
) -> None:
    b = bench("ssh", port=22, live=False)
    claiming(banner)(b.persona)
    b.open()
    assert (b.send(line) == b"Invalid SSH identification string.\r\n") is refused
    await b.finish()


@pytest.mark.tool("nc")
async def test_the_key_exchange_offer_is_that_of_the_claimed_version(sensor: Any) -> None:
    from mead.wire.ssh import SshKexInit, SshReader

    for banner in ("8.4p1", "OpenSSH_7.4", "9.6p1"):
        async with sensor("ssh", prepare=claiming(banner)) as running:
            version = running.host.persona.ssh
            reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["ssh"])
            writer.write(b"SSH-2.0-probe\r\n")
            core, found = SshReader(), None
            async with asyncio.timeout(5):
                while found is None:
                    for item in core.receive(await reader.read(4096)):
                        found = item if isinstance(item, SshKexInit) else found
            writer.close()
            assert found.kex.decode().split(",") == list(version.kex)
            assert found.host_key.decode().split(",") == list(version.host_keys)
            assert found.encryption_to_client.decode().split(",") == list(version.ciphers)
            assert found.mac_to_client.decode().split(",") == list(version.macs)
            assert found.compression_to_client == b"none,zlib@openssh.com"


@pytest.mark.tool("ssh", "sshpass")
@pytest.mark.parametrize("banner", [version.banner for version in VERSIONS])
async def test_openssh_logs_in_to_every_version_that_we_claim(sensor: Any, client: Any, banner: str) -> None:
    async with sensor("ssh", prepare=claiming(banner)) as running:
        code, out, err = await client(*ssh(running.ports["ssh"], "echo $((6*7)); false"))
        assert (code, out) == (1, b"42\n"), err
        await running.events.until("session.close")


@pytest.mark.tool("ssh", "sshpass")
async def test_openssh_does_the_post_quantum_exchange(sensor: Any, client: Any) -> None:
    async with sensor("ssh", prepare=claiming("9.2p1 Debian-2+deb12u3")) as running:
        argv = ssh(running.ports["ssh"], "echo ok")
        argv[argv.index("ssh") + 1 : 0] = []
        argv.insert(argv.index("ssh") + 1, "-v")
        argv = [word if word != "LogLevel=ERROR" else "LogLevel=DEBUG" for word in argv]
        code, _out, err = await client(*argv, "-o", "KexAlgorithms=sntrup761x25519-sha512@openssh.com")
        assert code == 0, err
        assert b"kex: algorithm: sntrup761x25519-sha512@openssh.com" in err


@pytest.mark.tool("scp", "sshpass")
@pytest.mark.parametrize("how", ["scp", "scp -O", "sftp", "stdin"])
async def test_openssh_uploads_arrive_whole(
    sensor: Any, client: Any, elf: Any, tmp_path: Any, how: str
) -> None:
    local = tmp_path / "bot.arm7"
    local.write_bytes(elf)
    async with sensor("ssh") as running:
        port = str(running.ports["ssh"])
        prefix, target = ["sshpass", "-p", "admin"], "root@127.0.0.1"
        if how == "stdin":
            code, _, err = await client(*ssh(running.ports["ssh"], "cat > /tmp/bot.arm7"), stdin=elf)
        elif how == "sftp":
            argv = [*prefix, "sftp", *OPTIONS, "-P", port, "-b", "-", target]
            argv[argv.index("-b") - 0 : argv.index("-b") + 2] = ["-o", "BatchMode=no", "-b", "-"]
            code, _, err = await client(*argv, stdin=f"put {local} /tmp/bot.arm7\n".encode())
        else:
            code, _, err = await client(
                *prefix, *how.split(), *OPTIONS, "-P", port, str(local), f"{target}:/tmp/bot.arm7"
            )
        assert code == 0, err
        await running.events.until("session.close")
        (event,) = running.events.of("sample.captured")
        assert (event.sha256, event.size) == (sha256(elf).hexdigest(), len(elf))
        assert running.events.of("file.uploaded")[0].path == "/tmp/bot.arm7"


@pytest.mark.tool("ssh-audit")
async def test_ssh_audit_sees_the_claimed_version(sensor: Any, client: Any) -> None:
    async with sensor("ssh", prepare=claiming("8.4p1")) as running:
        _, out, _ = await client("ssh-audit", "-n", "-p", str(running.ports["ssh"]), "127.0.0.1", seconds=60)
        seen = out.decode()
        version = running.host.persona.ssh
        assert version.banner in seen
        for name in (*version.kex, *version.ciphers, *version.macs, *version.host_keys):
            if not name.startswith("kex-strict"):
                assert name in seen, name


async def test_host_keys_are_made_once(sensor: Any, tmp_path: Any) -> None:
    seen = []
    for _ in range(2):
        async with sensor("ssh", directory=tmp_path) as running, connect(running) as peer:
            seen.append(peer.get_server_host_key().export_public_key())
    assert seen[0] == seen[1]
    assert sys.getsizeof(seen[0]) > 0


async def test_hostile_bytes_after_the_banner_end_only_their_own_connection(sensor: Any) -> None:
    async with sensor("ssh") as running:
        for data in (
            b"SSH-2.0-x\r\n" + bytes(range(256)) * 200,
            b"SSH-2.0-x\r\n\x00\x00\x00\x0c\x0a\x14" + b"\xff" * 40,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["ssh"])
            writer.write(data)
            writer.write_eof()
            async with asyncio.timeout(5):
                while await reader.read(4096):
                    pass
            writer.close()
        async with connect(running) as peer:
            assert (await peer.run("echo alive")).stdout == "alive\n"
        assert running.events.of("loss.counted") == []


async def test_packets_of_one_moment_leave_together_and_before_the_end(bench: Any) -> None:
    b = bench("ssh", port=22)
    transport = ssh_door._Transport(b.context)
    for data in (b"SSH-2.0-ours\r\n", b"one", b"two"):
        transport.write(data)
    assert b.link.sent == []
    await asyncio.sleep(0)
    assert b.link.sent == [b"onetwo"]
    transport.write(b"last")
    transport.close()
    assert b.link.sent[-1] == b"last"
    assert b.link.closed == "closed by the service"
    await asyncio.sleep(0)
    assert len(b.link.sent) == 2
