# SPDX-License-Identifier: Apache-2.0
"""What clients say in subnegotiations."""

from __future__ import annotations

import pytest

from mead.wire.core import Fact
from mead.wire.subnegotiation import (
    TelnetEnvironment,
    TelnetSubnegotiation,
    TelnetTerminal,
    TelnetWindow,
    subnegotiation,
)


@pytest.mark.parametrize(
    ("option", "payload", "fact"),
    [
        (31, b"\x00\x50\x00\x18", TelnetWindow(80, 24)),
        (31, b"\x00\x50", TelnetSubnegotiation(31, b"\x00\x50")),
        (24, b"\x00XTERM", TelnetTerminal(b"XTERM")),
        (24, b"\x01", TelnetSubnegotiation(24, b"\x01")),
        (32, b"\x0038400,38400", TelnetSubnegotiation(32, b"\x0038400,38400")),
        (39, b"\x00", TelnetEnvironment(())),
        (
            39,
            b"\x00\x00USER\x01root\x03X\x01a\x02\x01b",
            TelnetEnvironment(((b"USER", b"root"), (b"X", b"a\x01b"))),
        ),
        (39, b"\x02\x00LANG", TelnetEnvironment(((b"LANG", b""),))),
        (36, b"\x00\x01stray\x00A\x01b", TelnetEnvironment(((b"A", b"b"),))),
        (39, b"\x01\x00USER", TelnetSubnegotiation(39, b"\x01\x00USER")),
        (39, b"", TelnetSubnegotiation(39, b"")),
    ],
)
def test_subnegotiation(option: int, payload: bytes, fact: Fact) -> None:
    assert subnegotiation(option, payload) == fact
