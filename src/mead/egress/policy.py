# SPDX-License-Identifier: Apache-2.0
"""What the operator lets go out, and how much of it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from mead.egress.addresses import Network, parse_network
from mead.egress.target import parse_host

__all__ = ["EgressSettings", "Policy", "denied", "own_networks"]

Policy = Literal["observe", "queue", "fetch"]
"""`observe` records offers, `queue` hands them to a central fetcher, `fetch` follows them from here."""

_LARGEST_BODY = 256 << 20
"""What the bus carries (`mead.bus.bodies.MAX_BODY_BYTES`)."""

Seconds = Annotated[float, Meta(gt=0, le=86_400)]
Wait = Annotated[float, Meta(ge=0, le=86_400)]
Count = Annotated[int, Meta(ge=1, le=100_000)]
Rate = Annotated[int, Meta(ge=0, le=1_000_000)]
Port = Annotated[int, Meta(ge=1, le=65535)]


class EgressSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the egress gate and its fetchers.

    Attributes:
        policy: what is done with an offer: `observe`, `queue` or `fetch`.
        user: user that `mead worker --queues fetch` changes to, when started as root; a sensor that
            fetches has `sensor.user`.
        allow_loopback_for_tests: let fetches go to loopback addresses and to nothing else. For tests only.
        deny: addresses, networks (`198.51.100.0/24`), hosts (`example.org`) and domains with all below
            them (`.example.org`) that are never contacted.
        own_addresses: addresses and networks of our own sensors, as the world sees them; never contacted.
            Those that this machine has, and those that its sensor listens on, are known without.
        deny_ports: ports that are never contacted, besides those of mail, name and similar services.
        asn_database: MaxMind DB file that knows the autonomous system of an address; empty: none is used.
        max_body_bytes: largest body; a larger one is a failed fetch with the bytes counted.
        timeout_seconds: longest wait for a connection, an answer, or the next piece of a body.
        total_seconds: longest time for one attempt, redirects included.
        min_bytes_per_second: a body that comes more slowly, once `timeout_seconds` have passed, is given up;
            0: none is.
        quiet_seconds: a raw TCP peer that sent something and is silent for so long has sent its body.
        max_redirects: redirects followed in one attempt; each goes through the gate again.
        per_host_per_minute: fetches by one sensor, or one central fetcher, to one host name or address.
        per_network_per_minute: the same, to one /24 (IPv4) or /48 (IPv6).
        per_asn_per_minute: the same, to one autonomous system; not bounded without an `asn_database`.
        retry_seconds: waits before the second, third … attempt; their number sets that of the attempts.
        reuse_seconds: an outcome is that of all who offer the same URL for so long, without another fetch.
        reuse_bytes: memory for outcomes, bodies included, that may be offered again within that time.
        max_concurrent: fetches under way at the same time.
        max_concurrent_per_host: of these, to one host.
        max_pending: offers under way or waiting for their next attempt; further ones are refused.
    """

    policy: Policy = "observe"
    user: str = "nobody"
    allow_loopback_for_tests: bool = False
    deny: list[str] = []
    own_addresses: list[str] = []
    deny_ports: list[Port] = []
    asn_database: str = ""
    max_body_bytes: Annotated[int, Meta(ge=1, le=_LARGEST_BODY)] = 32 * 1024 * 1024
    timeout_seconds: Seconds = 30.0
    total_seconds: Seconds = 180.0
    min_bytes_per_second: Rate = 64
    quiet_seconds: Seconds = 5.0
    max_redirects: Annotated[int, Meta(ge=0, le=50)] = 5
    per_host_per_minute: Rate = 30
    per_network_per_minute: Rate = 60
    per_asn_per_minute: Rate = 240
    retry_seconds: Annotated[list[Wait], Meta(max_length=20)] = field(default_factory=lambda: [120.0, 480.0])
    reuse_seconds: Wait = 60.0
    reuse_bytes: Annotated[int, Meta(ge=0)] = 64 * 1024 * 1024
    max_concurrent: Count = 8
    max_concurrent_per_host: Count = 2
    max_pending: Count = 1000

    def __post_init__(self) -> None:
        """Refuse a list that would silently deny nothing.

        Raises:
            ValueError: an entry is neither an address, a network nor, in `deny`, a name.
        """
        denied(self.deny)
        own_networks(self.own_addresses)


def denied(entries: list[str]) -> tuple[list[Network], list[str]]:
    """Networks and names of a `deny` list; a name with a leading dot means all below it too.

    Raises:
        ValueError: an entry is none of these.
    """
    networks: list[Network] = []
    names: list[str] = []
    for text in entries:
        if network := parse_network(text):
            networks.append(network)
            continue
        bare = text.strip().removeprefix("*")
        match host := parse_host(bare.removeprefix(".")):
            case str():
                names.append(f".{host}" if bare.startswith(".") else host)
            case _:
                raise ValueError(f"deny: {text!r} is neither an address, a network nor a name")
    return networks, names


def own_networks(entries: list[str]) -> list[Network]:
    """The networks of an `own_addresses` list.

    Raises:
        ValueError: an entry is neither an address nor a network.
    """
    networks = []
    for text in entries:
        network = parse_network(text)
        if network is None:
            raise ValueError(f"own_addresses: {text!r} is neither an address nor a network")
        networks.append(network)
    return networks
