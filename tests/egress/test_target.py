# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mead.egress.target import Target, Unusable, parse_target


def _target(url: str) -> Target:
    target = parse_target(url)
    assert isinstance(target, Target), target
    return target


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.1", "127.0.0.1"), ("127.0.1", "127.0.0.1"), ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"), ("0x7f.1", "127.0.0.1"), ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0x7F.0x0.0x0.0x1", "127.0.0.1"), ("00000000177.0.0.1", "127.0.0.1"), ("1.1.1.1.", "1.1.1.1"),
        ("１２７.０.０.１", "127.0.0.1"), ("127。0。0。1", "127.0.0.1"), ("127．0．0．1", "127.0.0.1"),
        ("①②⑦.1", "127.0.0.1"), ("%31%32%37.1", "127.0.0.1"), ("0", "0.0.0.0"), ("0x", "0.0.0.0"),
        ("10.1.65535", "10.1.255.255"), ("[::1]", "::1"), ("[::ffff:7f00:1]", "::ffff:7f00:1"),
        ("[::FFFF:127.0.0.1]", "::ffff:7f00:1"), ("[0:0:0:0:0:0:0:1]", "::1"),
    ],
)  # fmt: skip
def test_odd_spellings_are_the_address_that_they_mean(host: str, address: str) -> None:
    target = _target(f"http://{host}/x")
    assert target.address is not None
    assert target.address == type(target.address)(address)


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//h/x", "http:/h/x", "http:h/x", "http://", "http:///x", "http:////h/x", "http://:80/", "javascript://h/",
        "file:///etc/passwd", "gopher://h/", "http://good.example\\@10.0.0.1/", "http:\\\\h\\x",
        "http://a@b@c/", "http://h:0/", "http://h:65536/", "http://h:٨٠/", "http://h:80:80/", "http://[::1/",
        "http://::1/", "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[1.2.3.4]/", "http://[v1.x]/",
        "http://256.1.1.1/", "http://1.2.3.4.5/", "http://1.2.3.256/", "http://4294967296/", "http://0x1ffffffff/",
        "http://08.1.1.1/", "http://1..2/", "http://.h.example/", "http://h..example/", "http://a b.example/",
        "http://h.example/\r\nX: y", "http://h\0.example/", "http://%00.example/", "http://a%2fb.example/",
        "http://℀.example/", "http://-a.example/", "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 127 + "example/", "http://h.example/" + "x" * 4079,
        "http://h.example/" + "é" * 2040, "http://%ff.example/",
        "http://foo.0x/", "http://a.1/", "tcp://h.example/", "http://☃\udcff/",
        "http://straße.example/", "http://a\u200db.example/", "http://STRAẞE.example/", "http://ς.example/",
        "http://\u06dd.example/",
    ],
)  # fmt: skip
def test_what_tools_would_read_differently_is_not_used(url: str) -> None:
    assert isinstance(parse_target(url), Unusable)


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("  HTTP://EXAMPLE.org:80/a b?q=é#frag ", "http://example.org/a%20b?q=%C3%A9"),
        ("http://h.example", "http://h.example/"),
        ("http://h.example?x", "http://h.example/?x"),
        ("https://h.example:8443/", "https://h.example:8443/"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://user:secret@h.example/x", "http://h.example/x"),
        ("tcp://192.0.2.1:4444", "tcp://192.0.2.1:4444/"),
        ("http://[2A00::1]:81/x", "http://[2a00::1]:81/x"),
        ("http://h.example/a\\b", "http://h.example/a\\b"),
        ("http://under_score.example/", "http://under_score.example/"),
    ],
)
def test_the_normal_form_is_one_for_all_spellings(url: str, normal: str) -> None:
    target = _target(url)
    assert target.url == normal
    assert _target(target.url).url == normal


def test_user_and_password_are_decoded() -> None:
    target = _target("ftp://us%40er:p%3Aw@h.example/x")
    assert (target.username, target.password) == ("us@er", "p:w")
    assert _target("http://@h.example/").username == ""


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("ftp://h.example/a/b%20c;type=i", b"a/b c"),
        ("ftp://h.example//etc/x", b"/etc/x"),
        ("tftp://h.example/x;mode=octet", b"x"),
        ("tftp://h.example/a?b", b"a"),
    ],
)
def test_ftp_and_tftp_ask_for_the_decoded_path(url: str, name: bytes) -> None:
    assert _target(url).file_name == name


SPELT = st.integers(0, 2**33).flatmap(lambda n: st.sampled_from([str(n), hex(n), f"0{n:o}", f"0X{n:X}"]))


@given(st.lists(SPELT, min_size=1, max_size=5).map(".".join))
def test_numbers_are_read_as_the_system_reads_them(host: str) -> None:
    target = parse_target(f"http://{host}/")
    try:
        expected: IPv4Address | None = IPv4Address(socket.inet_aton(host))
    except OSError:
        expected = None
    assert (target.address if isinstance(target, Target) else None) == expected


@given(st.text(max_size=60) | st.text(alphabet="htp:/[]@\\%0x1.#?７。", max_size=40).map("http://".__add__))
def test_any_text_is_a_target_or_unusable(text: str) -> None:
    target = parse_target(text)
    if isinstance(target, Target):
        assert target.host.isascii()
        assert target.path.isascii()
        assert not set(target.host) & set("/@\\?#% ")
        again = parse_target(target.url)
        assert isinstance(again, Target)
        assert (again.host, again.port, again.path) == (target.host, target.port, target.path)
