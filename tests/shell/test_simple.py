# SPDX-License-Identifier: Apache-2.0
"""Simple commands."""

from __future__ import annotations

from collections.abc import Callable

from mead.shell import Shell


def test_assignments_in_front_of_a_command_are_its_own(say: Callable[[str], str]) -> None:
    assert say("x=1; x=2 env | grep ^x=; echo $x; x=3 :; echo $x") == "x=2\n1\n3\n"


def test_a_fault_gives_up_the_line_and_no_more(shell: Shell) -> None:
    assert shell.run(b"echo a; : ${x?gone}; echo b").output == b"a\n-sh: x: gone\n"
    assert not shell.closed
    assert shell.run(b"echo $?").output == b"2\n"
    alone = Shell(shell.persona, now=shell.machine.now, interactive=False)
    assert alone.run(b": ${x?gone}; echo b").status == 2
    assert alone.closed


def test_the_trace_shows_words_as_they_are_run(say: Callable[[str], str]) -> None:
    assert say("set -x; echo 'a b' c=d; set +x") == "+ echo 'a b' 'c=d'\na b c=d\n+ set +x\n"
