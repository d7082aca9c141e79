# SPDX-License-Identifier: Apache-2.0
"""Botnets that were seen, typed line by line at the Telnet door of a running deck, to their last line."""

from __future__ import annotations

import json
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.xdist_group("deck"), pytest.mark.timeout(240)]

CAPTURES = Path(__file__).parents[1] / "captures" / "shell"
PASSWORDS = ("root", "admin", "12345", "vizxv", "password", "1234", "xc3511", "default", "toor", "111111")
_OPTION = re.compile(rb"\xff[\xfb-\xfe].")
_PROMPT = re.compile(rb"(?:^|[\r\n])[^\r\n]*[#$>] $")


class Client:
    """A Telnet client that refuses every option, as loaders do."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._seen = b""

    def until(self, pattern: re.Pattern[bytes], seconds: float = 10) -> bytes:
        deadline = time.monotonic() + seconds
        while not pattern.search(self._seen):
            self._socket.settimeout(max(0.05, deadline - time.monotonic()))
            data = self._socket.recv(65_536)
            if not data:
                raise EOFError
            for option in _OPTION.findall(data):
                if option[1:2] in b"\xfb\xfd":
                    answer = b"\xfe" if option[1:2] == b"\xfb" else b"\xfc"
                    self._socket.sendall(b"\xff" + answer + option[2:])
            self._seen += _OPTION.sub(b"", data)
        seen, self._seen = self._seen, b""
        return seen

    def close(self) -> None:
        self._socket.close()

    def type(self, line: str) -> None:
        self._socket.sendall(line.encode() + b"\r\n")

    def log_in(self) -> bool:
        """Whether a password was right before the door hung up."""
        try:
            for password in PASSWORDS:
                self.until(re.compile(rb"ogin: $"))
                self.type("root")
                self.until(re.compile(rb"assword: ?$"))
                self.type(password)
                seen = self.until(re.compile(_PROMPT.pattern + rb"|ogin: $"))
                if _PROMPT.search(seen):
                    return True
                self._seen = seen
        except (EOFError, OSError):
            pass
        return False


def logged_in(port: int) -> Client:
    for _ in range(20):
        client = Client(port)
        if client.log_in():
            return client
        client.close()
    raise AssertionError("no password was right")


def transcript(name: str) -> list[str]:
    blocks = (CAPTURES / name).read_text().split("```")[1::2]
    typed = [block.strip().split("\n") for block in blocks]
    return [line for lines in typed if ":" not in lines[0] for line in lines]


def events(deck: Any, where: str) -> list[dict[str, Any]]:
    text = deck.mead("events", "--where", where, "-o", "jsonl", "--limit", "100000").stdout
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("name", "offers"),
    [
        ("hontel-mirai.md", {"http://185.188.206.99:80/bins/mirai.x86"}),
        ("hontel-wopbot.md", {"http://85.118.98.197:61050/cyka/blyat/2.mp"}),
        ("hontel-brickerbot.md", set()),
    ],
)
def test_a_botnet_types_its_last_line(deck: Any, name: str, offers: set[str]) -> None:
    client = logged_in(deck.ports["telnet"])
    lines = transcript(name)
    mark = f"echo end-of-{name}"
    for line in [*lines, mark]:
        client.type(line)
        try:
            seen = client.until(_PROMPT)
        except EOFError:
            assert line in {"halt -n -f", "reboot"}
            client.close()
            client = logged_in(deck.ports["telnet"])
            continue
        if re.fullmatch(r"/bin/busybox [A-Z]+", line):
            assert f"{line.split()[1]}: applet not found\r\n".encode() in seen
    client.close()
    deadline = time.monotonic() + 30
    while not (ends := events(deck, f"kind = 'command.input' and command = '{mark}'")):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    sessions = {entry["session"] for entry in ends}
    typed = [entry["command"] for entry in events(deck, "kind = 'command.input'")]
    assert set(lines) <= set(typed)
    found = {entry["url"] for entry in events(deck, "kind = 'offer.seen'") if entry["session"] in sessions}
    assert found == offers
