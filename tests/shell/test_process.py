# SPDX-License-Identifier: Apache-2.0
"""One shell environment."""

from __future__ import annotations

from mead.shell import Shell


def test_a_subshell_changes_nothing_outside(shell: Shell) -> None:
    process = shell._process
    copy = process.fork()
    copy.variables["x"] = "1"
    copy.cwd = "/tmp"
    copy.options.add("e")
    copy.aliases["ll"] = "ls -l"
    copy.functions["f"] = None  # type: ignore[assignment]  # any tree will do
    assert "x" not in process.variables
    assert (process.options, process.functions, process.aliases) == ({"s", "m", "i"}, {}, {})
    assert process.cwd == "/root"
    assert copy.nesting == process.nesting + 1


def test_a_detached_process_has_no_terminal(shell: Shell) -> None:
    copy = shell._process.fork()
    copy.detach()
    assert copy.stdin.read() == b""
    assert not copy.stdin.interactive


def test_variables_of_a_function_can_be_its_own(shell: Shell) -> None:
    line = b"x=1; y=1; f() { local x=2 y; y=3; echo $x$y; }; f; echo $x$y"
    assert shell.run(line).output == b"23\n11\n"


def test_only_exported_variables_reach_programs(shell: Shell) -> None:
    assert (
        shell.run(b"a=1; export b=2; echo 'echo [$a$b]' > /tmp/s; sh /tmp/s; c=3 sh -c 'echo $c'").output
        == b"[2]\n3\n"
    )
