# SPDX-License-Identifier: Apache-2.0
"""Addresses: canonical text, and which IPv4 address an IPv6 address carries inside.

Source: RFC 4291 §2.5.5 (mapped, compatible), RFC 6052 (NAT64), RFC 3056 (6to4), RFC 4380 (Teredo).
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv6Address

__all__ = ["canonical", "embedded_ipv4", "subscriber"]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")


def canonical(address: str) -> str:
    """Canonical text of an address; an IPv4-mapped IPv6 address becomes IPv4, a zone is dropped."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(parsed)


def subscriber(address: str) -> str:
    """What one subscriber holds at least: a canonical IPv4 address itself, in IPv6 its /64."""
    if ":" not in address:
        return address
    return str(ipaddress.IPv6Network((int(ipaddress.IPv6Address(address)) >> 64 << 64, 64)))


def embedded_ipv4(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """IPv4 addresses that traffic to `address` may end at."""
    found: list[IPv4Address] = []
    if address.ipv4_mapped:
        found.append(address.ipv4_mapped)
    if address.sixtofour:
        found.append(address.sixtofour)
    if address.teredo:
        found.extend(address.teredo)
    if address in _NAT64 or address in _NAT64_LOCAL or int(address) >> 32 == 0:
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return tuple(found)
