# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mead.egress.fetch import Fetcher
from mead.egress.result import Failed, Fetched, Outcome, RefusedFetch, Request

Fetch = Callable[..., Awaitable[Outcome]]


async def test_a_refusal_says_what_was_found_out(fetch: Fetch) -> None:
    got = await fetch("http://h.example/", names={"h.example": ["127.0.0.1", "10.0.0.1"]})
    assert isinstance(got, RefusedFetch)
    assert (got.reason, got.policy) == ("target is not loopback (test setting)", "fetch")
    assert got.trace.dns_answers == ["127.0.0.1", "10.0.0.1"]
    assert got.trace.address == "10.0.0.1"


async def test_an_empty_budget_is_a_refusal_that_passes(
    fetching: Callable[..., Fetcher], servers: Any
) -> None:
    fetcher = fetching(per_host_per_minute=1)
    request = Request(url=f"http://127.0.0.1:{await servers.web(b'')}/", offer="o", sensor="s")
    assert isinstance(await fetcher.fetch(request), Failed)
    got = await fetcher.fetch(request)
    assert isinstance(got, RefusedFetch)
    assert got.passing
    assert len(servers.asked) == 1


async def test_a_redirect_may_lead_to_ftp(fetch: Fetch, servers: Any) -> None:
    port = await servers.web(b"HTTP/1.1 302 F\r\nLocation: ftp://127.0.0.1:1/x\r\n\r\n")
    got = await fetch(f"http://127.0.0.1:{port}/")
    assert isinstance(got, RefusedFetch)
    assert got.reason == "port belongs to another service"


async def test_each_scheme_has_its_fetcher(fetch: Fetch, servers: Any) -> None:
    port = await servers.web(b"HTTP/1.1 200 OK\r\n\r\nx")
    assert isinstance(await fetch(f"http://127.0.0.1:{port}/"), Fetched)
    for scheme in ("https", "ftp"):
        assert isinstance(await fetch(f"{scheme}://127.0.0.1:{port}/x", timeout_seconds=0.2), Failed)


_WATCH = r"""
import asyncio, socket, subprocess, sys
from mead.clock import SystemClock
from mead.egress.fetch import Fetcher
from mead.egress.gate import Gate
from mead.egress.policy import EgressSettings
from mead.egress.result import Request

def run(*words):
    subprocess.run(words, check=True)

run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "out1")
run("ip", "link", "set", "out1", "up", "arp", "off")
run("ip", "link", "set", "out0", "up", "arp", "off")
run("ip", "address", "add", "192.0.2.2/24", "dev", "out0")
run("ip", "-6", "address", "add", "2a00:ffff::2/64", "dev", "out0", "nodad")
run("ip", "route", "add", "default", "dev", "out0")
run("ip", "-6", "route", "add", "default", "dev", "out0")

class Answers:
    async def resolve(self, host):
        from ipaddress import ip_address
        return [ip_address(text) for text in host.split(".example.org")[0].replace("-", ".").split("_")]

async def fetch(url, **options):
    settings = EgressSettings(policy="fetch", timeout_seconds=0.2, total_seconds=0.5, **options)
    fetcher = Fetcher(Gate(settings, SystemClock(), Answers()), SystemClock())
    return type(await fetcher.fetch(Request(url=url, offer="o", sensor="s"))).__name__

async def all_of(urls, **options):
    return [await fetch(url, **options) for url in urls]

with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as tap:
    def heard():
        count = 0
        tap.settimeout(0.3)
        while True:
            try:
                data = tap.recv(65535)
            except TimeoutError:
                return count
            kernels_own = data[12:14] == b"\x86\xdd" and data[20] in (0, 58)  # neighbours, multicast groups
            if not kernels_own:
                count += 1
    heard()
    outcomes = asyncio.run(all_of(sys.argv[1:], own_addresses=["9.9.9.0/24"], deny=["8.8.4.0/24"]))
    print(sorted(set(outcomes)), heard())
    outcomes = asyncio.run(all_of(["http://8.8.8.8/", "tftp://8.8.8.8/x", "http://[2a00::1]/"]))
    print(sorted(set(outcomes)), heard() > 0)
"""
_REFUSED = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0", "10.0.0.1", "172.16.0.1", "192.168.0.1",
    "100.64.0.1", "169.254.169.254", "192.0.2.2", "192.0.2.9", "198.18.0.1", "224.0.0.1", "255.255.255.255",
    "240.0.0.1", "9.9.9.9", "8.8.4.4", "１２７.０.０.１", "[::1]", "[::ffff:10.0.0.1]", "[::ffff:8.8.8.8]",
    "[64:ff9b::a00:1]", "[2002:a00:1::1]", "[2001:0:a00:1::1]", "[fe80::1]", "[fc00::1]", "[ff02::1]",
    "[2a00:ffff::2]", "localhost", "127-0-0-1.example.org", "8-8-8-8_10-0-0-1.example.org",
]  # fmt: skip


@pytest.mark.root
@pytest.mark.tool("unshare")
@pytest.mark.tool("ip")
def test_no_packet_leaves_for_a_refused_target() -> None:
    urls = [f"{scheme}://{host}/x" for host in _REFUSED for scheme in ("http", "https", "ftp", "tftp")]
    urls += [f"tcp://{host}:4444" for host in _REFUSED]
    ran = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", _WATCH, *urls],
        capture_output=True, text=True, timeout=60, check=False, env=os.environ,
    )  # fmt: skip
    if "unshare failed" in ran.stderr or "Operation not permitted" in ran.stderr:
        pytest.skip(f"needs network namespaces: {ran.stderr.strip()[:100]}")
    assert ran.stdout == "['RefusedFetch'] 0\n['Failed'] True\n", ran.stderr


@pytest.mark.parametrize("scheme", ["http", "tcp", "tftp"])
async def test_every_fetcher_goes_from_the_address_that_it_is_told(
    fetching: Callable[..., Fetcher], servers: Any, scheme: str
) -> None:
    peers: list[str] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nx")

    class Hears(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            peers.append(addr[0])

    fetcher = fetching(timeout_seconds=0.3)
    fetcher.gate._own_host = lambda address: str(address) == "127.0.0.9"
    port = await servers.talk(talk)
    heard, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        Hears, local_addr=("127.0.0.1", port)
    )
    request = Request(url=f"{scheme}://127.0.0.1:{port}/x", offer="o", sensor="s", dst="127.0.0.9")
    await fetcher.fetch(request)
    heard.close()
    assert set(peers) == {"127.0.0.9"}
