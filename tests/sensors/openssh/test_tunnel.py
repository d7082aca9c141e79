"""Tunnels are recorded, whoever ends them, and lead nowhere."""

from __future__ import annotations

from typing import Any

from mead.sensors.openssh.tunnel import NoListener, Tunnel


async def test_what_is_sent_into_a_tunnel_is_kept_up_to_a_bound_and_told_once(bench: Any) -> None:
    b = bench("ssh", port=22)
    tunnel = Tunnel(b.context, "mail.example", 25)
    tunnel.data_received(b"EHLO x\r\n")
    tunnel.data_received(b"A" * (1 << 18))
    tunnel.tell()
    tunnel.connection_lost(None)
    await b.desk.drain(5)
    (told,) = b.events.of("tunnel.requested")
    assert (told.target_host, told.target_port, told.listen, told.size) == (
        "mail.example",
        25,
        False,
        1 << 18,
    )
    assert b.bodies[told.sha256].startswith(b"EHLO x\r\nAAAA")
    assert b.events.of("limit.reached")[0].limit == "max_tunnel_bytes"


async def test_an_empty_tunnel_is_told_without_a_body(bench: Any) -> None:
    b = bench("ssh", port=22)
    Tunnel(b.context, "192.0.2.9", 80).tell()
    (told,) = b.events.of("tunnel.requested")
    assert (told.sha256, told.size) == (None, 0)
    assert b.bodies == {}


def test_a_port_that_the_peer_leaves_to_us_is_one_that_linux_would_give(bench: Any) -> None:
    ports = {NoListener(bench("ssh", seed=bytes([n]) * 32).persona, 1).get_port() for n in range(20)}
    assert len(ports) > 10
    assert all(32768 <= port <= 60999 for port in ports)
