# SPDX-License-Identifier: Apache-2.0
"""Connections out of packets that are out of order, doubled, overlapping or missing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from mead.wire.core import Limit, Output
from mead.wire.pcap import CaptureEnd, CaptureReader, Frame
from mead.wire.tcp import (
    CaptureFlows,
    Datagram,
    FlowClosed,
    FlowData,
    FlowGap,
    FlowLimits,
    FlowOpened,
    Flows,
)

FIN, SYN, RST, ACK = 1, 2, 4, 16


class Wire:
    """Two hosts and what a capture between them saw."""

    def __init__(self, build: Any, **limits: int) -> None:
        self.build = build
        self.flows = Flows(FlowLimits(**limits))
        self.out: list[Output] = []
        self.clock = 0

    def client(self, sequence: int, data: bytes = b"", flags: int = ACK, port: int = 40000) -> None:
        self._see(self.build.ipv4(self.build.tcp(data, sequence, flags, port, 80)))

    def server(self, sequence: int, data: bytes = b"", flags: int = ACK, port: int = 40000) -> None:
        self._see(self.build.ipv4(self.build.tcp(data, sequence, flags, 80, port), "10.0.0.2", "10.0.0.1"))

    def _see(self, packet: bytes) -> None:
        self.clock += 10**9
        self.out += self.flows.frame(Frame(self.clock, 101, packet, len(packet)))

    def shake(self, client: int = 100, server: int = 500) -> None:
        self.client(client, flags=SYN)
        self.server(server, flags=SYN | ACK)
        self.client(client + 1)

    def stream(self, from_client: bool = True) -> bytes:
        return b"".join(
            item.data if isinstance(item, FlowData) else b"?" * min(item.missing_bytes, 9)
            for item in self.out
            if isinstance(item, FlowData | FlowGap) and item.from_client == from_client
        )

    def closed(self) -> list[tuple[int, str, bool]]:
        return [(item.flow, item.how, item.handshake) for item in self.out if isinstance(item, FlowClosed)]


@pytest.fixture
def wire(build: Any) -> Wire:
    return Wire(build)


def test_a_connection_from_start_to_end(wire: Wire) -> None:
    wire.shake()
    wire.client(101, b"GET")
    wire.server(501, b"200")
    wire.server(504, flags=FIN | ACK)
    wire.client(104, flags=FIN | ACK)
    wire.server(505)
    opened, request, response, closed = wire.out
    assert isinstance(opened, FlowOpened)
    assert (opened.client[1], opened.server[1], opened.from_start) == (40000, 80, True)
    assert request == FlowData(1, 4 * 10**9, True, b"GET")
    assert response == FlowData(1, 5 * 10**9, False, b"200")
    assert closed == FlowClosed(1, 7 * 10**9, "fin", True)
    assert wire.flows.leave() == []


def test_out_of_order_doubled_and_overlapping(wire: Wire) -> None:
    wire.shake()
    wire.client(107, b"GHI")
    wire.client(104, b"DEF")
    wire.client(107, b"GHIJ")
    wire.client(101, b"ABC")
    wire.client(101, b"XXXX")
    wire.client(109, b"IJKL")
    assert wire.stream() == b"ABCDEFGHIJKL"


def test_overlap_among_what_waits(wire: Wire) -> None:
    wire.shake()
    wire.client(103, b"CDEF")
    wire.client(105, b"EFGH")
    wire.client(104, b"D")
    wire.client(101, b"ABCDE")
    assert wire.stream() == b"ABCDEFGH"


def test_sequence_numbers_wrap(wire: Wire) -> None:
    wire.shake(client=2**32 - 3)
    wire.client(2, b"EF")
    wire.client(2**32 - 2, b"ABCD")
    assert wire.stream() == b"ABCDEF"


def test_what_is_missing_is_a_gap_when_the_capture_ends(wire: Wire) -> None:
    wire.shake()
    wire.client(101, b"AB")
    wire.client(108, b"IJ")
    wire.out += wire.flows.leave()
    assert [item for item in wire.out if isinstance(item, FlowGap)] == [FlowGap(1, 5 * 10**9, True, 5)]
    assert wire.stream() == b"AB?????IJ"
    assert wire.closed() == [(1, "end", True)]


@pytest.mark.parametrize("limits", [{"max_pending_bytes": 20}, {"max_pending_segments": 2}])
def test_waiting_is_bounded(build: Any, limits: dict[str, int]) -> None:
    wire = Wire(build, **limits)
    wire.shake()
    for number in range(3):
        wire.client(103 + number * 8, b"x" * 8)
    assert wire.stream() == b"??" + b"x" * 24


def test_a_connection_that_begins_in_the_middle(wire: Wire) -> None:
    wire.server(9000, b"prompt# ")
    wire.client(77, b"id")
    opened = wire.out[0]
    assert isinstance(opened, FlowOpened)
    assert (opened.client[1], opened.from_start) == (40000, False)
    assert (wire.stream(), wire.stream(False)) == (b"id", b"prompt# ")


def test_an_answer_whose_syn_was_missed_names_the_client(wire: Wire) -> None:
    wire.server(500, flags=SYN | ACK)
    assert isinstance(wire.out[0], FlowOpened)
    assert wire.out[0].client[1] == 40000


def test_a_scan_has_no_handshake(wire: Wire) -> None:
    wire.client(1, flags=SYN)
    wire.server(0, flags=RST | ACK)
    wire.client(1, flags=SYN, port=40001)
    wire.out += wire.flows.leave()
    assert wire.closed() == [(1, "rst", False), (2, "end", False)]


def test_the_same_ports_again_are_another_connection(wire: Wire) -> None:
    wire.shake()
    wire.client(101, b"one")
    wire.client(9000, flags=SYN)
    wire.client(9001, b"two")
    wire.client(9004, flags=RST)
    wire.client(20000, flags=SYN)
    assert wire.closed() == [(1, "reused", True), (2, "rst", False)]
    assert [item.flow for item in wire.out if isinstance(item, FlowOpened)] == [1, 2, 3]


def test_a_repeated_syn_is_the_same_connection(wire: Wire) -> None:
    wire.client(100, flags=SYN)
    wire.client(100, flags=SYN)
    assert len(wire.out) == 1


def test_silence_ends_a_connection_when_its_ports_come_back(build: Any) -> None:
    wire = Wire(build, idle_seconds=10)
    wire.shake()
    wire.clock += 11 * 10**9
    wire.client(101, b"late")
    assert wire.closed() == [(1, "idle", True)]


def test_too_many_connections_push_out_the_least_active(build: Any) -> None:
    wire = Wire(build, max_flows=2)
    for port in (1001, 1002, 1003, 1004):
        wire.client(100, flags=SYN, port=port)
        wire.client(101, b"x", port=1001)
    limits = [item for item in wire.out if isinstance(item, Limit)]
    assert limits == [Limit("flows", 2, "connections")]
    assert [how for _, how, _ in wire.closed()] == ["evicted", "evicted"]
    assert [flow for flow, _, _ in wire.closed()] == [2, 3]


def test_data_with_the_fin(wire: Wire) -> None:
    wire.shake()
    wire.client(101, b"bye", flags=FIN | ACK)
    wire.server(501, flags=FIN | ACK)
    assert wire.stream() == b"bye"
    assert wire.closed() == [(1, "fin", True)]


def test_datagrams_and_fragments(build: Any) -> None:
    wire = Wire(build)
    udp = build.udp(b"A" * 16)
    wire._see(build.ipv4(udp[:16], protocol=17, fragment=0x2000))
    wire._see(build.ipv4(udp[16:], protocol=17, fragment=2))
    wire._see(build.ipv4(b"ping", protocol=1))
    wire._see(b"")
    (datagram,) = wire.out
    assert isinstance(datagram, Datagram)
    assert datagram.data == b"A" * 16
    assert wire.flows.ignored_frames == 2
    wire._see(build.ipv4(udp[:16], protocol=17, fragment=0x2000))
    wire.flows.leave()
    assert wire.flows.dropped_packets == 1


@pytest.mark.parametrize("seed", range(20))
def test_any_order_of_any_cut_gives_the_stream(wire: Wire, seed: int) -> None:
    dice = random.Random(seed)
    text = bytes(dice.randrange(256) for _ in range(400))
    pieces = []
    for _ in range(60):
        start = dice.randrange(len(text))
        pieces.append((start, text[start : start + dice.randrange(1, 40)]))
    pieces += [(start, text[start : start + 16]) for start in range(0, len(text), 16)]
    dice.shuffle(pieces)
    wire.shake(client=2**32 - 200)
    for start, data in pieces:
        wire.client(2**32 - 199 + start, data)
    assert wire.stream() == text
    (flow,) = wire.flows._flows.values()
    assert (flow.directions[0].pending, flow.directions[0].pending_bytes) == ({}, 0)


def test_a_capture_file_gives_conversations_and_its_end(build: Any) -> None:
    packets = [
        build.ethernet + build.ipv4(build.tcp(b"", 1, SYN)),
        build.ethernet + build.ipv4(build.tcp(b"hello", 2)),
    ]
    core = CaptureFlows(CaptureReader())
    out = [*core.receive(build.pcap(*packets) + b"tail"), *core.receive(b"")]
    assert [type(item).__name__ for item in out] == [
        "FlowOpened",
        "FlowData",
        "PeerError",
        "FlowClosed",
        "CaptureEnd",
    ]
    assert out[-1] == CaptureEnd(2, 4)
