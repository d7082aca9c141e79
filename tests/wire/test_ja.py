# SPDX-License-Identifier: Apache-2.0
"""JA3 and JA4 equal the published vectors and the values recorded for real captures."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mead.wire.ja import is_grease
from mead.wire.tcp import CaptureFlows, FlowData, FlowOpened
from mead.wire.tls import ClientHello, find_client_hello

FINGERPRINTS = Path(__file__).parent.parent / "captures" / "fingerprint"
CAPTURES = sorted(path for path in (FINGERPRINTS / "ja4").iterdir() if path.suffix in {".pcap", ".pcapng"})


def hellos(path: Path) -> dict[str, ClientHello]:
    """The ClientHello of each connection, by the client's port."""
    core = CaptureFlows()
    ports: dict[int, str] = {}
    streams: dict[int, bytes] = {}
    for item in [*core.receive(path.read_bytes()), *core.receive(b"")]:
        if isinstance(item, FlowOpened):
            ports[item.flow] = str(item.client[1])
        elif isinstance(item, FlowData) and item.from_client:
            streams[item.flow] = streams.get(item.flow, b"") + item.data
    found = {ports[flow]: find_client_hello(data) for flow, data in streams.items()}
    return {port: hello for port, hello in found.items() if hello is not None}


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
def test_ja4_of_captures(path: Path) -> None:
    seen = hellos(path)
    for expected in json.loads(Path(f"{path}.json").read_text()):
        hello = seen[expected["srcport"]]
        assert hello.server_name == expected["domain"].encode()
        assert hello.ja4 == expected["JA4.1"]
        assert hello.ja4_r == expected["JA4_r.1"]
        assert hello.ja4_o == expected["JA4_o.1"]
        assert hello.ja4_ro == expected["JA4_ro.1"]


def test_the_captures_are_there() -> None:
    assert sum(len(json.loads(Path(f"{path}.json").read_text())) for path in CAPTURES) == 11


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(value) for value in text.split("-") if value)


VECTORS = re.findall(
    r"^(\d+,\S*) --> ([0-9a-f]{32})$", (FINGERPRINTS / "ja3_README.md").read_text(), re.MULTILINE
)


@pytest.mark.parametrize(("text", "digest"), VECTORS)
def test_ja3_vectors(text: str, digest: str) -> None:
    version, ciphers, extensions, groups, formats = text.split(",")
    hello = ClientHello(
        version=int(version),
        ciphers=numbers(ciphers),
        extensions=numbers(extensions),
        groups=numbers(groups),
        point_formats=numbers(formats),
    )
    assert hello.ja3_text == text
    assert hello.ja3 == digest


def test_there_are_two_ja3_vectors() -> None:
    assert len(VECTORS) == 2


def test_grease_counts_nowhere() -> None:
    assert is_grease(0x0A0A)
    assert is_grease(0xFAFA)
    assert not is_grease(0x0A1A)
    assert not is_grease(0x1301)
    plain = ClientHello(version=0x303, ciphers=(0x1301,), extensions=(0, 43), groups=(29,), versions=(0x304,))
    greased = ClientHello(
        version=0x303,
        ciphers=(0x1A1A, 0x1301),
        extensions=(0xEAEA, 0, 43),
        groups=(0x2A2A, 29),
        versions=(0xFAFA, 0x304),
    )
    assert greased.ja3_text == plain.ja3_text == "771,4865,0-43,29,"
    assert (greased.ja4, greased.ja4_ro) == (plain.ja4, plain.ja4_ro)
    assert plain.ja4_ro == "t13d010200_1301_0000,002b"


@pytest.mark.parametrize(
    ("name", "written"),
    [(b"h2", "h2"), (b"http/1.1", "h1"), (b"", "00"), (b"x", "xx"), (b"!x", "28"), (b"\xba\xad", "99")],
)
def test_alpn_in_ja4(name: bytes, written: str) -> None:
    assert ClientHello(version=0x303, ciphers=(), extensions=(), alpn=(name,)).ja4[8:10] == written


def test_a_hello_with_nothing_in_it() -> None:
    hello = ClientHello(version=0x1234, ciphers=(), extensions=())
    assert hello.ja4 == "t00i000000_000000000000_000000000000"
    assert hello.ja4_r == "t00i000000__"


def test_long_lists_are_99() -> None:
    hello = ClientHello(version=0x303, ciphers=tuple(range(120)), extensions=tuple(range(100)))
    assert hello.ja4.startswith("t12d999900_")
