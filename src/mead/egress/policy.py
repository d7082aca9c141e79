# SPDX-License-Identifier: Apache-2.0
"""What the operator lets go out, and how much of it."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

__all__ = ["EgressSettings", "Policy"]

Policy = Literal["observe", "queue", "fetch"]
"""`observe` records offers, `queue` hands them to a central fetcher, `fetch` follows them from here."""


class EgressSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the egress gate and its fetchers.

    Attributes:
        policy: what is done with an offer: `observe`, `queue` or `fetch`.
        allow_loopback_for_tests: let fetches go to loopback addresses and to nothing else. For tests only.
        deny: addresses, networks (`198.51.100.0/24`), hosts (`example.org`) and domains with all below
            them (`.example.org`) that are never contacted.
        own_addresses: addresses and networks of our own sensors; never contacted.
        deny_ports: ports that are never contacted, besides those of mail, name and similar services.
        max_body_bytes: largest body; a larger one is a failed fetch with the bytes counted.
        timeout_seconds: longest wait for a connection, an answer, or the next piece of a body.
        total_seconds: longest time for one attempt, redirects included.
        quiet_seconds: a raw TCP peer that sent something and is silent for so long has sent its body.
        max_redirects: redirects followed in one attempt; each goes through the gate again.
        per_host_per_minute: fetches to one host name or address.
        per_network_per_minute: fetches to one /24 (IPv4) or /48 (IPv6).
        per_asn_per_minute: fetches to one autonomous system, when a lookup is configured.
        retry_seconds: waits before the second, third … attempt; their number sets that of the attempts.
        max_concurrent: fetches under way at the same time.
        max_concurrent_per_host: of these, to one host.
        max_pending: offers under way or waiting for their next attempt; further ones are dropped, counted.
    """

    policy: Policy = "observe"
    allow_loopback_for_tests: bool = False
    deny: list[str] = []
    own_addresses: list[str] = []
    deny_ports: list[int] = []
    max_body_bytes: int = 32 * 1024 * 1024
    timeout_seconds: float = 30.0
    total_seconds: float = 180.0
    quiet_seconds: float = 5.0
    max_redirects: int = 5
    per_host_per_minute: int = 30
    per_network_per_minute: int = 60
    per_asn_per_minute: int = 240
    retry_seconds: list[float] = field(default_factory=lambda: [120.0, 480.0])
    max_concurrent: int = 8
    max_concurrent_per_host: int = 2
    max_pending: int = 1000
