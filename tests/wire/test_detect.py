# SPDX-License-Identifier: Apache-2.0
"""First bytes as clients send them, and who should get them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mead.wire.detect import bid

SEEDS = Path(__file__).parent.parent / "captures" / "fuzz" / "profuzzbench"


@pytest.mark.parametrize(
    ("service", "first_bytes"),
    [
        ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
        ("tls", b"\x80\x2e\x01\x03\x01\x00\x15"),
        ("ssh", b"SSH-2.0-libssh2_1.4.3\r\n"),
        ("http", b"GET /shell?cd+/tmp HTTP/1.1\r\n"),
        ("http", b"GET /\r\n"),
        ("http", b"M-SEARCH * HTTP/1.1\r\n"),
        ("http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("sip", b"OPTIONS sip:nm SIP/2.0\r\n"),
        ("rtsp", b"OPTIONS / RTSP/1.0\r\n"),
        ("telnet", b"\xff\xfd\x03\xff\xfb\x18"),
        ("smb", b"\x00\x00\x00\x2f\xffSMBr"),
        ("smb", b"\x00\x00\x00\xa4\xfeSMB@"),
        ("smb", b"\x81\x00\x00\x44 CKFDENECFDEFFC"),
        (
            "rdp",
            b"\x03\x00\x00\x2f\x2a\xe0\x00\x00\x00\x00\x00Cookie: mstshash=Admin\r\n\x01\x00\x08\x00\x0b",
        ),
        ("rdp", b"\x03\x00\x00\x13\x0e\xe0\x00\x00\x00\x00\x00\x01\x00\x08\x00\x0b\x00\x00\x00"),
        ("rdp", b"\x03\x00\x00\x0b\x06\xe0\x00\x00\x00\x00\x00"),
        ("s7", b"\x03\x00\x00\x16\x11\xe0\x00\x00\x00\x01\x00\xc0\x01\x0a\xc1\x02"),
        ("redis", b"*1\r\n$4\r\nPING\r\n"),
        ("redis", b"INFO\r\n"),
        ("adb", b"CNXN\x00\x00\x00\x01\x00\x10\x00\x00"),
        ("smtp", b"EHLO mail.example\r\n"),
        ("ftp", b"USER anonymous\r\n"),
        ("imap", b"a001 LOGIN user pass\r\n"),
        ("irc", b"NICK bot\r\n"),
        ("socks5", b"\x05\x01\x00"),
        ("socks4", b"\x04\x01\x00\x50\x01\x02\x03\x04\x00"),
        ("mqtt", b"\x10\x10\x00\x04MQTT\x04\x02"),
        ("vnc", b"RFB 003.008\n"),
        ("postgres", b"\x00\x00\x00\x08\x04\xd2\x16\x2f"),
        ("postgres", b"\x00\x00\x00\x29\x00\x03\x00\x00user\x00postgres\x00"),
        ("mysql", b"\xa5\x00\x00\x01\x85\xa6\xff\x01\x00\x00\x00\x01\x21" + b"\0" * 23 + b"root\0"),
        ("mssql", b"\x12\x01\x00\x2f\x00\x00\x01\x00\x00\x00"),
        ("mongodb", b"\x3a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xd4\x07\x00\x00"),
        ("memcached", b"stats\r\n"),
        ("ldap", b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"),
        ("jdwp", b"JDWP-Handshake"),
        ("rmi", b"JRMI\x00\x02K"),
        ("t3", b"t3 12.2.1\nAS:255\n"),
        ("rsync", b"@RSYNCD: 31.0\n"),
        ("bittorrent", b"\x13BitTorrent protocol"),
        ("git", b"0032git-upload-pack /x.git\0host=h\0"),
        ("pjl", b"\x1b%-12345X@PJL INFO ID\r\n"),
        ("x11", b"l\x00\x0b\x00\x00\x00\x00\x00"),
        ("ajp", b"\x12\x34\x01\x0e\x02\x02"),
        ("modbus", b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x01"),
        ("iec104", b"\x68\x04\x07\x00\x00\x00"),
    ],
)
def test_the_first_bid_is_right(service: str, first_bytes: bytes) -> None:
    assert bid(first_bytes)[0][0] == service


@pytest.mark.parametrize("first_bytes", [b"", b"\0", b"hello\r\n", b"\x13\x37\xca\xfe"])
def test_nobody_bids_on_nothing(first_bytes: bytes) -> None:
    assert bid(first_bytes) == []


@pytest.mark.parametrize(
    ("service", "pattern"),
    [("tls", "TLS_*"), ("sip", "SIP_*"), ("rtsp", "RTSP_*.raw"), ("dicom", "DICOM_*"), ("ftp", "FTP_*.raw")],
)
def test_seeds_of_a_protocol_are_known(service: str, pattern: str) -> None:
    seeds = [path.read_bytes() for path in SEEDS.glob(pattern) if path.suffix == ".raw"]
    known = [seed for seed in seeds if service in dict(bid(seed))]
    assert seeds
    assert len(known) >= 0.7 * len(seeds)


def test_bids_are_sorted_and_between_0_and_1() -> None:
    bids = bid(b"USER x\r\n")
    assert [service for service, _ in bids] == ["ftp", "pop3"]
    assert all(0 < score <= 1 for _, score in bids)
