# SPDX-License-Identifier: Apache-2.0
"""Telnet option negotiation, as the imitated device does it.

Which options are asked for, in which order, what is agreed to and whether a refusal is spoken at all
is data (`TelnetProfile`): it is by this that scanners tell one telnetd from another.

**Source:** RFC 854, RFC 855, RFC 1143 (the Q method; its queue is not needed, as this side never takes
back a wish).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from msgspec import Struct

__all__ = ["OPTION_NAMES", "PROFILES", "Negotiation", "TelnetProfile"]

IAC, DONT, DO, WONT, WILL, SB, SE, NOP = 255, 254, 253, 252, 251, 250, 240, 241
BINARY, ECHO, SGA, STATUS, TIMING_MARK, TTYPE, NAWS, TSPEED, LFLOW = 0, 1, 3, 5, 6, 24, 31, 32, 33
LINEMODE, XDISPLOC, OLD_ENVIRON, AUTHENTICATION, ENCRYPT, NEW_ENVIRON = 34, 35, 36, 37, 38, 39
SEND = 1
COMMAND_NAMES: Mapping[int, str] = {DONT: "DONT", DO: "DO", WONT: "WONT", WILL: "WILL"}
OPTION_NAMES: Mapping[int, str] = {
    BINARY: "BINARY", ECHO: "ECHO", SGA: "SGA", STATUS: "STATUS", TIMING_MARK: "TIMING-MARK",
    TTYPE: "TTYPE", 25: "EOR", NAWS: "NAWS", TSPEED: "TSPEED", LFLOW: "LFLOW", LINEMODE: "LINEMODE",
    XDISPLOC: "XDISPLOC", OLD_ENVIRON: "OLD-ENVIRON", AUTHENTICATION: "AUTHENTICATION",
    ENCRYPT: "ENCRYPT", NEW_ENVIRON: "NEW-ENVIRON", 42: "CHARSET",
    44: "COM-PORT", 255: "EXOPL",
}  # fmt: skip


class TelnetProfile(Struct, frozen=True, kw_only=True):
    """How one telnetd negotiates.

    Attributes:
        name: what it imitates.
        greeting: (command, option) pairs of its first packet, in order.
        followups: pairs that it sends once every request before them was answered, stage by stage.
        will: options that it performs when asked to (`DO`).
        do: options that it lets the peer perform (`WILL`).
        ask: options whose value it asks for (`SB … SEND`) once the peer performs them.
        answers: whether it answers negotiation at all; the small ones just swallow it.
        ayt: answer to "are you there".
    """

    name: str
    greeting: tuple[tuple[int, int], ...]
    followups: tuple[tuple[tuple[int, int], ...], ...] = ()
    will: frozenset[int] = frozenset({ECHO, SGA})
    do: frozenset[int] = frozenset({SGA, NAWS})
    ask: frozenset[int] = frozenset()
    answers: bool = True
    ayt: bytes = b"\r\n[Yes]\r\n"


_SMALL = ((DO, ECHO), (DO, NAWS), (WILL, ECHO), (WILL, SGA))
_OLD_SMALL = ((DO, ECHO), (DO, NAWS), (DO, LFLOW), (WILL, ECHO), (WILL, SGA))
_OLDEST = ((DO, ECHO), (DO, LFLOW), (WILL, ECHO), (WILL, SGA))
_ROUTER = ((WILL, ECHO), (WILL, SGA), (DO, TTYPE), (DO, NAWS))

PROFILES: Mapping[str, TelnetProfile] = {
    profile.name: profile
    for profile in (
        # networking/telnetd.c since 1.14: negotiation of the peer is swallowed, AYT is answered with NOP
        TelnetProfile(name="busybox", greeting=_SMALL, answers=False, ayt=bytes((IAC, NOP))),
        # before 1.14, and the vendors' copies of it in cameras and recorders (HiSilicon, Dahua, XM)
        TelnetProfile(name="busybox-1.0", greeting=_OLD_SMALL, answers=False, ayt=b""),
        TelnetProfile(name="utelnetd", greeting=_OLDEST, answers=False, ayt=b""),
        TelnetProfile(
            name="netkit",
            greeting=((DO, TTYPE), (DO, TSPEED), (DO, XDISPLOC), (DO, NEW_ENVIRON)),
            followups=(
                ((WILL, SGA), (DO, ECHO), (DO, NAWS), (WILL, STATUS), (DO, LFLOW)),
                ((WILL, ECHO),),
            ),
            will=frozenset({BINARY, ECHO, SGA, STATUS}),
            do=frozenset({BINARY, ECHO, SGA, TTYPE, NAWS, TSPEED, LFLOW, XDISPLOC, NEW_ENVIRON}),
            ask=frozenset({TTYPE, TSPEED, XDISPLOC, NEW_ENVIRON}),
        ),
        # observed: inetutils-telnetd 2.4 of Debian 12
        TelnetProfile(
            name="inetutils",
            greeting=(
                (WILL, AUTHENTICATION), (WILL, ENCRYPT), (DO, TTYPE), (DO, TSPEED), (DO, XDISPLOC),
                (DO, NEW_ENVIRON), (DO, OLD_ENVIRON),
            ),
            followups=(
                ((WILL, SGA), (DO, ECHO), (DO, LINEMODE), (DO, NAWS), (WILL, STATUS), (DO, LFLOW)),
                ((WILL, ECHO), (DO, TIMING_MARK), (DO, BINARY)),
            ),
            will=frozenset({BINARY, ECHO, SGA, STATUS}),
            do=frozenset({BINARY, SGA, TTYPE, NAWS, TSPEED, LFLOW, XDISPLOC, NEW_ENVIRON, OLD_ENVIRON}),
            ask=frozenset({TTYPE, TSPEED, XDISPLOC, NEW_ENVIRON}),
        ),
        TelnetProfile(name="ios", greeting=_ROUTER, do=frozenset({SGA, TTYPE, NAWS}), ask=frozenset({TTYPE})),
        # the order of RouterOS is from memory of banners, not checked against a device
        TelnetProfile(
            name="routeros",
            greeting=_ROUTER,
            do=frozenset({BINARY, SGA, TTYPE, NAWS}),
            ask=frozenset({TTYPE}),
            ayt=b"",
        ),
        TelnetProfile(
            name="huawei-vrp",
            greeting=((WILL, ECHO), (WILL, ECHO), *_ROUTER),
            do=frozenset({SGA, TTYPE, NAWS}),
            ask=frozenset({TTYPE}),
        ),
        TelnetProfile(name="zynos", greeting=((WILL, SGA), (WILL, ECHO)), do=frozenset({SGA})),
    )
}  # fmt: skip


class _Side(Enum):
    NO = 0
    YES = 1
    WANT_YES = 2


class Negotiation:
    """State of every option on both sides. O(1) for each command; 256 options a side bound it."""

    __slots__ = ("_followups", "_ours", "_profile", "_theirs")

    def __init__(self, profile: TelnetProfile) -> None:
        self._profile = profile
        self._ours: dict[int, _Side] = {}
        self._theirs: dict[int, _Side] = {}
        self._followups = profile.followups

    def start(self) -> bytes:
        """The first packet."""
        return self._request(self._profile.greeting)

    def receive(self, command: int, option: int) -> bytes:
        """Take WILL, WONT, DO or DONT from the peer and return the answer, if one is due."""
        if command in {WILL, WONT}:
            answer = self._settle(
                self._theirs, option, option in self._profile.do, command == WILL, (DO, DONT)
            )
        else:
            answer = self._settle(
                self._ours, option, option in self._profile.will, command == DO, (WILL, WONT)
            )
        if not self._profile.answers:
            return b""
        if command == WILL and option in self._profile.ask and self.peer_performs(option):
            answer += bytes((IAC, SB, option, SEND, IAC, SE))
        return answer + self._continue()

    def performs(self, option: int) -> bool:
        """Whether this side performs `option`, or has offered to and was not refused."""
        return self._ours.get(option, _Side.NO) is not _Side.NO

    def peer_performs(self, option: int) -> bool:
        """Whether the peer performs `option`."""
        return self._theirs.get(option) is _Side.YES

    def _request(self, pairs: tuple[tuple[int, int], ...]) -> bytes:
        for command, option in pairs:
            side = self._ours if command == WILL else self._theirs
            side[option] = _Side.WANT_YES
        return b"".join(bytes((IAC, command, option)) for command, option in pairs)

    def _continue(self) -> bytes:
        out = b""
        while self._followups and _Side.WANT_YES not in {*self._ours.values(), *self._theirs.values()}:
            following, *rest = self._followups
            self._followups = tuple(rest)
            out += self._request(tuple(pair for pair in following if not self._has(pair)))
        return out

    def _has(self, pair: tuple[int, int]) -> bool:
        side = self._ours if pair[0] == WILL else self._theirs
        return side.get(pair[1]) is _Side.YES

    @staticmethod
    def _settle(
        side: dict[int, _Side], option: int, agreed: bool, wanted: bool, words: tuple[int, int]
    ) -> bytes:
        """RFC 1143 §7, without the states that only a changed mind can reach."""
        state = side.get(option, _Side.NO)
        if not wanted:
            side[option] = _Side.NO
            return bytes((IAC, words[1], option)) if state is _Side.YES else b""
        if state is not _Side.NO or agreed:
            side[option] = _Side.YES
        if state is not _Side.NO:
            return b""
        return bytes((IAC, words[0] if agreed else words[1], option))
