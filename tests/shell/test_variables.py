# SPDX-License-Identifier: Apache-2.0
"""Names and values."""

from __future__ import annotations

import pytest

from mead.shell import Shell
from mead.shell.variables import quoted, traced


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a", "'a'"), ("", "''"), ("a'b", "'a'\"'\"'b'"), ("''", "\"''\""), ("a'", "'a'\"'\"")],
)
def test_a_value_is_quoted_as_set_shows_it(text: str, shown: str) -> None:
    assert quoted(text) == shown


def test_a_trace_quotes_where_it_must() -> None:
    assert [traced(word) for word in ("a-b/c", "a b", "[", "]", "", "x=y", "~")] == [
        "a-b/c", "'a b'", "'['", "]", "", "'x=y'", "'~'",
    ]  # fmt: skip


def test_what_is_read_only_stays(shell: Shell) -> None:
    assert shell.run(b"readonly x=1; x=2; echo no").output == b"-sh: x: is read only\n"
    assert shell.run(b"echo $x $((x=3)); echo no").output == b"-sh: x: is read only\n"
    assert shell.run(b"unset x; echo no").output == b"-sh: unset: x: is read only\n"


def test_variables_have_a_limit(shell: Shell) -> None:
    reply = shell.run(b"i=0; while true; do i=$((i+1)); eval x$i=$i; done")
    assert len(shell._process.variables) <= 4_096
    assert reply.status == 2 or reply.effects
