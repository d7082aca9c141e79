# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""How a session begins."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mead.shell import Shell, default_personas


@pytest.mark.parametrize(
    ("name", "user", "prompt", "home"),
    [
        ("camera-armv7l", "root", b"~ # ", b"/root"), ("router-mips", "root", b"# ", b"/root"),
        ("router-mipsel", "root", b"root@OpenWrt:~# ", b"/root"), ("server-x86_64", "admin", b"admin@srv01:~$ ", b"/home/admin"),
    ],
)  # fmt: skip
def test_each_device_has_its_prompt(name: str, user: str, prompt: bytes, home: bytes) -> None:
    persona = next(persona for persona in default_personas(b"t") if persona.name == name)
    shell = Shell(persona, now=lambda: datetime(2026, 1, 2, tzinfo=UTC), username=user)
    assert shell.prompt == prompt
    assert shell.run(b"echo $HOME $-").output == home + (b" himBHs\n" if persona.gnu else b" smi\n")


def test_a_command_alone_has_no_terminal(shell: Shell) -> None:
    alone = Shell(shell.persona, now=shell.machine.now, interactive=False)
    assert alone.run(b"echo $0 $-; tty; nosuch").output == b"sh c\nnot a tty\nsh: nosuch: not found\n"
    assert not alone.closed
    assert alone.run(b"exit 3; echo no").closed
