# SPDX-License-Identifier: Apache-2.0
"""Conversations out of packets: TCP streams put in order, UDP datagrams as they came.

A captured connection is not a connection: packets are missing, doubled, out of order, or begin in the
middle. What is there comes out in order; what is missing is a counted gap. Where segments overlap, what
was given out already counts, then what starts earlier.

**Source:** RFC 9293.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec import Struct

from mead.wire.core import Fact, Limit, Output
from mead.wire.fragments import Fragments
from mead.wire.packet import ACK, FIN, RST, SYN, Datagram, Endpoint, Segment, ip_packet, transport
from mead.wire.pcap import CaptureEnd, CaptureReader, Frame

__all__ = [
    "CaptureFlows", "Datagram", "FlowClosed", "FlowData", "FlowGap", "FlowLimits", "FlowOpened", "Flows",
]  # fmt: skip

_WRAP = 1 << 32
_NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class FlowOpened(Fact):
    """A TCP connection, seen for the first time."""

    flow: int
    """Number of the connection, unique in the capture."""
    time_ns: int
    client: Endpoint
    server: Endpoint
    from_start: bool
    """Whether its SYN was seen; if not, client and server are a guess."""


@dataclass(frozen=True, slots=True)
class FlowData(Fact):
    """The next bytes of one direction."""

    flow: int
    time_ns: int
    from_client: bool
    data: bytes


@dataclass(frozen=True, slots=True)
class FlowGap(Fact):
    """Bytes that the capture lacks, at this place of one direction."""

    flow: int
    time_ns: int
    from_client: bool
    missing_bytes: int


@dataclass(frozen=True, slots=True)
class FlowClosed(Fact):
    """The connection is over."""

    flow: int
    time_ns: int
    how: str
    """`fin`, `rst`, `idle`, `evicted` (too many at once), `reused` (same ports again) or `end` of capture."""
    handshake: bool
    """Whether both sides said SYN, or data was exchanged: not merely a scan."""


class FlowLimits(Struct, frozen=True, kw_only=True):
    """Bounds of following connections.

    Attributes:
        max_flows: connections followed at once; beyond it the least recently active one is closed.
        max_pending_bytes: bytes of one direction that wait for an earlier segment; then it is a gap.
        max_pending_segments: the same in segments.
        idle_seconds: a connection silent for so long (by the capture's clock) is closed when its
            ports are used again.
        max_fragmented_packets: incomplete IP packets held at once.
    """

    max_flows: int = 65536
    max_pending_bytes: int = 1024 * 1024
    max_pending_segments: int = 1024
    idle_seconds: int = 3600
    max_fragmented_packets: int = 256


@dataclass(slots=True)
class _Direction:
    expected: int | None = None
    pending: dict[int, bytes] = field(default_factory=dict)
    pending_bytes: int = 0
    fin_at: int | None = None
    closed: bool = False
    spoke: bool = False
    moved: bool = False
    """Whether `expected` moved since pending segments were last compared with it."""


@dataclass(slots=True)
class _Flow:
    number: int
    client: Endpoint
    last_ns: int
    over: bool = False
    """Closed; kept so that stragglers do not look like a new connection."""
    directions: tuple[_Direction, _Direction] = field(default_factory=lambda: (_Direction(), _Direction()))


class Flows:
    """Follows the conversations in frames. O(bytes) plus sorting of what came out of order."""

    def __init__(self, limits: FlowLimits | None = None) -> None:
        self._limits = limits or FlowLimits()
        self._fragments = Fragments(self._limits.max_fragmented_packets)
        self._flows: dict[frozenset[Endpoint], _Flow] = {}
        self._count = 0
        self._last_ns = 0
        self._evicting = False
        self.ignored_frames = 0
        """Frames without TCP or UDP in them."""

    @property
    def dropped_packets(self) -> int:
        """Fragmented packets that never became whole."""
        return self._fragments.dropped

    def frame(self, frame: Frame) -> list[Output]:
        """Take the next frame."""
        out: list[Output] = []
        self._last_ns = frame.time_ns
        packet = ip_packet(frame.link, frame.data)
        if packet is not None and packet.is_fragment:
            packet = self._fragments.add(packet)
            if packet is None:
                return out
        found = None if packet is None else transport(packet, frame.time_ns)
        if isinstance(found, Datagram):
            out.append(found)
        elif found is not None:
            self._segment(found, frame.time_ns, out)
        else:
            self.ignored_frames += 1
        return out

    def leave(self) -> list[Output]:
        """There are no more frames: close everything."""
        out: list[Output] = []
        self._fragments.leave()
        for flow in self._flows.values():
            self._close(flow, "end", self._last_ns, out)
        self._flows.clear()
        return out

    def _segment(self, segment: Segment, time_ns: int, out: list[Output]) -> None:
        key = frozenset((segment.src, segment.dst))
        flow = self._flows.pop(key, None)
        if flow is not None and (how := self._ended(flow, segment, time_ns)):
            self._close(flow, how, time_ns, out)
            flow = None
        if flow is None:
            flow = self._open(segment, time_ns, out)
        self._flows[key] = flow  # last in the dict: the most recently active
        flow.last_ns = time_ns
        if flow.over:
            return
        from_client = segment.src == flow.client
        self._take(flow, flow.directions[0 if from_client else 1], from_client, segment, out)
        if segment.flags & RST:
            self._close(flow, "rst", time_ns, out)
        elif all(side.closed for side in flow.directions):
            self._close(flow, "fin", time_ns, out)

    def _ended(self, flow: _Flow, segment: Segment, time_ns: int) -> str:
        """How the connection ended, if this segment opens another between the same ports."""
        if time_ns - flow.last_ns > self._limits.idle_seconds * _NANO:
            return "idle"
        if not segment.flags & SYN or segment.flags & ACK:
            return ""
        if flow.over:
            return "reused"
        direction = flow.directions[0 if segment.src == flow.client else 1]
        again = direction.expected is not None and direction.expected != (segment.sequence + 1) % _WRAP
        return "reused" if again else ""

    def _open(self, segment: Segment, time_ns: int, out: list[Output]) -> _Flow:
        if len(self._flows) >= self._limits.max_flows:
            if not self._evicting:
                out.append(Limit("flows", self._limits.max_flows, "connections"))
            self._evicting = True
            self._close(self._flows.pop(next(iter(self._flows))), "evicted", time_ns, out)
        from_server = bool(segment.flags & SYN and segment.flags & ACK) or (
            not segment.flags & SYN and segment.src[1] < 1024 <= segment.dst[1]
        )
        client, server = (segment.dst, segment.src) if from_server else (segment.src, segment.dst)
        self._count += 1
        flow = _Flow(self._count, client, time_ns)
        out.append(FlowOpened(flow.number, time_ns, client, server, bool(segment.flags & SYN)))
        return flow

    def _take(
        self, flow: _Flow, direction: _Direction, from_client: bool, segment: Segment, out: list[Output]
    ) -> None:
        sequence = segment.sequence
        if segment.flags & SYN:
            direction.spoke = True
            sequence = (sequence + 1) % _WRAP
            if direction.expected is None:
                direction.expected = sequence
        if direction.expected is None:
            direction.expected = sequence
        distance = _distance(sequence, direction.expected)
        if segment.data:
            direction.spoke = True
            self._store(direction, distance, segment)
        if segment.flags & FIN:
            direction.fin_at = (sequence + len(segment.data) + segment.cut_bytes) % _WRAP
        while self._deliver(flow, direction, from_client, out):
            pass

    def _store(self, direction: _Direction, distance: int, segment: Segment) -> None:
        """Keep what is new of a segment, at its distance from the next byte expected."""
        assert direction.expected is not None
        data = segment.data[-distance:] if distance < 0 else segment.data
        if distance < 0 and -distance >= len(segment.data):
            return
        at = (direction.expected + max(0, distance)) % _WRAP
        if len(data) > len(direction.pending.get(at, b"")):
            direction.pending_bytes += len(data) - len(direction.pending.get(at, b""))
            direction.pending[at] = (
                direction.pending.get(at, b"") + data[len(direction.pending.get(at, b"")) :]
            )

    def _deliver(self, flow: _Flow, direction: _Direction, from_client: bool, out: list[Output]) -> bool:
        """Give out what is next; whether there may be more."""
        assert direction.expected is not None
        data = direction.pending.pop(direction.expected, None)
        if data is not None:
            direction.pending_bytes -= len(data)
            direction.expected = (direction.expected + len(data)) % _WRAP
            direction.moved = True
            out.append(FlowData(flow.number, flow.last_ns, from_client, data))
            return True
        if direction.moved and self._overlapping(direction):
            return True
        limits = self._limits
        full = direction.pending_bytes > limits.max_pending_bytes
        if full or len(direction.pending) > limits.max_pending_segments:
            self._skip(flow, direction, from_client, out)
            return True
        direction.closed = direction.closed or direction.fin_at == direction.expected
        return False

    @staticmethod
    def _overlapping(direction: _Direction) -> bool:
        """Cut off pending segments what was delivered already; whether one of them is next now."""
        assert direction.expected is not None
        direction.moved = False
        late = [at for at in direction.pending if _distance(at, direction.expected) < 0]
        for at in late:
            data = direction.pending.pop(at)
            rest = data[_distance(direction.expected, at) :]
            direction.pending_bytes -= len(data)
            known = direction.pending.get(direction.expected, b"")
            if len(rest) > len(known):
                direction.pending[direction.expected] = known + rest[len(known) :]
                direction.pending_bytes += len(rest) - len(known)
        return direction.expected in direction.pending

    @staticmethod
    def _skip(flow: _Flow, direction: _Direction, from_client: bool, out: list[Output]) -> None:
        """Give up waiting for what is missing before the next pending segment."""
        assert direction.expected is not None
        expected = direction.expected
        nearest = min(direction.pending, key=lambda at: _distance(at, expected))
        out.append(FlowGap(flow.number, flow.last_ns, from_client, _distance(nearest, expected)))
        direction.expected = nearest

    def _close(self, flow: _Flow, how: str, time_ns: int, out: list[Output]) -> None:
        if flow.over:
            return
        flow.over = True
        for index, direction in enumerate(flow.directions):
            while direction.pending:
                self._skip(flow, direction, index == 0, out)
                while self._deliver(flow, direction, index == 0, out):
                    pass
        handshake = all(side.spoke for side in flow.directions)
        out.append(FlowClosed(flow.number, time_ns, how, handshake))


class CaptureFlows:
    """A capture file in, its conversations out: `CaptureReader` and `Flows` in one core."""

    def __init__(self, reader: CaptureReader | None = None, limits: FlowLimits | None = None) -> None:
        self.flows = Flows(limits)
        self._reader = reader or CaptureReader()

    def receive(self, data: bytes) -> list[Output]:
        """Take a piece of the file; empty `data`: that was all."""
        out: list[Output] = []
        for item in self._reader.receive(data):
            if isinstance(item, Frame):
                out += self.flows.frame(item)
            elif isinstance(item, CaptureEnd):
                out += [*self.flows.leave(), item]
            else:
                out.append(item)
        return out


def _distance(sequence: int, reference: int) -> int:
    """How far `sequence` is ahead of `reference`, in [-2³¹, 2³¹)."""
    return (sequence - reference + (_WRAP >> 1)) % _WRAP - (_WRAP >> 1)
