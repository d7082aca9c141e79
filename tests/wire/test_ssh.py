# SPDX-License-Identifier: Apache-2.0
"""What both sides of SSH say in the clear, and HASSH of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mead.wire.core import Limit, Output, PeerError
from mead.wire.ssh import SshIdent, SshKexInit, SshReader, hassh, parse_kexinit
from mead.wire.tcp import CaptureFlows, FlowData

CAPTURES = Path(__file__).parent.parent / "captures" / "fingerprint"


def name_list(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


LISTS = [b"kex", b"key", b"aes-up", b"aes-down", b"mac-up", b"mac-down", b"none", b"zlib", b"", b""]
PAYLOAD = b"\x14" + b"C" * 16 + b"".join(map(name_list, LISTS)) + b"\x01" + b"\0" * 4
KEXINIT = SshKexInit(b"C" * 16, *LISTS, True)  # type: ignore[arg-type,call-arg] # ten lists


def packet(payload: bytes, padding: int = 4) -> bytes:
    return (len(payload) + padding + 1).to_bytes(4, "big") + bytes((padding,)) + payload + b"\0" * padding


IDENT = SshIdent(b"SSH-2.0-Go")
HELLO = b"SSH-2.0-Go\r\n" + packet(PAYLOAD)
CASES: list[tuple[str, bytes, list[Output]]] = [
    ("ident and KEXINIT", HELLO, [IDENT, KEXINIT]),
    ("what follows is not looked at", HELLO + b"\xff" * 50, [IDENT, KEXINIT]),
    ("a preface", b"Welcome\r\n" + HELLO, [SshIdent(b"SSH-2.0-Go", b"Welcome\r\n"), KEXINIT]),
    ("a line feed alone", b"SSH-2.0-x y z\n", [SshIdent(b"SSH-2.0-x y z")]),
    ("version 1 ends there", b"SSH-1.5-1.2.26\n\0\0\0", [SshIdent(b"SSH-1.5-1.2.26")]),
    ("IGNORE may come before", b"SSH-2.0-Go\n" + packet(b"\x02xx") + packet(PAYLOAD), [IDENT, KEXINIT]),
    (
        "another message",
        b"SSH-2.0-Go\n" + packet(b"\x05"),
        [IDENT, PeerError(21, "message 5 instead of KEXINIT", b"")],
    ),
    (
        "only IGNORE",
        b"SSH-2.0-Go\n" + packet(b"\x02") * 9,
        [IDENT, PeerError(91, "message 2 instead of KEXINIT", b"")],
    ),
    (
        "no packet",
        b"SSH-2.0-Go\nGET / HTTP",
        [IDENT, PeerError(11, "no packet", b"GET /")],
    ),
    (
        "padding longer than the packet",
        b"SSH-2.0-Go\n\0\0\0\x05\x09",
        [IDENT, PeerError(11, "no packet", b"\0\0\0\x05\x09")],
    ),
    (
        "a KEXINIT that is too short",
        b"SSH-2.0-Go\n" + packet(b"\x14abc"),
        [IDENT, PeerError(1, "KEXINIT cut short", b"abc")],
    ),
    (
        "another protocol without an end",
        b"x" * 9000,
        [Limit("preface", 8192, "bytes"), PeerError(0, "no identification", b"")],
    ),
    (
        "another protocol in lines",
        b"GET /\r\n" * 2000,
        [Limit("preface", 8192, "bytes"), PeerError(8190, "no identification", b"")],
    ),
]


@pytest.mark.parametrize("split", [False, True], ids=["whole", "bytewise"])
@pytest.mark.parametrize(("data", "facts"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_conversation(data: bytes, facts: list[Output], split: bool) -> None:
    reader = SshReader()
    chunks = [data[i : i + 1] for i in range(len(data))] if split else [data]
    assert [item for chunk in chunks for item in reader.receive(chunk)] == facts


def test_a_peer_that_leaves_early() -> None:
    reader = SshReader()
    reader.receive(b"SSH-2.0-Go\r\n\0\0")
    assert reader.receive(b"") == [PeerError(12, "left before its KEXINIT", b"")]
    assert reader.done
    assert SshReader().receive(b"") == []


def test_the_ident_is_taken_apart() -> None:
    ident = SshIdent(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3")
    assert (ident.protocol, ident.software, ident.comments) == (b"2.0", b"OpenSSH_9.2p1", b"Debian-2+deb12u3")


def test_the_two_directions_have_fingerprints_of_their_own() -> None:
    seen = parse_kexinit(PAYLOAD)
    assert isinstance(seen, SshKexInit)
    assert seen.hassh_text == b"kex;aes-up;mac-up;none"
    assert seen.hassh_server_text == b"kex;aes-down;mac-down;zlib"
    assert seen.hassh == hassh(seen.hassh_text) != seen.hassh_server


def test_hassh_of_the_published_algorithms() -> None:
    text = (CAPTURES / "hassh_README.md").read_text()
    cyberduck = re.search(r"^```(curve25519\S+;\S+)```$", text, re.MULTILINE)
    assert cyberduck is not None
    assert re.search(r"```([0-9a-f]{32})```\s+CyberDuck", text)[1] == hassh(cyberduck[1].encode())  # type: ignore[index]


def test_hassh_of_a_capture() -> None:
    """The values are tshark's; the client's is also the README's for OpenSSH 7.7p1 Ubuntu-4."""
    core = CaptureFlows()
    readers: dict[tuple[int, bool], SshReader] = {}
    seen: set[tuple[bool, str]] = set()
    for item in core.receive((CAPTURES / "ja4" / "ssh2.pcapng").read_bytes()):
        if isinstance(item, FlowData):
            for fact in readers.setdefault((item.flow, item.from_client), SshReader()).receive(item.data):
                if isinstance(fact, SshKexInit):
                    seen.add((item.from_client, fact.hassh if item.from_client else fact.hassh_server))
    assert seen == {
        (True, "06046964c022c6407d15a27b12a6a4fb"),
        (False, "699519fdcc30cbcd093d5cd01e4b1d56"),
    }


def test_version_1_in_a_capture() -> None:
    core = CaptureFlows()
    data = {True: b"", False: b""}
    for item in core.receive((CAPTURES / "ja4" / "sshv1.pcap").read_bytes()):
        if isinstance(item, FlowData) and item.flow == 1:
            data[item.from_client] += item.data
    assert {side: SshReader().receive(stream) for side, stream in data.items()} == {
        True: [SshIdent(b"SSH-1.5-1.2.26")],
        False: [SshIdent(b"SSH-1.5-1.2.26")],
    }
