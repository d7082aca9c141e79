# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""Redirections."""

from __future__ import annotations

import pytest

from mead.shell import FileWritten, Shell


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("ls /nosuch 2>/dev/null; echo $?", "1\n"),
        ("ls /nosuch > /tmp/o 2>&1; cat /tmp/o", "ls: /nosuch: No such file or directory\n"),
        ("ls /nosuch &> /tmp/o; cat /tmp/o", "ls: /nosuch: No such file or directory\n"),
        ("echo a > /tmp/o; echo b >> /tmp/o; cat < /tmp/o", "a\nb\n"),
        ("{ echo a; echo b; } > /tmp/o; cat /tmp/o", "a\nb\n"),
        ("exec 5> /tmp/o; echo five >&5; cat /tmp/o", "five\n"),
        ("cat <<< text", "-sh: syntax error: unexpected redirection\n"),
        ("cat <<E\na $((1+1))\nE", "a 2\n"),
        ("cat <<'E'\na $x\nE", "a $x\n"),
        ("cat <<-E\n\ttab\n\tE", "tab\n"),
        ("cat <<A; cat <<B\n1\nA\n2\nB", "1\n2\n"),
        ("cat < /nosuch", "-sh: can't open /nosuch: no such file\n"),
        ("echo x > /", "-sh: can't create /: Is a directory\n"),
        ("echo x >&9", "-sh: 9: Bad file descriptor\n"),
        ("echo gone >&-", "sh: write error: Bad file descriptor\n"),
        ("echo full > /dev/full", "sh: write error: No space left on device\n"),
    ],
)
def test_streams_go_where_they_are_sent(shell: Shell, line: str, output: str) -> None:
    assert shell.run(line.encode()).output == output.encode()


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("echo a > /tmp/f", "echo"), ("/bin/busybox printf a > /tmp/f", "printf"), ("cat > /tmp/f <<E\na\nE", "heredoc"),
        ("echo YQ== | base64 -d > /tmp/f", "base64"), ("echo a | dd of=/tmp/f", "dd"), ("echo a | tee /tmp/f", "tee"), ("(echo a) > /tmp/f", "redirection"),
    ],
)  # fmt: skip
def test_a_file_knows_what_made_it(shell: Shell, line: str, how: str) -> None:
    (written,) = (effect for effect in shell.run(line.encode()).effects if isinstance(effect, FileWritten))
    assert (written.path, written.how) == ("/tmp/f", how)
