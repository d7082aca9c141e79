# SPDX-License-Identifier: Apache-2.0
"""How commands leave what they stand in."""

from __future__ import annotations

import pytest

from mead.shell import Shell


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"),
        ("for i in 1 2; do for j in a b; do continue 2; done; echo no; done; echo $i$j", "2a\n"),
        ("while :; do while :; do break 2; done; done; echo out", "out\n"),
        ("f() { echo a; return 4; echo b; }; f; echo $?", "a\n4\n"),
        ("(exit 3); echo $?", "3\n"),
        ("sh -c 'exit 7'; echo $?", "7\n"),
        ("sh -c 'trap \"echo bye\" EXIT; exit 2'; echo $?", "bye\n2\n"),
    ],
)
def test_leaving_goes_as_far_as_it_says(shell: Shell, line: str, output: str) -> None:
    assert shell.run(line.encode()).output == output.encode()
