# SPDX-License-Identifier: Apache-2.0
"""From a captured frame to a TCP segment or a UDP datagram.

**Source:** the LINKTYPE registry of tcpdump.org; RFC 791, RFC 8200 §4, RFC 9293 §3.1, RFC 768.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Literal, TypeAlias

from mead.wire.core import Fact

__all__ = ["Address", "Datagram", "Endpoint", "IpPacket", "Segment", "ip_packet", "transport"]

Address: TypeAlias = IPv4Address | IPv6Address
Endpoint: TypeAlias = tuple[Address, int]

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
TCP, UDP = 6, 17
_VLAN = frozenset({0x8100, 0x88A8, 0x9100})
_IP_TYPES = frozenset({0x0800, 0x86DD})
_NULL, _ETHERNET, _RAW_OLD, _RAW, _LOOP, _SLL, _RAW4, _RAW6, _SLL2 = 0, 1, 12, 101, 108, 113, 228, 229, 276
_SKIPPED_HEADERS = frozenset({0, 43, 60})
_FRAGMENT_HEADER = 44


@dataclass(frozen=True, slots=True)
class IpPacket:
    """An IP packet, or a fragment of one."""

    src: Address
    dst: Address
    protocol: int
    payload: bytes
    identification: int = 0
    fragment_offset: int = 0
    """Bytes before this fragment."""
    more_fragments: bool = False
    cut_bytes: int = 0
    """Bytes that the capture left out at the end."""

    @property
    def is_fragment(self) -> bool:
        """Whether this is only a part."""
        return self.more_fragments or self.fragment_offset > 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A TCP segment."""

    src: Endpoint
    dst: Endpoint
    sequence: int
    acknowledgement: int
    flags: int
    data: bytes
    cut_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Datagram(Fact):
    """A UDP datagram."""

    time_ns: int
    src: Endpoint
    dst: Endpoint
    data: bytes
    cut_bytes: int = 0


def ip_packet(link: int, data: bytes) -> IpPacket | None:
    """The IP packet in a frame; None: there is none, or it is broken."""
    inside = _below(link, data)
    if not inside:
        return None
    return _ipv4(inside) if inside[0] >> 4 == 4 else _ipv6(inside) if inside[0] >> 4 == 6 else None


def transport(packet: IpPacket, time_ns: int) -> Segment | Datagram | None:
    """The segment or datagram in a whole packet; None: another protocol, or broken."""
    data = packet.payload
    if packet.protocol == UDP and len(data) >= 8:
        length = _number(data, 4)
        end = length if length >= 8 else len(data)
        cut = max(0, end - len(data))
        return Datagram(
            time_ns, (packet.src, _number(data, 0)), (packet.dst, _number(data, 2)), data[8:end], cut
        )
    if packet.protocol == TCP and len(data) >= 20:
        start = (data[12] >> 4) * 4
        if 20 <= start <= len(data):
            return Segment(
                src=(packet.src, _number(data, 0)),
                dst=(packet.dst, _number(data, 2)),
                sequence=_number(data, 4, 4),
                acknowledgement=_number(data, 8, 4),
                flags=data[13],
                data=data[start:],
                cut_bytes=packet.cut_bytes,
            )
    return None


def _below(link: int, data: bytes) -> bytes:
    """What the link layer carries, if it is IP."""
    if link == _ETHERNET:
        return _ethernet(data)
    if link in {_RAW, _RAW_OLD, _RAW4, _RAW6}:
        return data
    if link in {_NULL, _LOOP}:
        return data[4:]
    if link == _SLL:
        return data[16:] if _number(data, 14) in _IP_TYPES else b""
    if link == _SLL2:
        return data[20:] if _number(data, 0) in _IP_TYPES else b""
    return b""


def _ethernet(data: bytes) -> bytes:
    position = 12
    while _number(data, position) in _VLAN:
        position += 4
    return data[position + 2 :] if _number(data, position) in _IP_TYPES else b""


def _ipv4(data: bytes) -> IpPacket | None:
    start, total = (data[0] & 15) * 4, _number(data, 2)
    if start < 20 or len(data) < start:
        return None
    # a zero total length is segmentation offload; the frame tells the true one
    end = total if total >= start else len(data)
    fragment = _number(data, 6)
    return IpPacket(
        src=IPv4Address(data[12:16]),
        dst=IPv4Address(data[16:20]),
        protocol=data[9],
        payload=data[start:end],
        identification=_number(data, 4),
        fragment_offset=(fragment & 0x1FFF) * 8,
        more_fragments=bool(fragment & 0x2000),
        cut_bytes=max(0, end - len(data)),
    )


def _ipv6(data: bytes) -> IpPacket | None:
    if len(data) < 40:
        return None
    end = 40 + _number(data, 4) or len(data)
    protocol, position = data[6], 40
    identification = offset = 0
    more = False
    while protocol in _SKIPPED_HEADERS or protocol == _FRAGMENT_HEADER:
        if position + 8 > len(data) or offset:
            break
        if protocol == _FRAGMENT_HEADER:
            field, identification = _number(data, position + 2), _number(data, position + 4, 4)
            offset, more = field & 0xFFF8, bool(field & 1)
            step = 8
        else:
            step = 8 + data[position + 1] * 8
        protocol, position = data[position], position + step
    return IpPacket(
        src=IPv6Address(data[8:24]),
        dst=IPv6Address(data[24:40]),
        protocol=protocol,
        payload=data[position:end],
        identification=identification,
        fragment_offset=offset,
        more_fragments=more,
        cut_bytes=max(0, end - len(data)),
    )


def _number(data: bytes, position: int, count: Literal[2, 4] = 2) -> int:
    return int.from_bytes(data[position : position + count], "big")
