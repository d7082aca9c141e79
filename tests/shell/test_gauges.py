# SPDX-License-Identifier: Apache-2.0
"""What a device measures agrees, wherever it is asked."""

from __future__ import annotations

from mead.shell import Shell, ShellPersona, default_personas
from mead.shell.gauges import connections, memory_now, socket_table, traffic_now


def test_memory_never_exceeds_what_there_is(persona: ShellPersona) -> None:
    for uptime in range(0, 10_000, 7):
        assert 0 < sum(memory_now(persona, float(uptime))) < persona.memory_kib


def test_traffic_grows(persona: ShellPersona) -> None:
    early, late = traffic_now(persona, "eth0", 100.0), traffic_now(persona, "eth0", 200.0)
    assert all(before < after for before, after in zip(early, late, strict=True))


def test_addresses_of_sockets_are_in_the_byte_order_of_the_machine() -> None:
    personas = {persona.name: persona for persona in default_personas()}
    peer = "192.0.2.1"
    assert b"010200C0:" in socket_table(personas["camera-armv7l"], peer)
    assert b"C0000201:" in socket_table(personas["router-mips"], peer)
    assert b":0017 00000000:0000 0A" in socket_table(personas["router-mips"], peer)
    assert b":0016 00000000:0000 0A" in socket_table(personas["server-x86_64"], "not an address")


def test_netstat_and_proc_show_the_same(persona: ShellPersona) -> None:
    shell = Shell(persona, now=lambda: persona.boot_time.replace(year=2027), peer="192.0.2.9")
    listed = shell.run(b"netstat -ant").output.decode().splitlines()[2:]
    table = shell.run(b"cat /proc/net/tcp").output.decode().splitlines()[1:]
    assert len(listed) == len(table) == len(list(connections(persona, "192.0.2.9")))
    assert "192.0.2.9:" in listed[-1]
