# SPDX-License-Identifier: Apache-2.0
"""Which program a word names, and what is not there."""

from __future__ import annotations

import pytest

from mead.shell import Executed, Offer, Shell


@pytest.mark.parametrize(
    ("line", "output", "status"),
    [
        ("nosuch", "-sh: nosuch: not found\n", 127),
        ("./nosuch", "-sh: ./nosuch: not found\n", 127),
        ("/etc/passwd", "-sh: /etc/passwd: Permission denied\n", 126),
        ("/etc", "-sh: /etc: Permission denied\n", 126),
        ("/bin/busybox nosuch", "nosuch: applet not found\n", 127),
        ("cp /bin/busybox /tmp/x; /tmp/x", "x: applet not found\n", 127),
        ("cp /bin/busybox /tmp/echo; /tmp/echo hi", "hi\n", 0),
        ("PATH=/nowhere; ls", "-sh: ls: not found\n", 127),
        ("sh nosuch", "sh: can't open 'nosuch': No such file or directory\n", 2),
        ("which ls; which nosuch", "/bin/ls\n", 1),
    ],
)
def test_a_word_names_a_program(shell: Shell, line: str, output: str, status: int) -> None:
    reply = shell.run(line.encode())
    assert (reply.output.decode(), reply.status) == (output, status)


def test_a_script_complains_with_its_line(shell: Shell) -> None:
    shell.run(b"printf '#!/bin/sh\\n\\nnosuch\\n' > /tmp/s; chmod +x /tmp/s")
    assert (
        shell.run(b"cd /tmp; ./s; sh s").output
        == b"./s: line 3: nosuch: not found\ns: line 3: nosuch: not found\n"
    )


def test_a_file_of_the_peer_is_told_when_started(shell: Shell) -> None:
    reply = shell.run(
        b"printf '#!/usr/bin/python\\nopen(\"http://192.0.2.1/p\")' > /tmp/p; chmod +x /tmp/p; /tmp/p arg"
    )
    (started,) = (effect for effect in reply.effects if isinstance(effect, Executed))
    assert (started.path, started.command) == ("/tmp/p", "/tmp/p arg")
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://192.0.2.1/p"]


def test_an_unknown_tool_that_is_given_a_place_makes_an_offer(shell: Shell) -> None:
    reply = shell.run(b"mydownloader --get http://192.0.2.1/x")
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://192.0.2.1/x"]


def test_busybox_speaks_for_itself_on_a_server(server: Shell) -> None:
    assert server.run(b"busybox ls nosuch").output == b"ls: nosuch: No such file or directory\n"
    assert server.run(b"ls nosuch").output.startswith(b"ls: cannot access 'nosuch': No such file")
    assert server.run(b"busybox ash -c nosuch").output == b"ash: nosuch: not found\n"
    assert server.run(b"sh -c nosuch").output == b"sh: 1: nosuch: not found\n"


def test_dash_has_fewer_commands_and_counts_lines(server: Shell) -> None:
    server.run(b"sh")
    assert server.run(b"source x").output == b"sh: 1: source: not found\n"
    assert server.run(b"let x=1").output == b"sh: 2: let: not found\n"
    server.run(b"for i in 1\ndo :\ndone")
    assert server.run(b"nosuch").output == b"sh: 6: nosuch: not found\n"
    server.run(b"sleep 1 &")
    assert server.run(b"sleep 2").output == b"[1] + Done                       sleep 1\n"


def test_what_dash_does_not_know_names_places_all_the_same(server: Shell) -> None:
    server.run(b"echo 'wget http://192.0.2.1/x' >/tmp/x")
    reply = server.run(b"sh -c 'source /tmp/x'")
    assert reply.output == b"sh: 1: source: not found\n"
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://192.0.2.1/x"]


def test_what_no_terminal_ends_prints_to_a_file(shell: Shell, server: Shell) -> None:
    said = shell.run(b"cd /tmp; nohup echo x; cat nohup.out")
    assert said.output == b"nohup: appending output to nohup.out\nx\n"
    said = server.run(b"cd /tmp; nohup echo x; cat nohup.out; nohup ./nosuch >/dev/null")
    assert said.output == (
        b"nohup: ignoring input and appending output to 'nohup.out'\nx\n"
        b"nohup: ignoring input and redirecting stderr to stdout\n"
        b"nohup: failed to run command './nosuch': No such file or directory\n"
    )
    assert server.run(b"nohup sh -c 'echo y' >f 2>&1 &").output.startswith(b"[1] ")
    assert server.run(b"cat f").output == b"y\n"


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        ("python3 -c 'print(\"a\\tb\")'", b"a\tb\n"),
        ("perl -e 'print \"x\\n\"; print q(y);'", b"x\n"),
        ("perl -e \"print 'x\\n'\"", b"x\\n"),
        ("python3 -c 'import os; print(\"no\")'", b""),
        ("php -r 'echo \"z\";'", b"z"),
    ],
)
def test_fixed_text_is_printed_in_any_language(server: Shell, line: str, printed: bytes) -> None:
    assert server.run(line.encode()).output == printed
