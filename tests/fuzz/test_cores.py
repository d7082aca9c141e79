# SPDX-License-Identifier: Apache-2.0
"""Any bytes, in any pieces, become facts or errors of the peer: the same ones, and never an exception.

`make soak` runs 100,000 inputs for each core; the normal run some hundreds, and mutated real seeds.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mead.wire.core import Close, Core, Fact, Output, Send
from mead.wire.detect import bid
from mead.wire.http import HttpData, HttpLimits, HttpRequest, HttpServer
from mead.wire.http_form import parse_query
from mead.wire.pcap import CaptureLimits, CaptureReader
from mead.wire.ssh import SshReader
from mead.wire.tcp import CaptureFlows, FlowLimits
from mead.wire.telnet import (
    PROFILES,
    Mode,
    TelnetData,
    TelnetEof,
    TelnetInterrupt,
    TelnetLimits,
    TelnetLine,
    TelnetServer,
)
from mead.wire.tls import ClientHello, HelloReader, find_client_hello

CAPTURES = Path(__file__).parent.parent / "captures"


class TelnetDialogue:
    """A Telnet server whose mode follows what is typed, as a shell's does."""

    def __init__(self, profile: str) -> None:
        limits = TelnetLimits(max_line_bytes=64, max_subnegotiation_bytes=32, max_commands=20)
        self.core = TelnetServer(PROFILES[profile], limits)
        self.core.start()

    def receive(self, data: bytes) -> list[Output]:
        self.core.feed(data)
        out: list[Output] = []
        while more := self.core.step():
            out += more
            for item in more:
                self._follow(item)
        return out

    def _follow(self, item: Output) -> None:
        if isinstance(item, TelnetLine):
            self.core.echo = not item.data.startswith(b"root")
            self.core.mode = {b"c": Mode.STDIN, b"r": Mode.RAW}.get(item.data[:1], Mode.LINE)
        elif isinstance(item, TelnetEof | TelnetInterrupt):
            self.core.mode = Mode.LINE


@dataclass(frozen=True)
class Target:
    make: Callable[[], Core]
    tokens: tuple[bytes, ...]
    seeds: str
    """Which of the real seeds start a mutation."""


IAC_TOKENS = (
    *(bytes((255, command)) for command in range(236, 256)),
    b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0",
    b"\xff\xfa\x27\x00\x00USER\x01-f root\xff\xf0",
    b"\xff\xfd\x01",
    b"\r\n",
    b"\r\0",
    b"\n",
    b"\x03",
    b"\x04",
    b"\x7f",
    b"\x15",
    b"\x1b[A",
    b"cat\n",
    b"root\n",
    b"x" * 40,
)
HTTP_TOKENS = (
    b"GET / HTTP/1.1\r\n",
    b"POST /x?y HTTP/1.1\r\nHost: x\r\n",
    b"GET /\r\n",
    b"Content-Length: 5\r\n",
    b"Host: x\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: close\r\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"hello",
    b" ",
    b":",
    b"x" * 70,
    b"CONNECT h:1 HTTP/1.1\r\n\r\n",
)
HELLO = bytes.fromhex("16030100310100002d0303" + "00" * 32 + "00" + "00021301" + "0100" + "0002" + "0000")
TLS_TOKENS = (
    b"\x16\x03\x01",
    b"\x00\x05",
    b"\x01\x00\x00\x2d",
    b"\x03\x03",
    b"\x00" * 8,
    HELLO,
    b"\x16\x03\x01\x00\x00",
)
SSH_TOKENS = (
    b"SSH-2.0-x\r\n",
    b"SSH-1.5-y\n",
    b"\0\0\0\x0c\x04\x14",
    b"\0\0\0\x0c\x04\x02" + b"\0" * 10,
    b"\0" * 16,
    b"\n",
    b"hi\r\n",
)
PCAP_TOKENS = (
    b"\xd4\xc3\xb2\xa1\x02\0\x04\0" + b"\0" * 8 + b"\xff\xff\0\0\x65\0\0\0",
    b"\0\0\0\0\0\0\0\0\x28\0\0\0\x28\0\0\0",
    bytes.fromhex("450000280000000040060000c0000201c0000202")
    + bytes.fromhex("9c40005000000001000000005002040000000000"),
    bytes.fromhex("450000280000200040110000c0000201c0000202") + b"\0" * 20,
    b"\0\0\0\0\0\0\0\0\x02\0\0\0\x02\0\0\0ab",
    b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\x01\0\0\0" + b"\xff" * 8 + b"\x1c\0\0\0",
    b"\x01\0\0\0\x14\0\0\0\x65\0\0\0\0\0\0\0\x14\0\0\0",
    b"\x06\0\0\0\x24\0\0\0" + b"\0" * 12 + b"\x04\0\0\0\x04\0\0\0abcd\x24\0\0\0",
)

TARGETS = {
    "telnet": Target(lambda: TelnetDialogue("ios"), IAC_TOKENS, "FTP_*"),
    "telnet-busybox": Target(lambda: TelnetDialogue("busybox"), IAC_TOKENS, "FTP_*"),
    "http": Target(
        lambda: HttpServer(
            HttpLimits(max_head_bytes=256, max_body_bytes=64, max_requests=5, max_data_bytes=128)
        ),
        HTTP_TOKENS,
        "RTSP_*",
    ),
    "tls": Target(HelloReader, TLS_TOKENS, "TLS_*"),
    "ssh": Target(SshReader, SSH_TOKENS, "SSH_*"),
    "pcap": Target(
        lambda: CaptureFlows(
            CaptureReader(CaptureLimits(max_frame_bytes=4096, max_interfaces=3)),
            FlowLimits(max_flows=4, max_pending_bytes=256, max_pending_segments=4, max_fragmented_packets=2),
        ),
        PCAP_TOKENS,
        "D*",
    ),
}


def run(core: Core, pieces: list[bytes]) -> list[Output]:
    """Everything a core says to these pieces and to the end, with neighbouring data joined."""
    out: list[Output] = []
    for piece in [*(piece for piece in pieces if piece), b""]:
        for item in core.receive(piece):
            last = out[-1] if out else None
            if isinstance(item, TelnetData | HttpData) and type(item) is type(last):
                out[-1] = replace(item, data=last.data + item.data)
            else:
                out.append(item)
    assert all(isinstance(item, Fact | Send | Close) for item in out)
    return out


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[start:end] for start, end in pairwise(ends)]


def check(target: Target, data: bytes, places: list[int]) -> None:
    whole = run(target.make(), [data])
    pieces = run(target.make(), cut(data, places))
    assert joined_facts(pieces) == joined_facts(whole)
    assert said(pieces) == said(whole)
    for fact in whole:
        consequences(fact)


def joined_facts(out: list[Output]) -> list[Fact]:
    facts: list[Any] = []
    for item in out:
        if isinstance(item, TelnetData | HttpData) and facts and type(item) is type(facts[-1]):
            facts[-1] = replace(item, data=facts[-1].data + item.data)
        elif isinstance(item, Fact):
            facts.append(item)
    return facts


def said(out: list[Output]) -> bytes:
    return b"".join(item.data for item in out if isinstance(item, Send))


def consequences(fact: Output) -> None:
    """What is asked of a fact later must not fail either."""
    if isinstance(fact, HttpRequest):
        assert fact.path is not None
        assert fact.form() is not None
        parse_query(fact.query)
    elif isinstance(fact, ClientHello):
        assert len(fact.ja3) == 32
        assert fact.ja4.count("_") == 2
        assert fact.ja4_ro


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    grain = st.one_of(st.sampled_from(target.tokens), st.binary(max_size=12))
    return st.one_of(st.binary(max_size=200), st.lists(grain, max_size=12).map(b"".join))


QUIET = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
PLACES = st.lists(st.integers(0, 4000), max_size=8)


def fuzz(name: str, examples: int, *, derandomize: bool) -> None:
    target = TARGETS[name]

    @settings(max_examples=examples, derandomize=derandomize, **QUIET)  # type: ignore[arg-type] # mixed values
    @given(inputs(target), PLACES)
    def property_of_the_core(data: bytes, places: list[int]) -> None:
        check(target, data, places)

    property_of_the_core()


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_in_any_pieces(name: str) -> None:
    fuzz(name, 600, derandomize=True)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_in_any_pieces_100_000_times(name: str) -> None:
    fuzz(name, 100_000, derandomize=False)


def dictionary(path: Path) -> list[bytes]:
    """The tokens of an AFL dictionary, or of ProFuzzBench's plain lists."""
    found = re.findall(rb"\"((?:[^\"\\]|\\.)*)\"", path.read_bytes())
    return [
        token.decode("latin-1")
        .encode("raw_unicode_escape")
        .decode("unicode_escape")
        .encode("latin-1", "ignore")
        for token in found
    ]


TOKENS = [
    token for path in sorted((CAPTURES / "fuzz").rglob("*.dict")) for token in dictionary(path) if token
]


def mutations(seed: bytes, tokens: list[bytes], dice: random.Random, count: int) -> Iterator[bytes]:
    for _ in range(count):
        data = bytearray(seed)
        for _ in range(dice.randrange(1, 6)):
            place = dice.randrange(len(data) + 1)
            match dice.randrange(5):
                case 0:
                    data[place:place] = dice.choice(tokens)
                case 1:
                    del data[place : place + dice.randrange(16)]
                case 2 if place < len(data):
                    data[place] ^= 1 << dice.randrange(8)
                case 3:
                    data[place:place] = data[place : place + dice.randrange(64)]
                case _:
                    data[place : place + 4] = dice.choice(
                        (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff", b"\x80")
                    )
        yield bytes(data)


def real_seeds(target: Target) -> list[bytes]:
    seeds = [path.read_bytes() for path in sorted((CAPTURES / "fuzz" / "profuzzbench").glob(target.seeds))]
    if target.seeds == "D*":
        small = [
            path for path in (CAPTURES / "fingerprint" / "ja4").glob("*.pcap*") if path.stat().st_size < 9000
        ]
        seeds += [path.read_bytes() for path in sorted(small) if path.suffix != ".json"]
    return [*seeds, b"".join(target.tokens)]


@pytest.mark.parametrize("name", TARGETS)
def test_mutated_seeds_in_any_pieces(name: str) -> None:
    target, dice = TARGETS[name], random.Random(20070401)
    seeds = real_seeds(target)
    for seed in seeds:
        for data in mutations(seed, [*TOKENS, *target.tokens], dice, 400 // len(seeds) + 10):
            check(target, data, [dice.randrange(4000) for _ in range(6)])


def test_every_real_seed_goes_through_every_core() -> None:
    for path in sorted((CAPTURES / "fuzz").rglob("*")):
        if path.is_file():
            data = path.read_bytes()
            for target in TARGETS.values():
                check(target, data, [1, 7, 100])
            bid(data)
            find_client_hello(data)


HOSTILE = {
    "telnet": [
        b"a",
        b"\n",
        b"\xff",
        b"\xff\xfb\x18",
        b"\xff\xfa\x18x",
        b"\x1b",
        b"\x08a",
        b"\r\0",
        b"\x03",
        b" ",
    ],
    "telnet-busybox": [b"\xff\xff", b"\xff\xf6", b"\xff\xfa\xff\xff", b"\x17", b"\x15a"],
    "http": [
        b"a",
        b"\n",
        b" ",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\nTransfer-Encoding: chunked\n\n1\na\n",
        b"\0",
        b"A: b\r\n",
    ],
    "tls": [b"\x16\x03\x01\x00\x00", b"\x16\x03\x01\x00\x01\x01", b"\x16"],
    "ssh": [b"\n", b"a", b"SSH-2.0-\n", b"\0\0\0\x0c\x04\x02" + b"\0" * 10],
    "pcap": [b"\0", PCAP_TOKENS[0], PCAP_TOKENS[0] + PCAP_TOKENS[4] * 50],
}


@pytest.mark.parametrize(
    ("name", "grain"), [(name, grain) for name, grains in HOSTILE.items() for grain in grains]
)
def test_a_flood_costs_time_in_proportion_and_memory_within_bounds(name: str, grain: bytes) -> None:
    """A quarter of a megabyte in small pieces: neither square time nor a buffer that grows."""
    data = (grain * (1 << 18))[: 1 << 18]
    core = TARGETS[name].make()
    began = time.process_time()
    for start in range(0, len(data), 512):
        core.receive(data[start : start + 512])
    assert time.process_time() - began < 10
    assert held_bytes(core) < 1 << 16


def held_bytes(thing: object, depth: int = 0) -> int:
    """Bytes in the buffers of a core."""
    if isinstance(thing, bytes | bytearray):
        return len(thing)
    if isinstance(thing, dict):
        return sum(held_bytes(value, depth + 1) for value in thing.values())
    if isinstance(thing, tuple | list):
        return sum(held_bytes(value, depth + 1) for value in thing)
    names = [*getattr(thing, "__dict__", {}), *getattr(type(thing), "__slots__", ())]
    if depth > 6 or not type(thing).__module__.startswith("mead."):
        return held_bytes(thing.core, 1) if isinstance(thing, TelnetDialogue) else 0
    return sum(held_bytes(getattr(thing, name), depth + 1) for name in names)
