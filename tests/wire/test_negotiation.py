# SPDX-License-Identifier: Apache-2.0
"""Option negotiation never loops and never agrees to what the device cannot do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mead.wire.negotiation import DO, DONT, ECHO, IAC, PROFILES, SGA, TTYPE, WILL, WONT, Negotiation

COMMANDS = st.tuples(st.sampled_from([WILL, WONT, DO, DONT]), st.integers(0, 255))
OPENINGS = st.lists(COMMANDS, max_size=40, unique_by=lambda pair: (pair[0] in {WILL, WONT}, pair[1]))
"""RFC 1143: no side speaks of an option again before it was answered, or two wishes chase each other."""


def test_silent_devices_remember_what_was_said() -> None:
    negotiation = Negotiation(PROFILES["busybox"])
    assert negotiation.start()
    assert negotiation.receive(WILL, SGA) == b""
    assert negotiation.peer_performs(SGA)
    assert negotiation.performs(ECHO)


def test_options_are_agreed_to_once() -> None:
    negotiation = Negotiation(PROFILES["ios"])
    negotiation.start()
    assert negotiation.receive(WILL, SGA) == bytes((IAC, DO, SGA))
    assert negotiation.receive(WILL, SGA) == b""
    assert negotiation.receive(WONT, SGA) == bytes((IAC, DONT, SGA))
    assert not negotiation.peer_performs(TTYPE)


@given(st.sampled_from(sorted(PROFILES)), OPENINGS)
def test_two_sides_of_the_same_device_fall_silent(name: str, opening: list[tuple[int, int]]) -> None:
    """RFC 1143: two Q-method sides end any exchange; answers to answers die out."""
    sides = [Negotiation(PROFILES[name]), Negotiation(PROFILES[name])]
    flight = [(0, command, option) for command, option in opening]
    rounds = 0
    while flight:
        rounds += 1
        assert rounds < 2000
        to, command, option = flight.pop(0)
        answer = sides[to].receive(command, option)
        while answer:
            if answer[1] == 250:
                answer = answer[answer.index(b"\xff\xf0") + 2 :]
                continue
            flight.append((1 - to, answer[1], answer[2]))
            answer = answer[3:]


@given(st.sampled_from(sorted(PROFILES)), st.lists(COMMANDS, max_size=60))
def test_only_options_of_the_profile_are_ever_agreed_to(name: str, commands: list[tuple[int, int]]) -> None:
    profile = PROFILES[name]
    negotiation = Negotiation(profile)
    negotiation.start()
    pairs = [pair for stage in (profile.greeting, *profile.followups) for pair in stage]
    asked = {option for command, option in pairs if command == WILL}
    for command, option in commands:
        answer = negotiation.receive(command, option)
        if answer[:2] == bytes((IAC, WILL)):
            assert answer[2] in profile.will | asked
