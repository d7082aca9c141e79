# SPDX-License-Identifier: Apache-2.0
"""Where commands read from and write to."""

from __future__ import annotations

import pytest

from mead.shell.limits import LimitReachedError
from mead.shell.streams import Buffer, Endless, EndlessError, NeedsInputError, Null, Source, Terminal, Typed


def test_a_source_is_read_in_pieces() -> None:
    source = Source(b"one\ntwo\nrest")
    assert (source.line(), source.read(2), source.line(), source.read(), source.line()) == (
        b"one\n",
        b"tw",
        b"o\n",
        b"rest",
        b"",
    )


def test_a_buffer_holds_no_more_than_it_may() -> None:
    buffer = Buffer("pipe_bytes", 4)
    buffer.write(b"abc")
    with pytest.raises(LimitReachedError):
        buffer.write(b"def")
    assert buffer.data == b"abcd"


def test_the_terminal_asks_for_what_is_missing() -> None:
    typed = Typed()
    terminal = Terminal(typed)
    for act, want in ((terminal.line, 0), (terminal.read, None), (lambda: terminal.read(3), 3)):
        with pytest.raises(NeedsInputError) as caught:
            act()
        assert caught.value.want == want
    typed.add(b"ab\ncd")
    assert (terminal.line(), terminal.read(1)) == (b"ab\n", b"c")
    typed.ended = True
    assert (terminal.line(), terminal.line()) == (b"d", b"")


def test_what_was_typed_can_be_given_back_until_more_comes() -> None:
    typed = Typed()
    typed.add(b"one\ntwo\n")
    place = typed.place()
    assert typed.take(typed.line_bytes()) == b"one\n"
    assert typed.take(typed.line_bytes()) == b"two\n"
    assert (typed.line_bytes(), len(typed)) == (0, 0)
    typed.back(place)
    assert (typed.take(typed.line_bytes()), len(typed)) == (b"one\n", 4)
    typed.add(b"x" * 100_000)
    assert (typed.line_bytes(), typed.take(90_000)[:5]) == (4, b"two\nx")
    typed.add(b"end\n")
    assert (typed.line_bytes(), len(typed)) == (10_008, 10_008)
    typed.clear()
    assert (len(typed), typed.line_bytes(), typed.ended) == (0, 0, False)


def test_what_never_ends_is_ended() -> None:
    sink = Null()
    source = Endless(bytes)
    with pytest.raises(EndlessError):
        list(map(sink.write, iter(source.read, b"")))
    assert (source.read(5), len(source.line())) == (bytes(5), 256)
