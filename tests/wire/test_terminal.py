# SPDX-License-Identifier: Apache-2.0
"""Keys at a prompt and at a command that reads."""

from __future__ import annotations

import pytest

from mead.wire.core import Fact, Limit, Output, Send
from mead.wire.terminal import Mode, TelnetData, TelnetEof, TelnetInterrupt, TelnetKey, TelnetLine, Terminal


def play(terminal: Terminal, data: bytes) -> tuple[list[Fact], bytes]:
    out: list[Output] = []
    position = 0
    while position < len(data):
        position = terminal.take(data, position, len(data), out)
    shown = b"".join(item.data for item in out if isinstance(item, Send))
    return [item for item in out if isinstance(item, Fact)], shown


LINE = [
    ("backspace", b"rooz\x7ft\x08t\n", [TelnetLine(b"root")], b"rooz\b \bt\b \bt\r\n"),
    ("backspace on nothing", b"\x7f\n", [TelnetLine(b"")], b"\r\n"),
    ("kill", b"wrong\x15id\n", [TelnetLine(b"id")], b"wrong" + b"\b \b" * 5 + b"id\r\n"),
    (
        "kill word",
        b"cat foo bar \x17x\n",
        [TelnetLine(b"cat foo x")],
        b"cat foo bar " + b"\b \b" * 4 + b"x\r\n",
    ),
    (
        "interrupt",
        b"sleep\x03id\n",
        [TelnetInterrupt("ctrl-c", b"sleep"), TelnetLine(b"id")],
        b"sleep^C\r\nid\r\n",
    ),
    ("end of file on an empty line", b"\x04", [TelnetEof()], b""),
    ("end of file in a line does nothing", b"i\x04d\n", [TelnetLine(b"id")], b"id\r\n"),
    ("a tab is a character", b"a\tb\n", [TelnetLine(b"a\tb")], b"a\tb\r\n"),
    ("a control character is kept and shown", b"\x01\n", [TelnetLine(b"\x01")], b"^A\r\n"),
    ("NUL is nothing", b"\0a\0\n", [TelnetLine(b"a")], b"a\r\n"),
    ("cursor key", b"a\x1b[Ab\n", [TelnetKey(b"\x1b[A"), TelnetLine(b"ab")], b"ab\r\n"),
    (
        "function key",
        b"\x1bOP\x1b[15~\x1bx",
        [TelnetKey(b"\x1bOP"), TelnetKey(b"\x1b[15~"), TelnetKey(b"\x1bx")],
        b"",
    ),
    ("an endless key is cut", b"\x1b[" + b"1" * 20, [TelnetKey(b"\x1b[" + b"1" * 14)], b"111111"),
]


@pytest.mark.parametrize(
    ("keys", "facts", "shown"), [case[1:] for case in LINE], ids=[case[0] for case in LINE]
)
def test_prompt(keys: bytes, facts: list[Fact], shown: bytes) -> None:
    assert play(Terminal(max_line_bytes=100), keys) == (facts, shown)


STDIN = [
    (
        "lines become data",
        b"a\r\nb\rc\n",
        [TelnetData(b"a\n"), TelnetData(b"b\n"), TelnetData(b"c\n")],
        b"a\r\nb\r\nc\r\n",
    ),
    ("end of file at the start", b"\x04", [TelnetEof()], b""),
    ("end of file after a line", b"a\n\x04", [TelnetData(b"a\n"), TelnetEof()], b"a\r\n"),
    ("twice in a line", b"a\x04\x04", [TelnetData(b"a"), TelnetEof()], b"a"),
    ("interrupt", b"a\x03", [TelnetData(b"a"), TelnetInterrupt("ctrl-c")], b"a^C\r\n"),
    (
        "no control characters are lost",
        b"\x7fELF\x01\0\n",
        [TelnetData(b"\x7fELF\x01\0\n")],
        b"\x7fELF\x01\0\r\n",
    ),
]


@pytest.mark.parametrize(
    ("keys", "facts", "shown"), [case[1:] for case in STDIN], ids=[case[0] for case in STDIN]
)
def test_command_that_reads(keys: bytes, facts: list[Fact], shown: bytes) -> None:
    terminal = Terminal(max_line_bytes=100)
    terminal.mode = Mode.STDIN
    assert play(terminal, keys) == (facts, shown)


def test_a_line_feed_after_a_return_in_the_next_packet_is_no_line() -> None:
    terminal = Terminal(max_line_bytes=100)
    assert play(terminal, b"a\r")[0] == [TelnetLine(b"a")]
    assert play(terminal, b"\nb\n")[0] == [TelnetLine(b"b")]
    terminal.mode = Mode.STDIN
    assert play(terminal, b"a\r")[0] == [TelnetData(b"a\n")]
    assert play(terminal, b"\n")[0] == []


def test_each_long_line_is_one_limit() -> None:
    terminal = Terminal(max_line_bytes=2)
    assert play(terminal, b"abc")[0] == [Limit("line", 2, "bytes")]
    assert play(terminal, b"def\x7f\ngh\n")[0] == [TelnetLine(b"a", dropped=4), TelnetLine(b"gh")]


def test_without_echo_nothing_is_shown() -> None:
    terminal = Terminal(max_line_bytes=100)
    terminal.echo = False
    assert play(terminal, b"secret\r\n") == ([TelnetLine(b"secret")], b"")


def test_the_rest_of_a_line_end_is_no_raw_data() -> None:
    terminal = Terminal(max_line_bytes=100)
    assert play(terminal, b"cat > f\r")[0] == [TelnetLine(b"cat > f")]
    terminal.mode = Mode.RAW
    assert play(terminal, b"\n")[0] == []
    assert play(terminal, b"\n\x7fELF\r\0")[0] == [TelnetData(b"\n\x7fELF\r\0")]
