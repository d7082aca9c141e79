"""What we use of asyncssh's inside is still there, and nothing of this host can be reached through it."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import asyncssh
import pytest
from asyncssh.connection import SSHServerConnection

from mead.sensors.openssh import connection
from mead.sensors.openssh.connection import OpenSshConnection, options_for
from mead.sensors.openssh.hostkeys import host_keys
from mead.sensors.openssh.versions import VERSIONS

USED = (
    "_get_extra_kex_algs", "_send_ext_info", "_process_userauth_request", "send_userauth_failure",
    "validate_public_key", "reload_config", "create_server_channel", "send_packet", "_force_close",
    "_send_disconnect", "send_userauth_success", "_log_packet", "_recv_version",
)  # fmt: skip


@pytest.mark.parametrize("name", USED)
def test_what_is_replaced_or_called_exists_in_the_library(name: str) -> None:
    assert callable(getattr(SSHServerConnection, name))


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


async def test_nothing_is_forwarded_and_nobody_listens_for_the_peer(sensor: Any) -> None:
    options = {
        "known_hosts": None,
        "config": None,
        "client_keys": None,
        "username": "root",
        "password": "admin",
    }
    async with (
        sensor("ssh") as running,
        asyncssh.connect("127.0.0.1", running.ports["ssh"], **options) as peer,
    ):
        for wanted in (0, 40123):
            listener = await peer.forward_remote_port("127.0.0.1", wanted, "127.0.0.1", 1)
            assert listener.get_port() == (wanted or listener.get_port())
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection("127.0.0.1", listener.get_port())
        told = [(event.target_host, event.target_port) for event in running.events.of("tunnel.requested")]
        assert told == [("127.0.0.1", 0), ("127.0.0.1", 40123)]
        assert all(event.listen for event in running.events.of("tunnel.requested"))
        with pytest.raises(asyncssh.ChannelOpenError):
            await peer.open_unix_connection("/run/dbus/system_bus_socket")
        result = await peer.run("env | grep -c SSH_AUTH_SOCK", term_type="xterm")
        assert "1" not in result.stdout


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

    options = {
        "known_hosts": None,
        "config": None,
        "client_keys": None,
        "username": "root",
        "password": "admin",
    }
    asyncssh.connection.SSHConnection._packet_handlers = {**handlers, 2: count}
    try:
        async with sensor("ssh") as running:
            peer = await asyncssh.connect("127.0.0.1", running.ports["ssh"], client_factory=Client, **options)
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
