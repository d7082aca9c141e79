# SPDX-License-Identifier: Apache-2.0
"""Run in network and mount namespaces of its own: a deck that fetches, a name server, an ear at the cable.

Prints one JSON object: what became of each offer, what left the machine, what was asked of the name server.
Its one way out is a virtual cable that nobody is at the other end of.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import quote_plus

MEAD = str(Path(sys.executable).parent / "mead")
_CNAME = 5
OURS, PUBLIC = "192.0.2.2", "8.8.8.8"
ZONE: dict[str, list[list[str]]] = {
    "public.example.org": [[PUBLIC]],
    "loopback.example.org": [["127.0.0.1"]],
    "private.example.org": [["10.0.0.1"]],
    "mixed.example.org": [[PUBLIC, "10.0.0.1"]],
    "alias.example.org": [["CNAME private.example.org", "10.0.0.1"]],
    "metadata.example.org": [["169.254.169.254"]],
    "mapped.example.org": [["::ffff:10.0.0.1"]],
    "nat64.example.org": [["64:ff9b::a00:1"]],
    "ours.example.org": [["9.9.9.9"]],
    "empty.example.org": [[]],
    "rebind.example.org": [[PUBLIC], ["127.0.0.1"]],
    "nosuch.example.net.internal.example.org": [[PUBLIC]],
}
"""Answers by name; the next ones at the next look-up. What is not here does not exist."""


def run(*words: str) -> None:
    subprocess.run(words, check=True)


def wall_in(directory: Path) -> None:
    """The cable, its addresses and routes, and our own resolv.conf."""
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "out1")
    for name in ("out1", "out0"):
        run("ip", "link", "set", name, "up", "arp", "off")
    run("ip", "address", "add", f"{OURS}/24", "dev", "out0")
    run("ip", "-6", "address", "add", "2a00:ffff::2/64", "dev", "out0", "nodad")
    run("ip", "route", "add", "default", "dev", "out0")
    run("ip", "-6", "route", "add", "default", "dev", "out0")
    resolv = directory / "resolv.conf"
    resolv.write_text("search internal.example.org\nnameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    run("mount", "--make-rprivate", "/")
    run("mount", "--bind", str(resolv), "/etc/resolv.conf")


class Names(threading.Thread):
    """A name server whose answers change.

    Source: RFC 1035 §4.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.asked: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))

    def run(self) -> None:
        while True:
            question, peer = self._socket.recvfrom(512)
            self._socket.sendto(self._answer(question), peer)

    def _answer(self, question: bytes) -> bytes:
        labels, at = [], 12
        while length := question[at]:
            labels.append(question[at + 1 : at + 1 + length].decode())
            at += 1 + length
        name, kind = ".".join(labels).lower(), int.from_bytes(question[at + 1 : at + 3], "big")
        turns = ZONE.get(name)
        turn = min(self.asked[name] if kind == 1 else 0, len(turns or [0]) - 1)
        self.asked[name] += kind == 1
        answers, owner = [], b"\xc0\x0c"
        for text in (turns or [[]])[turn]:
            answer, data = _record(text)
            if answer in {kind, _CNAME}:
                answers.append(
                    owner + answer.to_bytes(2, "big") + bytes((0, 1, 0, 0, 0, 0, 0, len(data))) + data
                )
            owner = data if answer == _CNAME else owner
        flags = b"\x81\x80" if turns is not None else b"\x81\x83"
        head = question[:2] + flags + b"\0\1" + len(answers).to_bytes(2, "big") + bytes(4)
        return head + question[12 : at + 5] + b"".join(answers)


def _record(text: str) -> tuple[int, bytes]:
    """Type and data of a record."""
    if text.startswith("CNAME "):
        labels = [*text.removeprefix("CNAME ").split("."), ""]
        return _CNAME, b"".join(bytes([len(label)]) + label.encode() for label in labels)
    address = ip_address(text)
    return 1 if address.version == 4 else 28, address.packed


class Ear(threading.Thread):
    """Hears every packet that leaves by the cable, but for what the kernel says by itself."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.heard: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self._socket.bind(("out0", 0))

    def run(self) -> None:
        while True:
            packet, (_, _, direction, *_) = self._socket.recvfrom(65535)
            kernels_own = packet[12:14] == b"\x86\xdd" and packet[20] in (0, 58)  # neighbours, multicast
            if direction != socket.PACKET_OUTGOING or kernels_own:
                continue
            if packet[12:14] == b"\x08\x00":
                self.heard[str(ip_address(packet[30:34]))] += 1
            else:
                self.heard[str(ip_address(packet[38:54]))] += 1


class Trap(threading.Thread):
    """Accepts on a port of loopback that a rebinding name would lead to, and counts."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.caught = 0
        self._socket = socket.create_server(("127.0.0.1", 80))

    def run(self) -> None:
        while True:
            self._socket.accept()[0].close()
            self.caught += 1


def listed(configuration: Path, where: str) -> list[dict[str, str]]:
    command = [MEAD, "-c", str(configuration), "events", "--where", where, "-o", "jsonl", "--limit", "100000"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def until(configuration: Path, where: str, count: int) -> list[dict[str, str]]:
    deadline = time.monotonic() + 90
    while len(found := listed(configuration, where)) < count and time.monotonic() < deadline:
        time.sleep(0.3)
    return found


def offer(port: int, urls: list[str]) -> None:
    commands = quote_plus("; ".join(f"wget '{url}' -O /tmp/x" for url in urls))
    url = f"http://127.0.0.1:{port}/cgi-bin/ping.cgi?host=;{commands}"
    run("curl", "-s", "-m", "20", "-o", "/dev/null", url)


def main(directory: Path, refused: list[str], followed: list[str]) -> None:
    wall_in(directory)
    names, ear, trap = Names(), Ear(), Trap()
    for thread in (names, ear, trap):
        thread.start()
    configuration = directory / "mead.toml"
    configuration.write_text(
        f'data_dir = "{directory}/data"\n[sensor]\naddresses = ["127.0.0.1"]\n'
        "[sensor.services]\nhttp = [8080]\n[hub]\ncommit_seconds = 0.1\nclamd = false\nworkers = 0\n"
        '[egress]\npolicy = "fetch"\ntimeout_seconds = 0.5\nretry_seconds = [0.5]\n'
        'own_addresses = ["9.9.9.0/24"]\ndeny = ["8.8.4.0/24", ".evil.example.org"]\n'
    )
    log = (directory / "log").open("wb")
    with subprocess.Popen([MEAD, "-c", str(configuration), "run"], stdout=log, stderr=log) as deck:
        until(configuration, "kind = 'sensor.status'", 1)
        for start in range(0, len(refused), 20):
            offer(8080, refused[start : start + 20])
        until(configuration, "kind = 'fetch.refused'", len(refused))
        quiet, asked = dict(ear.heard), dict(names.asked)
        offer(8080, followed)
        until(
            configuration, "kind = 'fetch.failed' or kind = 'fetch.refused'", len(refused) + 2 * len(followed)
        )
        events = listed(configuration, "kind like 'fetch.%'")
        deck.terminate()
        deck.wait(60)
    found = [
        {key: event.get(key) for key in ("kind", "url", "reason", "address", "dns_answers", "attempt")}
        for event in events
    ]
    json.dump({
        "events": found, "quiet": quiet, "asked": asked, "heard": dict(ear.heard), "caught": trap.caught,
        "later": dict(names.asked),
    }, sys.stdout)  # fmt: skip


if __name__ == "__main__":
    given = json.load(sys.stdin)
    main(Path(sys.argv[1]), given["refused"], given["followed"])
