# SPDX-License-Identifier: Apache-2.0
"""Compound commands that are stopped, left and cut off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from mead.shell import Limit, Shell


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("d(){ d|d & };d", "nesting"),
        ("while :; do :; done", "steps_per_line"),
        ("until false; do x=$((x+1)); done", "steps_per_line"),
        ("f() { f; }; f", "nesting"),
        ("yes | cat", "endless_output"),
        ("cat /dev/urandom", "endless_output"),
        ("cat /dev/urandom > /dev/mtdblock0 &", "endless_output"),
        ("dd if=/dev/urandom of=/dev/mtdblock0", "endless_output"),
        ("x=aaaa; while :; do x=$x$x; done", "word_bytes"),
        ("x=aaaa; while :; do x=${x//a/aa}; done", "word_bytes"),
        ("for i in /*/*; do for j in /*/*; do echo $i $j; done; done", "steps_per_line"),
        ("seq 1 99999999999", "steps_per_line"),
        ("set $(seq 30000)", "words"),
        ("awk 'BEGIN{while(1)x=x \"aaaaaaaaaaaaa\"}'", "steps_per_line"),
        ("sed ':a;s/a/aa/;ba' /etc/passwd", "steps_per_line"),
    ],
)
def test_what_never_ends_is_ended(
    shell: Shell, line: str, name: str, costs_less: Callable[[float], AbstractContextManager[None]]
) -> None:
    with costs_less(1):
        reply = shell.run(line.encode())
    assert name in {effect.name for effect in reply.effects if isinstance(effect, Limit)}
    assert shell.run(b"echo alive").output == b"alive\n"


def test_a_pipe_that_is_cut_gives_what_it_holds(shell: Shell) -> None:
    assert shell.run(b"yes | head -n 2").output == b"y\ny\n"


def test_a_failing_command_ends_a_script_that_wants_it(shell: Shell) -> None:
    assert (
        shell.run(b"sh -c 'set -e; if false; then :; fi; false || true; false; echo no'; echo $?").output
        == b"1\n"
    )
