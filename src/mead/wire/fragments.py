# SPDX-License-Identifier: Apache-2.0
"""Puts fragmented IP packets together, within bounds. Where fragments overlap, the first one counts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from mead.wire.packet import Address, IpPacket

__all__ = ["Fragments"]

MAX_PACKET_BYTES = 65535
MAX_PIECES = 256
_Key = tuple[Address, Address, int, int]


@dataclass(slots=True)
class _Partial:
    pieces: dict[int, bytes] = field(default_factory=dict)
    total: int | None = None


class Fragments:
    """Holds incomplete packets; the oldest goes when there are too many."""

    def __init__(self, max_packets: int) -> None:
        self.dropped = 0
        """Packets given up."""
        self._max_packets = max_packets
        self._partials: dict[_Key, _Partial] = {}

    def add(self, packet: IpPacket) -> IpPacket | None:
        """Take a fragment; the whole packet, once its last piece came."""
        key = (packet.src, packet.dst, packet.identification, packet.protocol)
        partial = self._partials.get(key)
        if partial is None:
            if len(self._partials) >= self._max_packets:
                del self._partials[next(iter(self._partials))]
                self.dropped += 1
            partial = self._partials[key] = _Partial()
        end = packet.fragment_offset + len(packet.payload)
        if end > MAX_PACKET_BYTES or len(partial.pieces) >= MAX_PIECES:
            del self._partials[key]
            self.dropped += 1
            return None
        partial.pieces.setdefault(packet.fragment_offset, packet.payload)
        if not packet.more_fragments:
            partial.total = end
        whole = _join(partial)
        if whole is None:
            return None
        del self._partials[key]
        return replace(packet, payload=whole, fragment_offset=0, more_fragments=False)

    def leave(self) -> None:
        """No more packets come: what is incomplete is given up."""
        self.dropped += len(self._partials)
        self._partials.clear()


def _join(partial: _Partial) -> bytes | None:
    if partial.total is None or sum(map(len, partial.pieces.values())) < partial.total:
        return None
    whole = bytearray()
    for offset, piece in sorted(partial.pieces.items()):
        if offset > len(whole):
            return None
        whole += piece[len(whole) - offset :]
    return bytes(whole[: partial.total])
