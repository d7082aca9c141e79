# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables of conversations keep one exchange on a line
"""The language: the same output and the same complaints as the real ash; any bytes, a reply."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mead.shell import Reply, Shell, default_personas
from mead.shell.applets import APPLETS, BUILTINS

COMPARED = ("basics", "language", "faults")


@pytest.mark.tool("busybox")
def test_a_script_does_what_it_does_in_ash(compared: str, same_as_busybox: Callable[[str], None]) -> None:
    same_as_busybox(compared)


PERSONAS = default_personas(b"fuzz")
WORDS = [
    *(name.encode() for name in sorted({*APPLETS, *BUILTINS})),
    b";", b"|", b"&&", b"||", b"&", b">", b">>", b"<", b"<<E\n", b"\nE\n", b'"', b"'", b"`", b"$(", b")", b"${", b"}", b"$((", b"))", b"(",
    b"{ ", b"; }", b"*", b"?", b"[a-", b"~", b"#", b"if ", b" then ", b" fi", b"while ", b" do ", b" done", b"for i in ", b"case x in ",
    b" esac", b"x=", b"$x", b"$@", b"2>&1", b"%", b"//", b":-", b"\xff", b"\x00", b"\n", b"\r", b"http://192.0.2.1/a", b"-O", b"-c", b"-d",
    b"-n", b"1", b"-1", b"99999999999", b"/", b"/tmp/f", b"/proc/cpuinfo", b"/dev/zero", b"/dev/urandom", b"/bin/echo", b"..", b"s/a/b/g",
    b"{print $1}", b"(a+)+$", b"=", b"f()", b"!", b"-", b"%s", b"<(", b"busybox ", b"sh -c ", b"eval ", b"find / -exec ", b"[[ ", b" ]]", b"((", b"{a,b}", b"a=(", b"${x[@]}", b"${!x}", b"<<<", b"trap 'echo t' EXIT;", b"alias a=", b"set -x;", b"sleep 9 &", b"kill $$", b"kill %1", b"getopts ab: o", b"exec 3<>", b"printf %d", b"awk 'BEGIN{", b"}'", b"sed s/a/b/w", b"bash -c", b"\xc2\xb2",
]  # fmt: skip


CONVERSATIONS = {
    "index": st.integers(0, len(PERSONAS) - 1),
    "interactive": st.booleans(),
    "lines": st.lists(
        st.one_of(st.lists(st.sampled_from(WORDS), max_size=12).map(b" ".join), st.binary(max_size=60)),
        max_size=4,
    ),
}


def talk(index: int, interactive: bool, lines: list[bytes]) -> None:
    """Any bytes are typed at any device: each line gets a reply, in bounded time."""
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
        assert isinstance(shell.prompt, bytes)
    shell.close()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(**CONVERSATIONS)
def test_any_bytes_get_a_reply_in_bounded_time(index: int, interactive: bool, lines: list[bytes]) -> None:
    talk(index, interactive, lines)


@pytest.mark.soak
@settings(max_examples=100_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(**CONVERSATIONS)
def test_a_hundred_thousand_conversations_get_replies(
    index: int, interactive: bool, lines: list[bytes]
) -> None:
    talk(index, interactive, lines)


def test_a_second_is_enough_for_five_thousand_simple_lines(
    costs_less: Callable[[float], AbstractContextManager[None]],
) -> None:
    shell = Shell(PERSONAS[0], now=lambda: PERSONAS[0].boot_time)
    with costs_less(0.2 * 5):
        for number in range(1_000):
            shell.run(f"echo {number} > /tmp/x; /bin/busybox ECCHI".encode())
