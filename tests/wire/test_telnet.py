# SPDX-License-Identifier: Apache-2.0
"""Conversations with the Telnet server core."""

from __future__ import annotations

import pytest

from mead.wire.core import Fact, Limit, Output, PeerError, Send
from mead.wire.negotiation import PROFILES
from mead.wire.subnegotiation import TelnetEnvironment, TelnetTerminal, TelnetWindow
from mead.wire.telnet import (
    TelnetAyt,
    TelnetBreak,
    TelnetLimits,
    TelnetOption,
    TelnetServer,
    cook,
    escape,
)
from mead.wire.terminal import Mode, TelnetData, TelnetEof, TelnetInterrupt, TelnetLine


def facts(outputs: list[Output]) -> list[Output]:
    return [item for item in outputs if isinstance(item, Fact)]


def sent(outputs: list[Output]) -> bytes:
    return b"".join(item.data for item in outputs if isinstance(item, Send))


def server(name: str = "busybox", **limits: int) -> TelnetServer:
    core = TelnetServer(PROFILES[name], TelnetLimits(**limits))
    core.start()
    return core


@pytest.mark.parametrize("name", PROFILES)
def test_no_device_begins_with_do_naws_alone(name: str) -> None:
    first = sent(TelnetServer(PROFILES[name]).start())
    assert first
    assert not (first.startswith(b"\xff\xfd\x1f") and first[3:4] != b"\xff")


def test_busybox_says_its_four_requests() -> None:
    assert sent(TelnetServer().start()) == b"\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x01\xff\xfb\x03"


CONVERSATIONS = [
    ("carriage return and line feed", "busybox", b"root\r\n", [TelnetLine(b"root")], b"root\r\n"),
    (
        "carriage return and NUL",
        "busybox",
        b"root\r\0id\r\0",
        [TelnetLine(b"root"), TelnetLine(b"id")],
        b"root\r\nid\r\n",
    ),
    ("line feed alone", "busybox", b"a\nb\n", [TelnetLine(b"a"), TelnetLine(b"b")], b"a\r\nb\r\n"),
    ("two empty lines", "busybox", b"\r\r\n", [TelnetLine(b""), TelnetLine(b"")], b"\r\n\r\n"),
    (
        "a doubled IAC is one byte, and echoed doubled",
        "busybox",
        b"a\xff\xff\n",
        [TelnetLine(b"a\xff")],
        b"a\xff\xff\r\n",
    ),
    ("busybox answers AYT with NOP", "busybox", b"\xff\xf6", [TelnetAyt()], b"\xff\xf1"),
    ("a router answers AYT in words", "ios", b"\xff\xf6", [TelnetAyt()], b"\r\n[Yes]\r\n"),
    ("an old copy keeps silent on AYT", "busybox-1.0", b"\xff\xf6", [TelnetAyt()], b""),
    ("break", "busybox", b"\xff\xf3", [TelnetBreak()], b""),
    (
        "interrupt process throws the line away",
        "busybox",
        b"ab\xff\xf4c\n",
        [TelnetInterrupt("ip", b"ab"), TelnetLine(b"c")],
        b"abc\r\n",
    ),
    (
        "abort and suspend",
        "busybox",
        b"\xff\xee\xff\xed",
        [TelnetInterrupt("abort"), TelnetInterrupt("suspend")],
        b"",
    ),
    ("end of file", "busybox", b"\xff\xec", [TelnetEof()], b""),
    (
        "erase character and line",
        "busybox",
        b"ab\xff\xf7c\xff\xf8d\n",
        [TelnetLine(b"d")],
        b"ab\b \bc\b \b\b \bd\r\n",
    ),
    ("no-operations say nothing", "busybox", b"\xff\xf1\xff\xf2\xff\xf0\xff\xf9\xff\xf5", [], b""),
    (
        "an unknown command is the peer's error",
        "busybox",
        b"a\xff\x07",
        [PeerError(1, "unknown command", b"\xff\x07")],
        b"a",
    ),
    (
        "busybox swallows options",
        "busybox",
        b"\xff\xfd\xc8\xff\xfb\x18",
        [TelnetOption("DO", 200), TelnetOption("WILL", 24)],
        b"",
    ),
    (
        "a router refuses what it does not know",
        "ios",
        b"\xff\xfd\xc8\xff\xfb\xc8",
        [TelnetOption("DO", 200), TelnetOption("WILL", 200)],
        b"\xff\xfc\xc8\xff\xfe\xc8",
    ),
    (
        "a refusal is not answered",
        "ios",
        b"\xff\xfc\xc8\xff\xfe\xc8",
        [TelnetOption("WONT", 200), TelnetOption("DONT", 200)],
        b"",
    ),
    ("an answer to our wish is not answered", "ios", b"\xff\xfd\x01", [TelnetOption("DO", 1)], b""),
    (
        "a terminal type is asked for when it is offered",
        "ios",
        b"\xff\xfb\x18",
        [TelnetOption("WILL", 24)],
        b"\xff\xfa\x18\x01\xff\xf0",
    ),
    ("window", "busybox", b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0", [TelnetWindow(80, 24)], b""),
    (
        "window of 255 columns, doubled",
        "busybox",
        b"\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0",
        [TelnetWindow(255, 24)],
        b"",
    ),
    ("terminal type", "ios", b"\xff\xfa\x18\x00xterm\xff\xf0", [TelnetTerminal(b"xterm")], b""),
    (
        "environment",
        "netkit",
        b"\xff\xfa\x27\x00\x00USER\x01-f root\xff\xf0",
        [TelnetEnvironment(((b"USER", b"-f root"),))],
        b"",
    ),
    (
        "a subnegotiation cut by another command",
        "busybox",
        b"\xff\xfa\x18\x00x\xff\xf6",
        [PeerError(5, "subnegotiation cut short", b"\xff\xf6"), TelnetTerminal(b"x")],
        b"",
    ),
]


@pytest.mark.parametrize(
    ("profile", "given", "expected", "answer"),
    [c[1:] for c in CONVERSATIONS],
    ids=[c[0] for c in CONVERSATIONS],
)
def test_conversation(profile: str, given: bytes, expected: list[Output], answer: bytes) -> None:
    outputs = server(profile).receive(given)
    assert facts(outputs) == expected
    assert sent(outputs) == answer


@pytest.mark.parametrize(
    ("profile", "given", "expected", "answer"),
    [c[1:] for c in CONVERSATIONS],
    ids=[c[0] for c in CONVERSATIONS],
)
def test_conversation_byte_by_byte(profile: str, given: bytes, expected: list[Output], answer: bytes) -> None:
    core = server(profile)
    outputs = [item for index in range(len(given)) for item in core.receive(given[index : index + 1])]
    assert facts(outputs) == expected
    assert sent(outputs) == answer


def test_netkit_goes_on_when_its_requests_are_answered() -> None:
    core = server("netkit")
    assert sent(core.receive(b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23")) == b""
    follow = b"\xff\xfb\x03\xff\xfd\x01\xff\xfd\x1f\xff\xfb\x05\xff\xfd\x21"
    assert sent(core.receive(b"\xff\xfb\x27")) == b"\xff\xfa\x27\x01\xff\xf0" + follow


def test_netkit_does_not_ask_for_what_it_has() -> None:
    core = server("netkit")
    core.receive(b"\xff\xfd\x03")
    assert b"\xff\xfb\x03" not in sent(core.receive(b"\xff\xfc\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27"))


def test_an_option_taken_back_is_confirmed_once() -> None:
    core = server("ios")
    core.receive(b"\xff\xfd\x01")
    assert sent(core.receive(b"\xff\xfe\x01\xff\xfe\x01")) == b"\xff\xfc\x01"
    assert sent(core.receive(b"id\n")) == b""
    assert sent(core.receive(b"\xff\xfd\x01\xff\xfd\x01")) == b"\xff\xfb\x01"


def test_busybox_echoes_even_when_told_not_to() -> None:
    core = server()
    core.receive(b"\xff\xfe\x01")
    assert sent(core.receive(b"x")) == b"x"


def test_echo_is_off_before_it_was_offered() -> None:
    core = server("netkit")
    assert core.echo
    assert sent(core.receive(b"x")) == b""


def test_a_password_is_not_echoed_when_the_driver_steps() -> None:
    core = server()
    core.feed(b"root\r\nvizxv\r\nid\r\n")
    assert facts(core.step()) == [TelnetLine(b"root")]
    core.echo = False
    outputs = core.step()
    assert (facts(outputs), sent(outputs)) == ([TelnetLine(b"vizxv")], b"")
    core.echo = True
    assert sent(core.step()) == b"id\r\n"
    assert core.step() == []


def test_a_command_that_reads_gets_data() -> None:
    core = server()
    core.feed(b"cat > f\r\n#!/bin/sh\r\nexit\r\n\x04id\r\n")
    assert facts(core.step()) == [TelnetLine(b"cat > f")]
    core.mode = Mode.STDIN
    assert facts(core.step()) == [TelnetData(b"#!/bin/sh\n")]
    assert facts(core.step()) == [TelnetData(b"exit\n")]
    assert facts(core.step()) == [TelnetEof()]
    core.mode = Mode.LINE
    assert facts(core.step()) == [TelnetLine(b"id")]
    assert core.mode is Mode.LINE


def test_raw_data_comes_as_it_was_sent() -> None:
    core = server()
    core.mode = Mode.RAW
    body = bytes(range(256)) * 3
    outputs = core.receive(escape(body))
    assert b"".join(item.data for item in outputs if isinstance(item, TelnetData)) == body
    assert sent(outputs) == b""


def test_a_line_beyond_the_bound_is_counted() -> None:
    core = server(max_line_bytes=8)
    assert facts(core.receive(b"x" * 20 + b"\n")) == [
        Limit("line", 8, "bytes"),
        TelnetLine(b"x" * 8, dropped=12),
    ]


def test_a_subnegotiation_beyond_the_bound_is_counted() -> None:
    core = server(max_subnegotiation_bytes=8)
    outputs = core.receive(b"\xff\xfa\x18\x00" + b"x" * 50 + b"\xff\xff\xff\xf0a\n")
    assert facts(outputs) == [Limit("subnegotiation", 8, "bytes"), TelnetTerminal(b"x" * 6), TelnetLine(b"a")]


def test_commands_beyond_the_bound_are_neither_facts_nor_answered() -> None:
    core = server("ios", max_commands=2)
    outputs = core.receive(
        b"\xff\xfd\xc8" * 5 + b"\xff\xf6\xff\xf3\xff\xec\xff\xf4\xff\x07\xff\xfa\x18\x00x\xff\xf0" + b"id\n"
    )
    assert facts(outputs) == [
        TelnetOption("DO", 200),
        TelnetOption("DO", 200),
        Limit("commands", 2, "commands"),
        TelnetLine(b"id"),
    ]
    assert sent(outputs).count(b"\xff\xfc\xc8") == 2


def test_a_peer_that_leaves_leaves_half_a_line() -> None:
    core = server()
    assert facts(core.receive(b"wget htt")) == []
    assert core.receive(b"") == [TelnetLine(b"wget htt", terminated=False)]
    assert core.receive(b"") == []


def test_options_have_names() -> None:
    assert TelnetOption("DO", 31).name == "NAWS"
    assert TelnetOption("DO", 200).name == "200"


def test_what_is_shown_is_cooked() -> None:
    assert cook(b"a\nb\r\n\xff") == b"a\r\nb\r\n\xff\xff"


def test_a_profile_may_begin_with_silence() -> None:
    from mead.wire.negotiation import TelnetProfile

    assert TelnetServer(TelnetProfile(name="mute", greeting=())).start() == []


def test_a_signal_is_acted_upon_before_what_follows_it() -> None:
    core = server()
    core.mode = Mode.STDIN
    core.feed(b"a\xff\xf4id\n")
    assert facts(core.step()) == [TelnetData(b"a")]
    assert facts(core.step()) == [TelnetInterrupt("ip")]
    core.mode = Mode.LINE
    assert facts(core.step()) == [TelnetLine(b"id")]
