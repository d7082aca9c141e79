# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""The language: the same output and the same complaints as the real ash; any bytes, a reply."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mead.shell import Reply, Shell, default_personas
from mead.shell.applets import APPLETS, BUILTINS

SCRIPTS = [
    "echo hello world",
    "echo -n abc; echo def",
    "echo -e '\\x41\\x42\\103\\n\\t|'",
    "echo -e 'a\\cb'; echo x",
    "echo \"a b\" 'c d' e\\ f",
    "echo $((1+2*3)) $((0x10)) $((010)) $((7/2)) $((-7/2)) $((-7%3)) $((1<<4)) $((5>3&&2<1)) $((1?2:3))",
    "x=5; echo $((x++)) $x $((++x)) $((x+=10)) $x",
    "a=hello; echo ${a#he} ${a%lo} ${a##*l} ${a%%l*} ${#a}",
    "a=/usr/local/bin; echo ${a##*/} ${a%/*}",
    'echo ${u:-def} ${u-def} ${u:+alt}; echo "${u:=set}" $u',
    "a=abcabc; echo ${a/b/X} ${a//b/X} ${a:1:2} ${a:3}",
    "for i in 1 2 3; do echo $i; done",
    "for i in 1 2 3; do if [ $i = 2 ]; then continue; fi; echo $i; done",
    "i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done",
    "i=0; until [ $i -ge 2 ]; do echo u$i; i=$((i+1)); done",
    "case abc in a*) echo A;; *) echo other;; esac",
    "case x in a|b) echo ab;; x|y) echo xy;; esac",
    'f() { echo "f $1 $#"; return 3; }; f a b; echo $?',
    "f() { local v=1; v=2; }; v=0; f; echo $v",
    'test 1 -eq 1 && echo y; [ a = b ] || echo n; [ -z "" ] && echo z; [ -n x -a 1 -lt 2 ] && echo and; [ ! -e zz ] && echo not',
    "true && echo a || echo b; false && echo a || echo b; ! true; echo $?",
    "nosuch; echo $?; ./nosuch; echo $?; /bin/nosuch",
    "> /proc/nope; echo $?; > /nodir/x; echo $?",
    "cd /nodir; echo $?",
    "echo `echo nested \\`echo deep\\``; echo $(echo $(echo x))",
    'set -- a b c; echo $# $1 "$@"; shift; echo $*',
    "for a; do echo $a; done",
    "IFS=:; x=a:b:c; for i in $x; do echo $i; done",
    'x="a   b"; echo $x; echo "$x"',
    'read a b <<E\n1 2 3\nE\necho "$a|$b"',
    "eval 'echo ev'; x='echo y'; $x; eval \"$x; $x\"",
    "type echo; command -v echo; type nosuch",
    'unset x; echo "${x:?msg}"; echo after',
    "echo $((1/0)); echo after",
    "if false; then :; elif true; then echo elif; else echo else; fi",
    "x=1; (x=2; echo $x); echo $x; x=3 sh -c 'echo $x'; echo $x",
    "sh -c 'echo $0 $1' a b; sh -c 'exit 4'; echo $?",
    'echo a | (read x; echo $x); echo "a b c" | (read x y; echo "$y")',
    "abcdef",
    "E",
    "{ echo a; nosuch; } 2>/dev/null",
    "set -e; false; echo notreached",
    'set -- "a b" c; for i in "$@"; do echo "<$i>"; done; for i in $@; do echo "<$i>"; done; echo "$*"',
    "while true; do break; done; echo done; for i in a b; do for j in 1 2; do break 2; done; done; echo $i$j",
    'a=b=c; echo $a; a= ; echo "[$a]"; A=1 B=2; echo $A$B',
    'echo "line1\nline2"; echo \'q',
    "r'\necho {a,b}; echo a{1..3}",
    "if ! [ -e x ]; then echo no; fi; [ 1 -gt 0 ] && [ 2 -gt 1 ] && echo both",
    "let x=1+2 && echo $x; [[ abc == a* ]] && echo glob; [[ a == b ]] || echo ne",
    'test -x /bin/sh && echo x; [ -s s ] && echo s; [ s -nt nope ] && echo nt; [ "a" \\< "b" ] && echo lt; test; echo $?; [ x ]; echo $?',
    "for; echo x",
    "if true; fi",
    'echo "unterminated',
    ")",
    "echo a; ) ; echo b",
    "|| x",
    "echo a &&",
    "echo \"$(printf 'a\\n\\n')\"x",
    "x='a b'; set -- $x; echo $#",
    "echo $((0x7fffffffffffffff+1))",
    "a=1; a=$a$a; echo ${a}b",
    "echo 'single'\"double\"bare",
    "f() { return; }; false; f; echo $?",
    "false || { echo grouped; }",
    "echo one && (echo two; exit 3) || echo three $?",
    "case '*' in '*') echo star;; esac",
    "case ab in [!x]*) echo notx;; esac",
    "while read x; do echo $x; done <<E\n1\n2\nE",
    "export A=5; sh -c 'echo $A'",
    "unset nosuch; echo ${nosuch-unset}",
    "echo a;echo b;;",
    "( echo a",
    "echo ${",
    "f(",
    "case x in",
    "echo $(",
    "while",
    "echo > ",
    "x=$(false); echo $?",
    "readonly; echo ok",
    "echo \\\\ \\a '\\a' \"\\a\"",
    "i=5; while [ $((i-=1)) -gt 0 ]; do [ $i = 2 ] && break; echo $i; done",
    "echo ${#} ${#x}",
    "set a b; echo $2; shift 5; echo $?",
    "echo $0",
    "exit abc",
    "return 3; echo x",
    "break; echo ok",
    "umask",
    "cd / && pwd; cd - >/dev/null; cd /; pwd",
    "type cd; type [",
    "eval; echo $?",
    "true | false; echo $?",
    "! true | true; echo $?",
    'echo "a`echo \'"b"\'`c"',
    'echo "${x:-"q q"}"; echo ${x:-\'a  b\'}',
    "y=${x:=1}; echo $x$y",
    "sh -c \"trap 'echo bye' EXIT; true\"",
]


@pytest.mark.tool("busybox")
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_does_what_it_does_in_ash(script: str, same_as_busybox: Callable[[str], None]) -> None:
    same_as_busybox(script)


PERSONAS = default_personas(b"fuzz")
WORDS = [
    *(name.encode() for name in sorted({*APPLETS, *BUILTINS})),
    b";", b"|", b"&&", b"||", b"&", b">", b">>", b"<", b"<<E\n", b"\nE\n", b'"', b"'", b"`", b"$(", b")", b"${", b"}", b"$((", b"))", b"(",
    b"{ ", b"; }", b"*", b"?", b"[a-", b"~", b"#", b"if ", b" then ", b" fi", b"while ", b" do ", b" done", b"for i in ", b"case x in ",
    b" esac", b"x=", b"$x", b"$@", b"2>&1", b"%", b"//", b":-", b"\xff", b"\x00", b"\n", b"\r", b"http://192.0.2.1/a", b"-O", b"-c", b"-d",
    b"-n", b"1", b"-1", b"99999999999", b"/", b"/tmp/f", b"/proc/cpuinfo", b"/dev/zero", b"/dev/urandom", b"/bin/echo", b"..", b"s/a/b/g",
    b"{print $1}", b"(a+)+$", b"=", b"f()", b"!", b"-", b"%s", b"<(", b"busybox ", b"sh -c ", b"eval ", b"find / -exec ",
]  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, len(PERSONAS) - 1),
    st.booleans(),
    st.lists(
        st.one_of(st.lists(st.sampled_from(WORDS), max_size=12).map(b" ".join), st.binary(max_size=60)),
        max_size=4,
    ),
)
def test_any_bytes_get_a_reply_in_bounded_time(index: int, interactive: bool, lines: list[bytes]) -> None:
    persona = PERSONAS[index]
    shell = Shell(persona, now=lambda: persona.boot_time, interactive=interactive)
    for line in lines:
        begin = time.process_time()
        assert isinstance(shell.run(line), Reply)
        if shell.reading:
            shell.feed(b"some words\nand more\n")
        if shell.reading:
            shell.feed_eof()
        for url in shell.machine.offers[-1:]:
            shell.deliver(url, line)
        assert time.process_time() - begin < 3
        assert not shell.reading
    shell.close()


def test_a_second_is_enough_for_five_thousand_simple_lines() -> None:
    shell = Shell(PERSONAS[0], now=lambda: PERSONAS[0].boot_time)
    begin = time.process_time()
    for number in range(1_000):
        shell.run(f"echo {number} > /tmp/x; /bin/busybox ECCHI".encode())
    assert time.process_time() - begin < 0.2 * 5
