# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Paths that match."""

from __future__ import annotations

import pytest

from mead.shell import Shell
from mead.shell.globbing import glob


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("/bin/bus?box", ["/bin/busybox"]), ("//etc//host[s]", ["//etc//hosts"]), ("/nosuch*", []), ("e*c", ["etc"]),
        ("etc/host?", ["etc/hosts"]), ("/*tc/", ["/etc/"]), ("/etc/host\\s", ["/etc/hosts"]), ("./b[i]n", ["./bin"]),
    ],
)  # fmt: skip
def test_a_pattern_finds(shell: Shell, pattern: str, found: list[str]) -> None:
    assert glob(shell.machine, pattern, "/") == found


def test_hidden_names_are_found_by_a_dot_only(shell: Shell) -> None:
    shell.run(b"mkdir /tmp/g; cd /tmp/g; touch .h v")
    assert glob(shell.machine, "*", "/tmp/g") == ["v"]
    assert glob(shell.machine, ".*", "/tmp/g") == [".", "..", ".h"]
