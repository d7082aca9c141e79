"""Addresses carry other addresses inside."""

from __future__ import annotations

from ipaddress import IPv6Address

import pytest

from mead.model.network import canonical, embedded_ipv4, subscriber


@pytest.mark.parametrize(
    ("given", "expected"),
    [("::ffff:10.0.0.1", "10.0.0.1"), ("FE80::1%eth0", "fe80::1"), ("192.0.2.1", "192.0.2.1")],
)
def test_addresses_have_one_canonical_text(given: str, expected: str) -> None:
    assert canonical(given) == expected


def test_a_subscriber_holds_an_address_or_a_64() -> None:
    assert subscriber("192.0.2.1") == "192.0.2.1"
    assert subscriber("2001:db8:0:1:ffff::1") == subscriber("2001:db8:0:1::") == "2001:db8:0:1::/64"


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("::ffff:10.0.0.1", ["10.0.0.1"]),
        ("64:ff9b::a9fe:a9fe", ["169.254.169.254"]),
        ("64:ff9b:1::7f00:1", ["127.0.0.1"]),
        ("2002:7f00:1::", ["127.0.0.1"]),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", ["65.54.227.120", "192.0.2.45"]),
        ("::10.0.0.1", ["10.0.0.1"]),
        ("2001:db8::1", []),
    ],
)
def test_embedded_ipv4_addresses_are_found(address: str, inside: list[str]) -> None:
    assert [str(found) for found in embedded_ipv4(IPv6Address(address))] == inside
