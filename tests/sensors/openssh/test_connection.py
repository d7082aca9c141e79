"""What we use of asyncssh's inside is still there, and nothing of this host can be reached through it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncssh
import pytest
from asyncssh.channel import SSHServerChannel
from asyncssh.connection import SSHServerConnection
from asyncssh.packet import Boolean, String, UInt32

from mead.sensors.openssh import connection
from mead.sensors.openssh.connection import OpenSshConnection, options_for
from mead.sensors.openssh.hostkeys import host_keys
from mead.sensors.openssh.versions import VERSIONS

USED = (
    "_get_extra_kex_algs", "_send_ext_info", "_process_userauth_request", "send_userauth_failure",
    "validate_public_key", "reload_config", "create_server_channel", "send_packet", "_force_close",
    "_send_disconnect", "send_userauth_success", "_log_packet", "_recv_version", "_finish_port_forward",
    "_finish_path_forward", "_process_cancel_tcpip_forward_global_request", "_report_global_response",
)  # fmt: skip
USED_OF_CHANNELS = (
    "_process_exec_request", "_process_env_request", "_finish_x11_req_request", "_finish_agent_req_request",
    "_start_session",
)  # fmt: skip


@pytest.mark.parametrize("name", USED)
def test_what_is_replaced_or_called_exists_in_the_library(name: str) -> None:
    assert callable(getattr(SSHServerConnection, name))


@pytest.mark.parametrize("name", USED_OF_CHANNELS)
def test_what_is_replaced_of_a_channel_exists_in_the_library(name: str) -> None:
    assert callable(getattr(SSHServerChannel, name))


def test_login_requests_come_to_our_own_code() -> None:
    assert OpenSshConnection._packet_handlers[50] is OpenSshConnection._process_userauth_request
    assert OpenSshConnection._packet_handlers[50] is not SSHServerConnection._packet_handlers[50]


def test_nothing_of_this_host_is_offered(bench: Any) -> None:
    options = options_for(VERSIONS[0], host_keys(bench("ssh").persona, VERSIONS[0]), asyncssh.SSHServer)
    assert not options.agent_forwarding
    assert not options.x11_forwarding
    assert options.process_factory is None
    assert options.session_factory is None
    assert options.sftp_factory is None


CLIENT = {"known_hosts": None, "config": None, "client_keys": None, "username": "root", "password": "admin"}


async def test_nothing_is_forwarded_and_nobody_listens_for_the_peer(sensor: Any) -> None:
    async with (
        sensor("ssh") as running,
        asyncssh.connect("127.0.0.1", running.ports["ssh"], **CLIENT) as peer,
    ):
        for wanted in (0, 40123):
            listener = await peer.forward_remote_port("127.0.0.1", wanted, "127.0.0.1", 1)
            assert listener.get_port() == (wanted or listener.get_port())
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", listener.get_port())
        told = [(event.target_host, event.target_port) for event in running.events.of("tunnel.requested")]
        assert told == [("127.0.0.1", 0), ("127.0.0.1", 40123)]
        assert all(event.listen for event in running.events.of("tunnel.requested"))
        with pytest.raises(asyncssh.ChannelOpenError, match="open failed"):
            await peer.open_unix_connection("/run/dbus/system_bus_socket")
        result = await peer.run("env | grep -c SSH_AUTH_SOCK", term_type="xterm")
        assert "1" not in result.stdout
    (path,) = [event for event in running.events.of("tunnel.requested") if not event.listen]
    assert (path.target_host, path.target_port) == ("/run/dbus/system_bus_socket", 0)


async def test_what_comes_too_late_or_for_nothing_is_no_failure_of_ours(sensor: Any) -> None:
    """Requests whose peer is gone before the answer, a listener that never was, another login."""
    forward = [String(b"tcpip-forward"), Boolean(True), String(b""), UInt32(0)]
    path = [String(b"streamlocal-forward@openssh.com"), Boolean(True), String(b"/tmp/s")]
    late = [
        [(80, forward), (80, path), (21, [])],
        [(98, [UInt32(0), String(b"auth-agent-req@openssh.com"), Boolean(True)]), (97, [UInt32(0)])],
        [(98, [UInt32(0), String(b"x11-req"), Boolean(True), b"\0", String(b"a") * 2, UInt32(0)])],
    ]
    async with sensor("ssh") as running:
        for messages in late:
            peer = await asyncssh.connect("127.0.0.1", running.ports["ssh"], **CLIENT)
            await peer.create_session(asyncssh.SSHClientSession, encoding=None)
            sent: list[bytes] = []
            transport = peer._transport
            peer._transport = type("Together", (), {"write": staticmethod(sent.append), "is_closing": bool})()
            for kind, parts in [*messages, (21, [])]:  # the last one is a mistake that ends the connection
                peer.send_packet(kind, *parts)
            peer._transport = transport
            transport.write(b"".join(sent))
            await peer.wait_closed()
        async with asyncssh.connect("127.0.0.1", running.ports["ssh"], **CLIENT) as peer:
            cancel = [String(b"127.0.0.1"), UInt32(1)]
            kind, _ = await peer._make_global_request(b"cancel-tcpip-forward", *cancel)
            assert kind == 82
            peer.send_packet(50, String("root"), String("ssh-connection"), String("none"))
            assert (await peer.run("echo here")).stdout == "here\n"
        assert running.events.of("loss.counted") == []


async def test_of_the_environment_only_what_sshd_takes_is_taken(sensor: Any) -> None:
    async with (
        sensor("ssh") as running,
        asyncssh.connect("127.0.0.1", running.ports["ssh"], **CLIENT) as peer,
    ):
        channel, _ = await peer.create_session(asyncssh.SSHClientSession, encoding=None)
        names = (b"LANG", b"LC_ALL", b"LANGUAGE", b"LD_PRELOAD", *(b"LC_%d" % n for n in range(130)))
        value = String(b"x" * 9000)
        answers = [await channel._make_request(b"env", String(name), value) for name in names]
        assert answers[:4] == [True, True, False, False]
        assert sum(answers) == 128


async def test_no_ignore_packets_are_sent_before_each_other(sensor: Any) -> None:
    seen: list[int] = []

    class Client(asyncssh.SSHClient):
        def debug_msg_received(self, msg: str, lang: str, always_display: bool) -> None:
            seen.append(4)

    original = asyncssh.connection.SSHConnection._process_ignore
    handlers = asyncssh.connection.SSHConnection._packet_handlers

    def count(self: Any, *args: Any) -> Any:
        seen.append(2)
        return original(self, *args)

    asyncssh.connection.SSHConnection._packet_handlers = {**handlers, 2: count}
    try:
        async with sensor("ssh") as running:
            peer = await asyncssh.connect("127.0.0.1", running.ports["ssh"], client_factory=Client, **CLIENT)
            await peer.run("id")
            peer.close()
            await peer.wait_closed()
    finally:
        asyncssh.connection.SSHConnection._packet_handlers = handlers
    assert seen == []


def test_of_the_librarys_own_log_only_warnings_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    quiet = connection._QUIET.get_child("child", "context")
    quiet.info("Auth for user %s succeeded", "root")
    quiet.debug1("Sending version %s", b"SSH-2.0-x")
    quiet.warning("something odd: %s", b"\xff")
    assert [record.getMessage() for record in caplog.records] == ["something odd: \\xff"]


async def test_a_peer_may_call_itself_what_it_likes(sensor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sshd exchanges keys with such a peer too; the exchange hash holds the bytes that were sent."""
    sent = b"SSH-2.0-caf\xe9 \xff\x80"

    def send(self: Any) -> None:
        self._client_version = sent
        self._send(sent + b"\r\n")

    monkeypatch.setattr(asyncssh.SSHClientConnection, "_send_version", send, raising=False)
    options = {"known_hosts": None, "config": None, "client_keys": None, "username": "root"}
    async with sensor("ssh") as running:
        async with asyncssh.connect("127.0.0.1", running.ports["ssh"], password="admin", **options) as peer:
            assert (await peer.run("echo ok")).stdout == "ok\n"
        seen = (await running.events.until("client.seen"))[0]
        assert seen.client_version == "SSH-2.0-caf\\xe9 \\xff\\x80"
