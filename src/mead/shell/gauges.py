# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""What a device measures about itself: memory, load, traffic, connections; it changes while one looks."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from mead.shell.machines import ARCHITECTURES
from mead.shell.persona import ShellPersona

__all__ = ["Connection", "Traffic", "connections", "load_now", "memory_now", "socket_table", "traffic_now"]

_MEAN_RECEIVED = 181  # bytes of a packet
_MEAN_SENT = 97


class Traffic(NamedTuple):
    """What went through an interface since the start."""

    received_bytes: int
    received_packets: int
    sent_bytes: int
    sent_packets: int


@dataclass(frozen=True, slots=True)
class Connection:
    """One TCP socket; a remote port of 0 stands for one that listens."""

    local: str
    local_port: int
    remote: str = "0.0.0.0"
    remote_port: int = 0

    @property
    def listening(self) -> bool:
        """Whether it waits for connections."""
        return self.remote_port == 0


def memory_now(persona: ShellPersona, uptime: float) -> tuple[int, int, int]:
    """Free, buffers and cached KiB; they drift with time."""
    total = persona.memory_kib
    drift = int(uptime // 7) % 97
    return total * (18 + drift % 9) // 100, total // 40, total * (30 - drift % 7) // 100


def load_now(persona: ShellPersona, uptime: float) -> str:
    """The three load averages."""
    base = persona.number("load", 2, 60)
    return " ".join(f"{(base + int(uptime // span) % 17) / 100:.2f}" for span in (11, 67, 301))


def traffic_now(persona: ShellPersona, interface: str, uptime: float) -> Traffic:
    """What went through `eth0` or `lo` until now."""
    if interface == "lo":
        return Traffic(4_080, 48, 4_080, 48)
    received = int(uptime * persona.number("packets", 2, 30)) + persona.number("rx", 900, 9_000)
    sent = received * 2 // 3
    return Traffic(received * _MEAN_RECEIVED, received, sent * _MEAN_SENT, sent)


def connections(persona: ShellPersona, peer: str) -> Iterator[Connection]:
    """Sockets that listen, and the one of the peer."""
    ports = (22, 80) if persona.gnu else (23, 80, 554)
    for port in ports:
        yield Connection("0.0.0.0", port)
    if peer:
        yield Connection(persona.address, ports[0], peer, persona.number(peer, 32_768, 60_999))


def socket_table(persona: ShellPersona, peer: str) -> bytes:
    """The content of /proc/net/tcp: addresses in hexadecimal, in the byte order of the machine."""
    rows = [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    ]
    order = "<I" if ARCHITECTURES[persona.architecture].little_endian else ">I"
    for number, entry in enumerate(connections(persona, peer)):
        ends = [
            _hexadecimal(order, entry.local, entry.local_port),
            _hexadecimal(order, entry.remote, entry.remote_port),
        ]
        state = "0A" if entry.listening else "01"
        inode = persona.number(f"socket:{entry.local_port}:{entry.remote}", 900, 9_000)
        rows.append(
            f"{number:>4}: {ends[0]} {ends[1]} {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 00000000 100 0 0 10 0"
        )
    return "".join(f"{row:<149}\n" for row in rows).encode()


def _hexadecimal(order: str, address: str, port: int) -> str:
    try:
        packed = bytes(int(part) for part in address.split("."))
        (number,) = struct.unpack(order, packed)
    except (ValueError, struct.error):
        number = 0
    return f"{number:08X}:{port:04X}"
