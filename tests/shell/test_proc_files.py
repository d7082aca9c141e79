# SPDX-License-Identifier: Apache-2.0
"""/proc says what kind of device it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from mead.shell import Shell, ShellPersona, default_personas


@pytest.mark.parametrize("persona", default_personas(), ids=lambda persona: persona.name)
def test_numbers_agree_and_move_on(persona: ShellPersona) -> None:
    now = [persona.boot_time + timedelta(days=40)]
    shell = Shell(persona, now=lambda: now[0], interactive=False)

    def ask(line: str) -> str:
        return shell.run(line.encode()).output.decode()

    first = float(ask("cat /proc/uptime").split()[0])
    received = int(ask("cat /proc/net/dev").splitlines()[-1].split()[1])
    now[0] += timedelta(minutes=10)
    assert float(ask("cat /proc/uptime").split()[0]) == pytest.approx(first + 600)
    assert int(ask("cat /proc/net/dev").splitlines()[-1].split()[1]) > received
    assert ask("grep -c ^cpu[0-9] /proc/stat") == f"{persona.cpus}\n"
    assert f"{persona.address.rpartition('.')[0]}.1 " in ask("cat /proc/net/arp")
    assert len(ask("cat /proc/net/route").splitlines()) == 3
    assert ask("ls -l /proc/mounts").endswith("/proc/mounts -> self/mounts\n")


@pytest.mark.parametrize("persona", default_personas(), ids=lambda persona: persona.name)
def test_mounts_stand_in_one_order(persona: ShellPersona) -> None:
    shell = Shell(persona, now=lambda: persona.boot_time.replace(year=2027), interactive=False)
    listed = [line.split() for line in shell.run(b"cat /proc/mounts").output.decode().splitlines()]
    assert [entry[1] for entry in listed] == [mount.point for mount in persona.mounts]
    shown = shell.run(b"mount").output.decode().splitlines()
    assert [line.split()[2] for line in shown] == [entry[1] for entry in listed]


def test_a_flash_chip_is_only_where_one_is(shell: Shell, server: Shell) -> None:
    assert b"mtd0: 00040000 00010000" in shell.run(b"cat /proc/mtd").output
    assert server.run(b"cat /proc/mtd").status == 1
    assert b"sda1" in server.run(b"cat /proc/partitions").output


def test_files_of_the_kernel_have_no_size(shell: Shell) -> None:
    assert shell.run(b"ls -l /proc/cpuinfo").output.split()[4] == b"0"
    assert int(shell.run(b"wc -c </proc/cpuinfo").output) > 100
