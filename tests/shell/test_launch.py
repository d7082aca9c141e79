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
