# SPDX-License-Identifier: Apache-2.0
"""QUIC Initial packets, as a client protects them and as somebody breaks them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mead.wire.core import Limit, Output, PeerError
from mead.wire.quic import MAX_DATAGRAMS, QuicReader, initial_keys
from mead.wire.tcp import CaptureFlows, Datagram
from mead.wire.tls import ClientHello

CAPTURE = (
    Path(__file__).parent.parent / "captures" / "fingerprint" / "ja4" / "quic-with-several-tls-frames.pcapng"
)
ID = bytes.fromhex("8394c8f03e515708")
V1, V2 = 1, 0x6B3343CF
BODY = b"\x03\x03" + b"R" * 32 + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + b"\x00\x00"
HELLO = b"\x01" + len(BODY).to_bytes(3, "big") + BODY


def crypto(offset: int, data: bytes) -> bytes:
    return b"\x06" + (0x4000 | offset).to_bytes(2, "big") + (0x4000 | len(data)).to_bytes(2, "big") + data


def initial(frames: bytes, version: int = V1, number: int = 2) -> bytes:
    """Protect `frames` as RFC 9001 §5 says."""
    keys = initial_keys(version, ID)
    frames += b"\0" * max(0, 32 - len(frames))
    first = 0xD1 if version == V2 else 0xC1
    head = bytes((first,)) + version.to_bytes(4, "big") + bytes((len(ID),)) + ID + b"\x00\x00"
    head += (0x4000 | (len(frames) + 18)).to_bytes(2, "big") + number.to_bytes(2, "big")
    nonce = int.from_bytes(keys.iv, "big") ^ number
    sealed = AESGCM(keys.key).encrypt(nonce.to_bytes(12, "big"), frames, head)
    mask = Cipher(algorithms.AES(keys.header), modes.ECB()).encryptor().update(sealed[2:18])
    hidden = bytes(a ^ b for a, b in zip(head[-2:], mask[1:3], strict=True))
    return bytes((first ^ (mask[0] & 15),)) + head[1:-2] + hidden + sealed


def play(*datagrams: bytes) -> list[Output]:
    reader = QuicReader()
    return [item for datagram in datagrams for item in reader.receive(datagram)]


def test_the_keys_of_rfc_9001_appendix_a() -> None:
    keys = initial_keys(V1, ID)
    assert keys.key.hex() == "1f369613dd76d5467730efcbe3b1a22d"
    assert keys.iv.hex() == "fa044b2f42a3fd3b46fb255c"
    assert keys.header.hex() == "9f50449e04a0e810283a1e9933adedd2"


def test_the_keys_of_rfc_9369_appendix_a() -> None:
    keys = initial_keys(V2, ID)
    assert keys.key.hex() == "8b1a0bc121284290a29e0971b5cd045d"
    assert keys.iv.hex() == "91f73e2351d8fa91660e909f"
    assert keys.header.hex() == "45b95e15235d6f45a6b19cbcb0294ba9"


def test_a_capture() -> None:
    """JA3 is tshark's for the same file."""
    (datagram,) = (
        item for item in CaptureFlows().receive(CAPTURE.read_bytes()) if isinstance(item, Datagram)
    )
    (hello,) = play(datagram.data)
    assert isinstance(hello, ClientHello)
    assert hello.server_name == b"ogs.google.com"
    assert hello.ja3 == "410bc72d10506604b31a74b036fc4bab"
    assert hello.ja4 == "q13d0310h3_55b375c5d22e_cd85d2d88918"


@pytest.mark.parametrize("version", [V1, V2])
def test_a_hello_in_one_packet(version: int) -> None:
    (hello,) = play(initial(crypto(0, HELLO), version))
    assert isinstance(hello, ClientHello)
    assert (hello.transport, hello.ciphers) == ("q", (0x1301,))


ACK = b"\x02\x05\x00\x01\x00\x00\x00"
ACK_ECN = b"\x03\x05\x00\x00\x00\x01\x01\x01"
PIECES = crypto(30, HELLO[30:]) + b"\x01" + crypto(8, HELLO[8:20]) + ACK + crypto(10, HELLO[10:]) + ACK_ECN
COALESCED = (
    initial(crypto(0, HELLO[:9]))
    + bytes.fromhex("e0000000010000")
    + b"\x03abc"
    + initial(crypto(9, HELLO[9:]), number=3)
)


@pytest.mark.parametrize(
    "datagrams",
    [
        [initial(PIECES + crypto(0, HELLO[:9]))],
        [initial(crypto(20, HELLO[20:])), initial(crypto(0, HELLO[:20]), number=3)],
        [COALESCED],
        [initial(crypto(0, HELLO[:2])), initial(crypto(0, HELLO)), b"more"],
        [
            b"\x40short header",
            b"\xd0\x00\x00\x00\x01\x00\x00\x00",
            b"\xf0\x00\x00\x00\x01\x00\x00token",
            initial(crypto(0, HELLO)),
        ],
        [initial(crypto(0, HELLO) + b"\x1c\x00")],
        [initial(crypto(0, HELLO[:9])), initial(crypto(0, HELLO) + crypto(0, HELLO[:5]))],
        [bytes.fromhex("e000000001000000") * 17, initial(crypto(0, HELLO))],
    ],
    ids=[
        "pieces",
        "two datagrams",
        "coalesced",
        "again",
        "others before",
        "close behind",
        "more of it",
        "many others",
    ],
)
def test_a_hello_however_it_is_cut(datagrams: list[bytes]) -> None:
    (hello,) = play(*datagrams)
    assert isinstance(hello, ClientHello)


WHOLE = initial(crypto(0, HELLO))


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (WHOLE[:-1], "packet cut short"),
        (WHOLE[:-1] + bytes((WHOLE[-1] ^ 1,)), "packet does not decrypt"),
        (b"\xc0\x00\x00\x00\x01\x00\x00\x00\x04abcd", "packet cut short"),
        (b"\xc0\xba\xba\xba\xba\x00\x00", "unknown version 0xbabababa"),
        (initial(crypto(0, b"\x02\x00\x00\x00")), "no ClientHello"),
        (initial(b"\x06\x80\x01\x00\x00\x01x"), "ClientHello too long"),
        (b"", "left before its ClientHello was whole"),
    ],
)
def test_broken_packets_are_the_peers_error(datagram: bytes, reason: str) -> None:
    reader = QuicReader()
    assert reader.receive(datagram) == [PeerError(0, reason, datagram[:32])]
    assert reader.done
    assert reader.receive(WHOLE) == []


def test_datagrams_are_bounded() -> None:
    out = play(*[initial(b"\x01")] * (MAX_DATAGRAMS + 5))
    assert out[0] == Limit("datagrams", MAX_DATAGRAMS, "datagrams")
    assert len(out) == 2
