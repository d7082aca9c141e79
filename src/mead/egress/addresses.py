# SPDX-License-Identifier: Apache-2.0
"""Which addresses a fetch may go to: global unicast that belongs to nobody special, and nothing else.

The tables are our own because `ipaddress.is_global` changed its mind between patch releases of Python.
What no table names is allowed only inside the space that IANA has given out as global unicast.

Source: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190), RFC 4380, RFC 3056,
RFC 6052, RFC 8215, RFC 5214; the metadata addresses are those that the cloud providers document.
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

__all__ = ["Address", "Network", "is_own_host", "network_of", "parse_network", "special_range"]

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

_METADATA = frozenset(
    map(
        ip_address,
        (
            "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.123", "169.254.169.253",
            "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23",
            "fd20:ce::254",
        ),
    )
)  # fmt: skip

_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), name)
    for network, name in (
        ("127.0.0.0/8", "loopback"),
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("172.16.0.0/12", "private"),
        ("192.168.0.0/16", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("169.254.0.0/16", "link-local"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.175.48.0/24", "AS112"),
        ("192.52.193.0/24", "multicast tunnelling"),
        ("192.88.99.0/24", "6to4 relay"),
        ("198.18.0.0/15", "benchmarking"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)

_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), name)
    for network, name in (
        ("::1/128", "loopback"),
        ("::/128", "unspecified"),
        ("::ffff:0:0/96", "IPv4-mapped"),
        ("::ffff:0:0:0/96", "IPv4-translated"),
        ("::/96", "IPv4-compatible"),
        ("64:ff9b::/96", "NAT64"),
        ("64:ff9b:1::/48", "NAT64"),
        ("100::/64", "discard"),
        ("2001::/32", "Teredo"),
        ("2001:2::/48", "benchmarking"),
        ("2001:10::/28", "ORCHID"),
        ("2001:20::/28", "ORCHID"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("3fff::/20", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3ffe::/16", "6bone"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)

_RTM_NEWROUTE, _RTM_GETROUTE, _NLMSG_ERROR, _NLM_F_REQUEST, _RTA_DST, _RTN_UNICAST = 24, 26, 2, 1, 1, 1
_KERNEL_SECONDS = 2.0

_GLOBAL_V6 = IPv6Network("2000::/3")
_ISATAP = (0x00005EFE, 0x02005EFE)


def special_range(address: Address) -> str | None:
    """Name of the range that makes `address` unfit to be fetched from; None for global unicast."""
    if address in _METADATA:
        return "cloud metadata"
    if isinstance(address, IPv4Address):
        return next((name for network, name in _V4 if address in network), None)
    for network, name in _V6:
        if address in network:
            return name
    if address not in _GLOBAL_V6:
        return "not global unicast"
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return "ISATAP"
    return None


def network_of(address: Address) -> Network:
    """The neighbourhood that shares a budget: /24 of IPv4, /48 of IPv6."""
    return ip_network((address, 24 if address.version == 4 else 48), strict=False)


def parse_network(text: str) -> Network | None:
    """Address or network as the operator wrote it; None when it is neither."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def is_own_host(address: Address) -> bool:
    """Whether `address` leads to this machine itself, by its routing table; nothing is sent.

    That is so for the addresses of its interfaces, and for whole networks that are routed to it (AnyIP). An
    answer that cannot be understood counts as yes.

    Source: rtnetlink(7), RTM_GETROUTE; route types of linux/rtnetlink.h.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    attribute = struct.pack("=HH", 4 + len(address.packed), _RTA_DST) + address.packed
    message = struct.pack("=BBBBBBBBI", family, address.max_prefixlen, *bytes(6), 0) + attribute
    head = struct.pack("=IHHII", 16 + len(message), _RTM_GETROUTE, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
        kernel.settimeout(_KERNEL_SECONDS)
        try:
            kernel.sendto(head + message, (0, 0))
            answer = kernel.recv(8192)
        except OSError:
            return True
    kind = struct.unpack_from("=H", answer, 4)[0] if len(answer) >= 24 else None
    if kind == _NLMSG_ERROR:  # no route: whoever connects will be told
        return bool(struct.unpack_from("=i", answer, 16)[0] == 0)
    return bool(kind != _RTM_NEWROUTE or answer[23] != _RTN_UNICAST)
