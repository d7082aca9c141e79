# SPDX-License-Identifier: Apache-2.0
"""What a Telnet client tells about itself in subnegotiations.

NEW-ENVIRON is more than a courtesy: `USER=-f root` in it is a login bypass (CVE-2026-24061).

**Source:** RFC 1073 (NAWS), RFC 1079 (TSPEED), RFC 1091 (TTYPE), RFC 1096 (XDISPLOC), RFC 1408 and
RFC 1572 (environment).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from mead.wire.core import Fact
from mead.wire.negotiation import NAWS, NEW_ENVIRON, OLD_ENVIRON, TTYPE

__all__ = [
    "TelnetEnvironment",
    "TelnetFact",
    "TelnetSubnegotiation",
    "TelnetTerminal",
    "TelnetWindow",
    "subnegotiation",
]

IS, INFO = 0, 2
VAR, VALUE, ESC, USERVAR = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class TelnetWindow(Fact):
    """The size of the peer's window."""

    columns: int
    rows: int


@dataclass(frozen=True, slots=True)
class TelnetTerminal(Fact):
    """The peer's terminal type."""

    name: bytes


@dataclass(frozen=True, slots=True)
class TelnetEnvironment(Fact):
    """Environment variables that the peer wants set."""

    variables: tuple[tuple[bytes, bytes], ...]
    """(name, value), in the order they came."""


@dataclass(frozen=True, slots=True)
class TelnetSubnegotiation(Fact):
    """Any other subnegotiation, or one that does not fit its RFC."""

    option: int
    data: bytes


TelnetFact: TypeAlias = TelnetWindow | TelnetTerminal | TelnetEnvironment | TelnetSubnegotiation


def subnegotiation(option: int, payload: bytes) -> TelnetFact:
    """Read the payload of `IAC SB option … IAC SE`, IAC already undoubled."""
    if option == NAWS and len(payload) == 4:
        return TelnetWindow(int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:], "big"))
    if option == TTYPE and payload[:1] == bytes((IS,)):
        return TelnetTerminal(payload[1:])
    if option in {NEW_ENVIRON, OLD_ENVIRON} and payload[:1] in {bytes((IS,)), bytes((INFO,))}:
        return TelnetEnvironment(_variables(payload[1:]))
    return TelnetSubnegotiation(option, payload)


def _variables(data: bytes) -> tuple[tuple[bytes, bytes], ...]:
    found: list[tuple[bytearray, bytearray]] = []
    into = bytearray()
    escaped = False
    for byte in data:
        if escaped or byte not in {VAR, VALUE, ESC, USERVAR}:
            into.append(byte)
            escaped = False
        elif byte == ESC:
            escaped = True
        elif byte == VALUE:
            into = found[-1][1] if found else bytearray()
        else:
            found.append((bytearray(), bytearray()))
            into = found[-1][0]
    return tuple((bytes(name), bytes(value)) for name, value in found)
