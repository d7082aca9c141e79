# SPDX-License-Identifier: Apache-2.0
"""The built-in devices."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256

import pytest
from tests.shell.conftest import NOW, PERSONAS, make

from mead.shell import Shell, ShellPersona, default_personas
from mead.shell.machines import ARCHITECTURES


def test_there_is_a_device_for_every_architecture_that_bots_ask_for() -> None:
    personas = default_personas()
    assert len(personas) >= 10
    wanted = {"armv7l", "aarch64", "mips", "mipsel", "x86_64", "i686", "ppc", "sh4"}
    assert {persona.architecture for persona in personas} == wanted
    assert wanted <= set(ARCHITECTURES)
    assert len({persona.name for persona in personas}) == len(personas)


def test_boot_times_lie_before_now_and_differ() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    boots = [persona.boot_time for persona in default_personas(b"x", now=now)]
    assert all(boot < now for boot in boots)
    assert len(set(boots)) == len(boots)
    assert boots != [persona.boot_time for persona in default_personas(b"y", now=now)]


@pytest.mark.parametrize("persona", PERSONAS.values(), ids=list(PERSONAS))
def test_the_first_bytes_of_a_program_are_those_of_its_processor(persona: ShellPersona) -> None:
    shell = make(persona.name, interactive=False)
    header = shell.run(b"dd bs=52 count=1 if=/bin/echo 2>/dev/null || cat /bin/echo").output
    wanted = ARCHITECTURES[persona.architecture]
    assert header[:4] == b"\x7fELF"
    assert int.from_bytes(header[18:20], "little" if wanted.little_endian else "big") == wanted.machine
    whole = shell.run(b"cat /bin/busybox").output
    assert shell.run(b"sha256sum /bin/busybox").output.split()[0].decode() == sha256(whole).hexdigest()
    assert b"BusyBox v" in whole


def test_two_installs_share_no_number() -> None:
    asked = (
        b"cat /proc/cpuinfo",
        b"ifconfig eth0",
        b"cat /etc/shadow",
        b"ps",
        b"free",
        b"head -c 16 /dev/urandom",
        b"uptime",
    )
    one, two = (
        [shell.run(line).output for line in asked]
        for shell in (Shell(default_personas(seed)[4], now=lambda: NOW) for seed in (b"one", b"two"))
    )
    assert not [line for line, a, b in zip(asked, one, two, strict=True) if a == b]


def test_the_server_speaks_as_bash_does() -> None:
    shell = make("server-x86_64")
    for line, output in (
        (b"nosuch", b"-bash: nosuch: command not found\n"),
        (b"./nosuch", b"-bash: ./nosuch: No such file or directory\n"),
        (b"cd /nosuch", b"-bash: cd: /nosuch: No such file or directory\n"),
        (b"cat nosuch", b"cat: nosuch: No such file or directory\n"),
        (b"rm nosuch", b"rm: cannot remove 'nosuch': No such file or directory\n"),
        (b"ls nosuch", b"ls: cannot access 'nosuch': No such file or directory\n"),
        (b"> /proc/x", b"-bash: /proc/x: No such file or directory\n"),
        (b"busybox NOPE", b"NOPE: applet not found\n"),
        (b"whoami", b"root\n"),
    ):
        assert shell.run(line).output == output
