# SPDX-License-Identifier: Apache-2.0
"""ClientHello in one record and in many, whole and broken."""

from __future__ import annotations

import pytest

from mead.wire.core import Limit, Output, PeerError
from mead.wire.tls import (
    MAX_RECORDS,
    ClientHello,
    HelloReader,
    client_hello,
    find_client_hello,
    parse_client_hello,
)


def block(count: int, data: bytes) -> bytes:
    return len(data).to_bytes(count, "big") + data


def extension(kind: int, data: bytes) -> bytes:
    return kind.to_bytes(2, "big") + block(2, data)


EXTENSIONS = b"".join(
    (
        extension(0, block(2, b"\x01" + block(2, b"other") + b"\x00" + block(2, b"example.org"))),
        extension(10, block(2, b"\x00\x1d\x00\x17")),
        extension(11, block(1, b"\x00")),
        extension(13, block(2, b"\x04\x03")),
        extension(16, block(2, block(1, b"h2") + block(1, b"http/1.1"))),
        extension(43, block(1, b"\x03\x04\x03\x03")),
    )
)
BODY = (
    b"\x03\x03"
    + b"R" * 32
    + block(1, b"S")
    + block(2, b"\x13\x01\x00\x2f")
    + block(1, b"\x00")
    + block(2, EXTENSIONS)
)
MESSAGE = b"\x01" + block(3, BODY)
RECORD = b"\x16\x03\x01" + block(2, MESSAGE)
HELLO = ClientHello(
    version=0x303,
    ciphers=(0x1301, 0x2F),
    extensions=(0, 10, 11, 13, 16, 43),
    groups=(29, 23),
    point_formats=(0,),
    signatures=(0x403,),
    versions=(0x304, 0x303),
    alpn=(b"h2", b"http/1.1"),
    server_name=b"example.org",
    session_id=b"S",
    random=b"R" * 32,
)


def test_a_hello_in_one_record() -> None:
    assert client_hello(RECORD) == HELLO
    assert client_hello(RECORD + b"more") == HELLO


def test_a_hello_over_many_records() -> None:
    records = b"".join(b"\x16\x03\x01" + block(2, MESSAGE[i : i + 7]) for i in range(0, len(MESSAGE), 7))
    assert client_hello(records) == HELLO


def test_a_hello_byte_by_byte() -> None:
    reader = HelloReader()
    out = [item for i in range(len(RECORD)) for item in reader.receive(RECORD[i : i + 1])]
    assert out == [HELLO]
    assert reader.done
    assert reader.receive(b"more") == []
    assert reader.receive(b"") == []


def test_half_a_hello_waits() -> None:
    assert client_hello(b"") is None
    assert client_hello(RECORD[:50]) is None


def test_a_hello_without_extensions() -> None:
    old = BODY[: -len(EXTENSIONS) - 2]
    hello = parse_client_hello(old)
    assert isinstance(hello, ClientHello)
    assert (hello.extensions, hello.server_name, hello.alpn) == ((), None, ())


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"GET / HTTP/1.1\r\n", PeerError(0, "no handshake record", b"G")),
        (b"\x80\x2e\x01\x03\x01", PeerError(0, "SSLv2 hello", b"\x80")),
        (b"\x16\x02\x01", PeerError(0, "unknown record version", b"\x16\x02")),
        (b"\x16\x03\x01\xff\xff", PeerError(0, "record too long", b"\x16\x03\x01\xff\xff")),
        (b"\x16\x03\x01\x00\x01\x02", PeerError(6, "no ClientHello", b"")),
        (b"\x16\x03\x01\x00\x04\x01\x00\x00\x00", PeerError(0, "ClientHello cut short", b"")),
    ],
)
def test_what_is_no_hello_is_the_peers_error(data: bytes, error: PeerError) -> None:
    assert client_hello(data) == error


def play(data: bytes) -> list[Output]:
    reader = HelloReader()
    return reader.receive(data) + reader.receive(b"")


def test_a_hello_beyond_the_bound() -> None:
    out = play(b"\x16\x03\x01\x00\x04\x01\xff\xff\xff")
    assert out == [Limit("hello", 65536, "bytes"), PeerError(9, "ClientHello too long", b"")]


def test_records_beyond_the_bound() -> None:
    out = play(b"\x16\x03\x01\x00\x00" * (MAX_RECORDS + 1))
    assert out[0] == Limit("records", MAX_RECORDS, "records")


def test_a_peer_that_leaves_in_the_middle() -> None:
    assert play(RECORD[:20]) == [PeerError(0, "left in the middle of a ClientHello", b"")]
    assert play(b"") == []


def test_a_hello_behind_something_else() -> None:
    assert find_client_hello(b"\x05\x01\x00" + RECORD) == HELLO
    assert find_client_hello(b"\x16\x03\x01\x00\x05\x01junk" + RECORD) == HELLO
    assert find_client_hello(b"nothing") is None
    assert find_client_hello(b"\x16\x03\x01\xff\xff\x01" * 20 + RECORD) is None


def test_broken_extensions_do_not_spoil_the_rest() -> None:
    broken = (
        extension(0, b"\x00\x09\x00\x00\x50x") + extension(16, b"\x00\x09\x05h2") + extension(10, b"\x00")
    )
    head = BODY[: -len(EXTENSIONS) - 2]
    hello = parse_client_hello(head + block(2, broken))
    assert isinstance(hello, ClientHello)
    assert (hello.extensions, hello.server_name, hello.alpn, hello.groups) == ((0, 16, 10), None, (), ())


def test_only_other_kinds_of_names_is_no_name() -> None:
    head = BODY[: -len(EXTENSIONS) - 2]
    hello = parse_client_hello(head + block(2, extension(0, block(2, b"\x07" + block(2, b"x")))))
    assert isinstance(hello, ClientHello)
    assert hello.server_name is None


def test_extensions_cut_short() -> None:
    assert isinstance(parse_client_hello(BODY[:-3]), PeerError)
