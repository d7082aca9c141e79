# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.egress.addresses import is_own_host, network_of, parse_network, special_range

SPECIAL = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "this network": ["0.0.0.0", "0.1.2.3"],
    "private": ["10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1"],
    "carrier-grade NAT": ["100.64.0.1", "100.127.255.255"],
    "link-local": ["169.254.1.1", "fe80::1", "febf::1"],
    "cloud metadata": [
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
    ],
    "protocol assignments": ["192.0.0.8", "2001:1::1", "2001:1ff::1"],
    "documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff:fff::1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1"],
    "reserved": ["240.0.0.1", "255.255.255.254"],
    "broadcast": ["255.255.255.255"],
    "6to4 relay": ["192.88.99.1"],
    "unspecified": ["::"],
    "IPv4-mapped": ["::ffff:8.8.8.8", "::ffff:10.0.0.1", "::ffff:127.0.0.1"],
    "IPv4-translated": ["::ffff:0:10.0.0.1"],
    "IPv4-compatible": ["::10.0.0.1", "::8.8.8.8"],
    "NAT64": ["64:ff9b::10.0.0.1", "64:ff9b::8.8.8.8", "64:ff9b:1::a00:1"],
    "Teredo": ["2001:0:4136:e378:8000:63bf:3fff:fdd2"],
    "6to4": ["2002:a00:1::1", "2002:808:808::1"],
    "ORCHID": ["2001:10::1", "2001:20::1"],
    "unique local": ["fc00::1", "fdff::1"],
    "site-local": ["fec0::1"],
    "discard": ["100::1"],
    "ISATAP": ["2a00::5efe:a00:1", "2a00::200:5efe:808:808"],
    "not global unicast": ["4000::1", "200::1", "5f00::1", "e000::1"],
}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in SPECIAL.items() for text in texts]
)
def test_a_special_address_has_the_name_of_its_range(name: str, text: str) -> None:
    assert special_range(ip_address(text)) == name


@pytest.mark.parametrize(
    "text",
    ["8.8.8.8", "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
     "172.15.255.255", "172.32.0.0", "192.0.1.1", "198.17.255.255", "198.20.0.0", "223.255.255.255",
     "2a00:1450:4001::1", "2606:4700::1", "2001:4860::1"],
)  # fmt: skip
def test_a_public_address_has_none(text: str) -> None:
    assert special_range(ip_address(text)) is None


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_nothing_that_python_calls_local_is_called_public(address: IPv4Address | IPv6Address) -> None:
    if special_range(address) is None:
        assert address.is_global
        assert not address.is_multicast


def test_neighbours_share_a_network() -> None:
    assert str(network_of(ip_address("8.8.8.8"))) == "8.8.8.0/24"
    assert str(network_of(ip_address("2a00:1:2:3::4"))) == "2a00:1:2::/48"


def test_a_network_is_an_address_or_a_prefix() -> None:
    assert str(parse_network(" 8.8.8.8/24 ")) == "8.8.8.0/24"
    assert str(parse_network("2a00::1")) == "2a00::1/128"
    assert parse_network("example.org") is None


def test_our_own_addresses_are_known() -> None:
    assert is_own_host(ip_address("127.0.0.1"))
    assert not is_own_host(ip_address("8.8.8.8"))
    assert not is_own_host(ip_address("2a00:1450::1"))


_NAMESPACE = """
import subprocess, sys
from ipaddress import ip_address
from mead.egress.addresses import is_own_host
for words in ("link set lo up", "link add out0 type veth peer name out1", "link set out1 up",
              "link set out0 up", "address add 9.9.9.2/24 dev out0",
              "-6 address add 2a00:ffff::2/64 dev out0 nodad",
              "route add local 8.8.4.0/24 dev lo", "-6 route add local 2a00:aaaa::/64 dev lo",
              "route add blackhole 8.8.5.0/24", "route add default dev out0",
              "-6 route add default dev out0"):
    subprocess.run(["ip", *words.split()], check=True)
print(*[text for text in sys.argv[1:] if is_own_host(ip_address(text))])
"""


@pytest.mark.root
@pytest.mark.tool("unshare", "ip")
def test_networks_that_are_routed_to_us_are_our_own() -> None:
    own = ["127.0.0.9", "::1", "9.9.9.2", "9.9.9.255", "2a00:ffff::2", "8.8.4.77", "2a00:aaaa::77"]
    others = ["9.9.9.3", "8.8.8.8", "8.8.5.5", "2a00:ffff::3", "2a00:bbbb::1"]
    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", _NAMESPACE, *own, *others],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    if "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip(f"needs network namespaces: {done.stderr.strip()[:100]}")
    assert done.stdout.split() == own, done.stderr


@pytest.mark.parametrize("answer", [b"", b"\0" * 15, b"\0" * 40, OSError("no netlink here")])
def test_what_the_kernel_does_not_answer_counts_as_our_own(
    monkeypatch: pytest.MonkeyPatch, answer: bytes | OSError
) -> None:
    class Kernel(socket.socket):
        def recv(self, *_: object) -> bytes:
            if isinstance(answer, OSError):
                raise answer
            return answer

    monkeypatch.setattr("mead.egress.addresses.socket.socket", Kernel)
    assert is_own_host(ip_address("8.8.8.8"))
