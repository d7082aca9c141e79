# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""The files that a device comes with."""

from __future__ import annotations

import pytest

from mead.shell import Shell, ShellPersona, default_personas
from mead.shell.machines import ARCHITECTURES
from mead.shell.proc_files import kernel_line
from mead.shell.system_files import base_tree, program


@pytest.mark.parametrize("persona", default_personas(), ids=lambda persona: persona.name)
def test_a_device_has_what_bots_look_at(persona: ShellPersona) -> None:
    shell = Shell(persona, now=lambda: persona.boot_time.replace(year=2027))
    for path in (
        "/proc/cpuinfo", "/proc/mounts", "/proc/version", "/proc/self/exe", "/proc/self/cmdline", "/etc/passwd", "/etc/shadow",
        "/bin/busybox", "/bin/echo", "/proc/1/cmdline", "/proc/uptime", "/proc/meminfo", "/proc/loadavg", "/proc/net/tcp", "/etc/issue",
    ):  # fmt: skip
        assert shell.run(f"cat {path}".encode()).output, path
    assert shell.run(b"cat /proc/self/exe | head -c 4").output == b"\x7fELF"
    assert shell.run(b"echo $(cat /proc/version)").output.decode().split() == kernel_line(persona).split()


def test_the_tree_is_shared_and_never_changed(persona: ShellPersona) -> None:
    tree = base_tree(persona)
    shell = Shell(persona, now=lambda: persona.boot_time)
    shell.run(b"rm -rf /* 2>/dev/null; echo x > /new; mkdir /bin")
    assert base_tree(persona) is tree
    assert "new" not in tree.children
    assert "busybox" in tree.children["bin"].children


def test_programs_are_the_same_each_time(persona: ShellPersona) -> None:
    assert program(persona, "busybox") == program(persona, "busybox")
    assert program(persona, "busybox") != program(default_personas(b"other")[0], "busybox")


def test_extra_files_are_there(persona: ShellPersona) -> None:
    from dataclasses import replace

    shell = Shell(
        replace(persona, extra_files={"/mnt/mtd/Config/passwd": b"secret\n"}), now=lambda: persona.boot_time
    )
    assert shell.run(b"cat /mnt/mtd/Config/passwd").output == b"secret\n"


@pytest.mark.parametrize("persona", default_personas(), ids=lambda persona: persona.name)
@pytest.mark.parametrize("path", ["/bin/echo", "/bin/ls", "/bin/busybox", "/bin/sh", "/proc/self/exe"])
def test_every_way_to_read_a_program_agrees(persona: ShellPersona, path: str) -> None:
    shell = Shell(persona, now=lambda: persona.boot_time.replace(year=2027), interactive=False)

    def ask(line: str) -> bytes:
        return shell.run(line.encode()).output

    architecture = ARCHITECTURES[persona.architecture]
    whole = ask(f"cat {path}")
    assert whole[:4] == b"\x7fELF"
    order = "little" if architecture.little_endian else "big"
    assert int.from_bytes(whole[18:20], order) == architecture.machine
    assert ask(f"dd if={path} bs=52 count=1 2>/dev/null") == ask(f"head -c 52 {path}") == whole[:52]
    sizes = [f"wc -c < {path}", f"stat -L -c %s {path}", f"ls -lL {path} | awk '{{print $5}}'"]
    assert {int(ask(line)) for line in sizes} == {len(whole)}
