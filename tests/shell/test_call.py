# SPDX-License-Identifier: Apache-2.0
"""A call: options as getopt finds them, input as commands want it."""

from __future__ import annotations

import pytest

from mead.shell import Shell
from mead.shell.call import Call, UsageError
from mead.shell.streams import Source
from mead.shell.vfs import PathError


def call(shell: Shell, *argv: str) -> Call:
    return Call(list(argv), shell._process, shell._interpreter)


def test_options_and_operands_are_told_apart(shell: Shell) -> None:
    options = call(
        shell, "x", "-ab", "-ofile", "-o", "last", "one", "--name=v", "--flag", "--", "-z"
    ).options("abo:", {"name": "n:", "flag": "f"})
    assert options.operands == ["one", "-z"]
    assert {"a", "b", "n", "f"} <= options.values.keys()
    assert (options.get("o"), options.all("o"), options.get("n")) == ("last", ["file", "last"], "v")
    assert options.get("q", "none") == "none"


@pytest.mark.parametrize("word", ["-z", "-o", "--nosuch"])
def test_what_is_no_option_is_complained_about(shell: Shell, word: str) -> None:
    with pytest.raises(UsageError):
        call(shell, "x", word).options("o:")


def test_the_first_operand_can_end_the_options(shell: Shell) -> None:
    options = call(shell, "x", "-a", "cmd", "-b").options("a", first_operand_ends=True)
    assert options.operands == ["cmd", "-b"]


def test_input_comes_from_files_or_standard_input(shell: Shell) -> None:
    shell.run(b"echo a > /tmp/a")
    shell._process.stdin = Source(b"typed")
    assert call(shell, "x").all_input([]) == (b"typed", 0)
    assert call(shell, "x").all_input(["/tmp/a", "/nosuch"]) == (b"a\n", 1)
    with pytest.raises(PathError):
        call(shell, "x").read("/tmp")
