"""Binding says what is wrong; privileges are gone for good."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from mead.errors import ConfigError
from mead.sensors.listeners import bind, drop_privileges


def test_a_port_in_use_is_named_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"sensor\.services\.telnet: port {port} on 127\.0\.0\.1 is in use.*ss -ltnp"
        ):
            bind(["127.0.0.1"], {"telnet": [port]})


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(ConfigError, match=r"203\.0\.113\.7.*ip address"):
        bind(["203.0.113.7"], {"ssh": [0]})


def test_nothing_to_listen_on_is_an_error() -> None:
    with pytest.raises(ConfigError, match="nothing to listen on"):
        bind(["127.0.0.1"], {})


def test_several_processes_share_the_ports() -> None:
    sets = bind(["127.0.0.1", "::1"], {"telnet": [0], "ssh": [0]}, copies=3)
    try:
        texts = [[door.text for door in doors] for doors in sets]
        assert len(texts) == 3
        assert texts[0] == texts[1] == texts[2]
        assert any("[::1]" in text for text in texts[0]) or len(texts[0]) == 2
    finally:
        for doors in sets:
            for door in doors:
                door.socket.close()


@pytest.mark.root
def test_privileges_do_not_come_back() -> None:
    child = os.fork()
    if child == 0:
        drop_privileges("nobody")
        try:
            os.setuid(0)
        except PermissionError:
            status = Path("/proc/self/status").read_text()
            clean = "NoNewPrivs:\t1" in status and "CapEff:\t0000000000000000" in status
            os._exit(0 if clean and os.geteuid() != 0 and os.getgroups() == [] else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.root
def test_an_unknown_user_is_named() -> None:
    with pytest.raises(ConfigError, match="no user 'mead-nobody-here'"):
        drop_privileges("mead-nobody-here")
