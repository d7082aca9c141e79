# SPDX-License-Identifier: Apache-2.0
"""Words become fields."""

from __future__ import annotations

import pytest

from mead.shell import Shell


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ('x="a  b"; echo $x "$x"', "a b a  b\n"),
        ('IFS=:; x=a::b; for i in $x; do echo "<$i>"; done', "<a>\n<>\n<b>\n"),
        ("echo ~ ~root/x ~nosuch", "/root /root/x ~nosuch\n"),
        ("cd /etc; echo iss*", "issue issue.net\n"),
        ("echo /b*/bus?box /e[s-u]c/hos'ts' '/b*'", "/bin/busybox /etc/hosts /b*\n"),
        ("echo /nosuch*", "/nosuch*\n"),
        ("set -f; echo /b*", "/b*\n"),
        ("set a 'b c'; echo $# $* ${1}x; for i in \"$@\"; do echo $i; done", "2 a b c ax\na\nb c\n"),
        ('for i in "$@"; do echo no; done; echo "$@"end', "end\n"),
        ("echo ${x:-'a  b'} ${x:-a  b}", "a  b a b\n"),
        ("x=1; echo ${x:+yes}${y+no}", "yes\n"),
        ("x=abcdef; echo ${x:2} ${x:1:3} ${x: -2} ${x:0:-1} ${#x}", "cdef bcd ef abcde 6\n"),
        ("echo $((1+1))$(echo x)`echo y`", "2xy\n"),
        ("echo $'a\\tb'", "a\tb\n"),
        ("echo ${x?gone}; echo no", "-sh: x: gone\n"),
        ("set -u; echo $nosuch; echo no", "-sh: nosuch: parameter not set\n"),
    ],
)
def test_a_line_expands(shell: Shell, line: str, output: str) -> None:
    assert shell.run(line.encode()).output == output.encode()


def test_chance_differs_each_time(shell: Shell) -> None:
    one, two = shell.run(b"echo $RANDOM $RANDOM").output.split()
    assert one != two


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("cat <(echo in)", "in\n"),
        ("cat <<< 'a  b'", "a  b\n"),
        ("x=abc; echo ${x^} ${x^^} ${x@Q}; y=x; echo ${!y}", "Abc ABC 'abc'\nabc\n"),
        (
            "a=(1 '2 3' 4); echo ${a[1]} ${#a[@]}; for i in \"${a[@]}\"; do echo $i; done",
            "2 3 3\n1\n2 3\n4\n",
        ),
        ("a=(x); a+=(y); a[5]=z; echo ${a[@]} $a", "x y z x\n"),
        (
            "echo {a,b}c {1..3} {01..03} x{,y} {a,b{c,d}} '{a,b}' {a}",
            "ac bc 1 2 3 01 02 03 x xy a bc bd {a,b} {a}\n",
        ),
        ("echo $((x=5, x*2)) $((10#08))", "10 8\n"),
        ("x=1; x+=2; echo $x", "12\n"),
    ],
)
def test_bash_expands_more(server: Shell, line: str, output: str) -> None:
    assert server.run(line.encode()).output == output.encode()
