# SPDX-License-Identifier: Apache-2.0
"""What is refused gets no packet: the gate's own wall, and the packet filter behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

REFUSED = {
    "http://127.0.0.1/x": "target is loopback",
    "http://2130706433/x": "target is loopback",
    "http://0x7f.1/x": "target is loopback",
    "http://[::1]/x": "target is loopback",
    "http://0/x": "target is this network",
    "http://10.0.0.1/x": "target is private",
    "http://172.16.9.9/x": "target is private",
    "http://192.168.1.1/x": "target is private",
    "http://100.64.0.1/x": "target is carrier-grade NAT",
    "http://169.254.169.254/latest/meta-data/": "target is cloud metadata",
    "http://100.100.100.200/": "target is cloud metadata",
    "http://[fd00:ec2::254]/": "target is cloud metadata",
    "http://169.254.1.1/": "target is link-local",
    "http://198.18.0.1/": "target is benchmarking",
    "http://203.0.113.9/": "target is documentation",
    "http://224.0.0.1/": "target is multicast",
    "http://255.255.255.255/": "target is broadcast",
    "http://240.0.0.1/": "target is reserved",
    "http://[::ffff:10.0.0.1]/": "target is IPv4-mapped",
    "http://[64:ff9b::a00:1]/": "target is NAT64",
    "http://[64:ff9b:1::a00:1]/": "target is NAT64",
    "http://[2002:a00:1::1]/": "target is 6to4",
    "http://[2001:0:a00:1::1]/": "target is Teredo",
    "http://[fe80::1]/": "target is link-local",
    "http://[fc00::1]/": "target is unique local",
    "http://[2a00:ffff::2]/": "target is one of our own",
    "http://9.9.9.9/": "target is one of our own",
    "http://8.8.4.4/": "target is on the operator's list",
    "http://deep.evil.example.org/": "target is on the operator's list",
    "http://localhost/": "target is not a public name",
    "http://intranet/": "target is not a public name",
    "http://metadata.google.internal/": "target is not a public name",
    "http://8.8.8.8:25/": "port belongs to another service",
    "http://a@b@8.8.8.8/": "more than one @ in authority",
    "http://loopback.example.org/": "target is loopback",
    "http://private.example.org/": "target is private",
    "http://mixed.example.org/": "target is private",
    "http://alias.example.org/": "target is private",
    "http://metadata.example.org/": "target is cloud metadata",
    "http://mapped.example.org/": "target is IPv4-mapped",
    "http://nat64.example.org/": "target is NAT64",
    "http://ours.example.org/": "target is one of our own",
}


@pytest.mark.root
@pytest.mark.tool("unshare", "ip", "curl")
def test_no_packet_leaves_for_a_target_that_is_refused(tmp_path: Path) -> None:
    followed = ["http://public.example.org/x", "http://rebind.example.org/x"]
    unresolved = ["http://empty.example.org/x", "http://nosuch.example.net/x"]
    given = json.dumps({"refused": list(REFUSED), "followed": followed + unresolved})
    done = subprocess.run(
        ["unshare", "--net", "--mount", sys.executable, Path(__file__).with_name("walled.py"), tmp_path],
        input=given, capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    if "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip(f"needs network namespaces: {done.stderr.strip()[:100]}")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    outcome: dict[str, list[tuple[str, str]]] = {}
    for event in found["events"]:
        outcome.setdefault(event["url"], []).append((event["kind"], event["reason"]))
    assert {url: outcome.get(url) for url in REFUSED} == {
        url: [("fetch.refused", reason)] for url, reason in REFUSED.items()
    }
    assert found["quiet"] == {}
    assert "deep.evil.example.org" not in found["asked"]
    assert [kind for kind, _ in outcome["http://public.example.org/x"]] == ["fetch.failed"] * 2
    assert outcome["http://rebind.example.org/x"][0][0] == "fetch.failed"
    assert outcome["http://rebind.example.org/x"][1] == ("fetch.refused", "target is loopback")
    assert set(found["heard"]) == {"8.8.8.8"}
    assert found["caught"] == 0
    for url in unresolved:
        assert [kind for kind, _ in outcome[url]] == ["fetch.refused"] * 2
        assert all(reason.startswith("name does not resolve") for _, reason in outcome[url])
    assert not [name for name in found["later"] if name.endswith(".internal.example.org")]


_SECOND_WALL = r"""
import json, os, pwd, socket, subprocess, sys

def run(*words):
    subprocess.run(words, check=True)

run("ip", "link", "set", "lo", "up")
run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "out1")
for name in ("out1", "out0"):
    run("ip", "link", "set", name, "up", "arp", "off")
run("ip", "address", "add", "10.9.9.2/24", "dev", "out0")
run("ip", "-6", "address", "add", "2a00:ffff::2/64", "dev", "out0", "nodad")
run("ip", "route", "add", "default", "dev", "out0")
run("ip", "-6", "route", "add", "default", "dev", "out0")
run("nft", "-f", sys.argv[1])
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
tap.bind(("out0", 0))
tap.settimeout(0.3)
listener = socket.create_server(("127.0.0.1", 4222))
if sys.argv[2] == "fetcher":
    os.setresuid(*[pwd.getpwnam("nobody").pw_uid] * 3)
for text in sys.argv[3:]:
    host, _, port = text.rpartition("|")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.05)
        try:
            probe.connect((host, int(port)))
        except OSError:
            pass
socket.create_connection(("127.0.0.1", 4222)).close()
heard = set()
while True:
    try:
        packet, (_, _, direction, *_) = tap.recvfrom(65535)
    except TimeoutError:
        break
    if direction == socket.PACKET_OUTGOING and packet[12:14] == b"\x08\x00":
        heard.add(socket.inet_ntoa(packet[30:34]))
    elif direction == socket.PACKET_OUTGOING and packet[20] == 6:
        heard.add(socket.inet_ntop(socket.AF_INET6, packet[38:54]))
print(json.dumps(sorted(heard)))
"""


@pytest.mark.root
@pytest.mark.tool("unshare", "ip", "nft")
def test_the_second_wall_keeps_the_user_of_the_fetcher_in() -> None:
    rules = Path(__file__).parents[2] / "deploy" / "nftables" / "fetcher.nft"
    never = ["10.1.2.3|80", "192.168.1.1|80", "169.254.169.254|80", "100.64.0.1|80", "8.8.8.8|25",
             "64:ff9b::a00:1|80", "fc00::1|80", "2002:a00:1::1|80", "::ffff:10.0.0.1|80"]  # fmt: skip
    for user, expected in (
        ("fetcher", {"8.8.4.4", "2a00:1450::1"}),
        (
            "root",
            {"8.8.4.4", "2a00:1450::1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "8.8.8.8", "fc00::1"},
        ),
    ):
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-c", _SECOND_WALL, rules, user, *never, "8.8.4.4|80",
             "2a00:1450::1|443"],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        if "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
            pytest.skip(f"needs network namespaces: {done.stderr.strip()[:100]}")
        assert done.returncode == 0, done.stderr
        heard = set(json.loads(done.stdout))
        assert heard >= expected, user
        assert user == "root" or heard == expected
