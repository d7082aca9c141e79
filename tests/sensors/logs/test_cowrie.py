# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from mead.model.codec import encode_line
from mead.sensors.logs import BrokenLine
from mead.sensors.logs.cowrie import read

SHA256 = "a8460f446be540410004b1a8db4083773fa46f7fe76fa84219c93daa1669f8f2"
CONNECT = {
    "eventid": "cowrie.session.connect", "src_ip": "198.51.100.7", "src_port": 54330, "dst_ip": "192.0.2.8",
    "dst_port": 2222, "session": "651b145b8fb8", "protocol": "ssh", "sensor": "other",
}  # fmt: skip


def _line(eventid: str, **fields: Any) -> bytes:
    record = {
        "eventid": f"cowrie.{eventid}", "session": "651b145b8fb8", "src_ip": "198.51.100.7",
        "timestamp": "2023-11-30T01:42:06.527180Z", **fields,
    }  # fmt: skip
    return json.dumps(record).encode() + b"\n"


def _read(*lines: bytes) -> list[Any]:
    events = list(read([_line_of(CONNECT), *lines], "s"))
    for event in events:
        if not isinstance(event, BrokenLine):
            encode_line(event)
    return events[1:]


def _line_of(fields: dict[str, Any]) -> bytes:
    return json.dumps({"timestamp": "2023-11-30T01:42:06Z", **fields}).encode() + b"\n"


def test_every_event_has_the_identity_of_its_session() -> None:
    opened, command = read([_line_of(CONNECT), _line("command.input", input="uname -a")], "mine")
    for event in (opened, command):
        assert not isinstance(event, BrokenLine)
        assert (event.src, event.src_port, event.dst, event.dst_port) == (
            "198.51.100.7",
            54330,
            "192.0.2.8",
            2222,
        )
        assert (event.session, event.service, event.sensor) == ("651b145b8fb8", "ssh", "mine")


@pytest.mark.parametrize(
    ("line", "kind", "expected"),
    [
        (_line("login.failed", username="root", password="x"), "login.attempt",
         {"username": "root", "password": "x", "success": False, "method": "password"}),
        (_line("login.success", username="root", password=""), "login.attempt",
         {"success": True, "password": ""}),
        (_line("client.fingerprint", username="u", fingerprint="SHA256:x", type="ssh-rsa"), "login.attempt",
         {"method": "publickey", "key_fingerprint": "SHA256:x"}),
        (_line("client.version", version="SSH-2.0-Go"), "client.seen", {"client_version": "SSH-2.0-Go"}),
        (_line("client.kex", hassh="ec7378c1", hasshAlgorithms="a;b"), "client.seen",
         {"fingerprint_kind": "hassh", "fingerprint": "ec7378c1", "fingerprint_text": "a;b"}),
        (_line("command.input", input="cd /tmp; \udcff"), "command.input", {"command": "cd /tmp; \\xff"}),
        (_line("session.file_upload", filename="/tmp/x", shasum=SHA256), "file.uploaded",
         {"path": "/tmp/x", "sha256": SHA256}),
        (_line("session.file_download", destfile="/tmp/y", shasum=SHA256), "file.uploaded",
         {"path": "/tmp/y", "tool": "redirect"}),
        (_line("direct-tcpip.request", src_ip="127.0.0.1", src_port=1, dst_ip="mail.example", dst_port=25),
         "tunnel.requested", {"target_host": "mail.example", "target_port": 25, "src": "198.51.100.7"}),
        (_line("direct-tcpip.data", dst_ip="h", dst_port=80, data="b'GET / \\r\\n\\x16'"), "payload.received",
         {"sha256": hashlib.sha256(b"GET / \r\n\x16").hexdigest(), "size": 9}),
        (_line("direct-tcpip.data", data="plain"), "payload.received", {"size": 5}),
        (_line("telnet.exploit_attempt", cve="CVE-2026-24061"), "exploit.seen",
         {"rule": "cowrie:telnet.exploit_attempt", "cve": "CVE-2026-24061"}),
        (_line("client.malformed_packet", message="bad"), "peer.error", {"reason": "bad"}),
        (_line("session.closed", duration="1.5"), "session.close", {"duration_ms": 1500}),
        (_line("session.closed", duration="soon"), "session.close", {"duration_ms": 0}),
        (_line("session.closed", duration_ms=1145), "session.close", {"duration_ms": 1145}),
        (_line("login.success", username="u", fingerprint="54:70", key="ssh-rsa AAAA", type="ssh-rsa"),
         "login.attempt", {"method": "publickey", "success": True, "key_fingerprint": "54:70"}),
        (_line("session.file_upload", filename="a", destfile="/root/a", shasum=SHA256), "file.uploaded",
         {"path": "/root/a"}),
    ],
)  # fmt: skip
def test_a_line_becomes_an_event(line: bytes, kind: str, expected: dict[str, Any]) -> None:
    (event,) = _read(line)
    assert event.kind == kind
    assert {name: getattr(event, name) for name in expected} == expected


def test_a_download_is_an_offer_that_was_followed() -> None:
    offer, done = _read(_line("session.file_download", url="http://h.example/x", outfile="o", shasum=SHA256))
    assert (offer.kind, offer.url) == ("offer.seen", "http://h.example/x")
    assert (done.kind, done.sha256, done.offer) == ("fetch.done", SHA256, offer.offer)
    offer, failed = _read(_line("session.file_download.failed", url="http://h.example/x"))
    assert (failed.kind, failed.final, failed.offer) == ("fetch.failed", True, offer.offer)


def test_a_key_that_was_offered_and_refused_is_one_attempt() -> None:
    key = {"username": "u", "fingerprint": "54:70", "key": "ssh-rsa AAAA", "type": "ssh-rsa"}
    offered, refused = _line("client.fingerprint", **key), _line("login.failed", **key)
    (attempt,) = _read(offered, refused)
    assert (attempt.method, attempt.success, attempt.key_fingerprint) == ("publickey", False, "54:70")
    (attempt,) = _read(refused)
    assert (attempt.method, attempt.success, attempt.key_fingerprint) == ("publickey", False, "54:70")
    two = _read(offered, refused, _line("login.failed", **{**key, "fingerprint": "55:71"}))
    assert [attempt.key_fingerprint for attempt in two] == ["54:70", "55:71"]


@pytest.mark.parametrize("eventid", ["command.failed", "client.size", "log.closed", "virustotal.scanfile"])
def test_repetitions_and_cowries_own_affairs_are_no_events(eventid: str) -> None:
    assert _read(_line(eventid, input="x")) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"eventid": "cowrie.login.failed", "times', "not JSON"),
        (b'{"timestamp": "2023-11-30T01:42:06Z"}', "no eventid"),
        (b'{"eventid": "cowrie.login.failed", "timestamp": []}', "no timestamp"),
        (b'{"eventid": 123, "timestamp": [], "src_ip": {}, "session": null}', "no timestamp"),
        (_line("new.thing"), "unknown eventid"),
    ],
)
def test_what_cannot_be_used_is_counted(line: bytes, reason: str) -> None:
    (broken,) = _read(line)
    assert (broken.reason, broken.line) == (reason, 2)


def test_reading_twice_gives_the_same_origins() -> None:
    lines = [_line("command.input", input="id")] * 3
    first, second = ([event.origin for event in _read(*lines)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 3
