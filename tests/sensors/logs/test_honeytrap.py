# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mead.model.codec import decode_batch, encode_batch
from mead.sensors.logs import BrokenLine
from mead.sensors.logs.honeytrap import read

CAPTURE = Path(__file__).parents[2] / "captures" / "logs/uqo-honeytrap_5k.json.gz"


def test_the_array_of_attacks_gives_every_record_and_payload() -> None:
    with CAPTURE.open("rb") as stream:
        events: list[Any] = list(read(stream, "s"))
    assert not [event for event in events if isinstance(event, BrokenLine)]
    assert Counter(event.kind for event in events) == {
        "session.open": 4999, "session.close": 4999, "payload.received": 3906,
    }  # fmt: skip
    opened = [event for event in events if event.kind == "session.open"]
    assert len({event.src for event in opened}) == 1437
    ports = Counter(event.dst_port for event in opened)
    assert [ports[port] for port in (0, 2323, 5984, 7999, 37215)] == [685, 66, 64, 56, 56]
    assert len({event.origin for event in events}) == len(events)
    assert list(decode_batch(encode_batch(events[-500:]))) == events[-500:]


def _attack(**more: Any) -> bytes:
    connection = {
        "protocol": "tcp", "remote_ip": "198.51.100.7", "remote_port": 1, "local_ip": "192.0.2.8",
        "local_port": 23, "payload": more.pop("payload", {"length": 2, "data_hex": "0d0a"}),
    }  # fmt: skip
    times = {"start_time": "2025-02-18T04:23:26Z", "end_time": "2025-02-18T04:23:28Z"}
    return json.dumps({"attack_connection": connection, **times, **more}).encode()


def test_an_attack_opens_says_offers_and_closes() -> None:
    downloads = {"a": {"url": "tftp://203.0.113.4/x"}}
    opened, payload, offer, closed = list[Any](read([_attack(downloads=downloads)], "s"))
    assert (opened.src, opened.dst_port, opened.transport) == ("198.51.100.7", 23, "tcp")
    assert payload.sha256 == hashlib.sha256(b"\r\n").hexdigest()
    assert offer.url == "tftp://203.0.113.4/x"
    assert (closed.duration_ms, closed.bytes_in) == (2000, 2)
    assert {event.session for event in (opened, payload, offer, closed)} == {opened.session}


def test_a_payload_that_is_no_hex_is_counted_and_the_session_kept() -> None:
    opened, broken, closed = list[Any](read([_attack(payload={"data_hex": "0d0"})], "s"))
    assert broken.reason == "payload is not hex"
    assert (opened.kind, closed.kind) == ("session.open", "session.close")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (_attack(start_time=None), "no start_time"),
        (b'{"category": "ssh"}', "no date and no attack_connection"),
        (b'{"date": "2018-01-01T00:00:00Z"}', "no category"),
        (_attack()[:-20], "not JSON"),
    ],
)
def test_what_cannot_be_used_is_counted(line: bytes, reason: str) -> None:
    assert [broken.reason for broken in read([line], "s") if isinstance(broken, BrokenLine)] == [reason]


def _go(category: str, kind: str, **fields: Any) -> list[Any]:
    record = {
        "category": category, "type": kind, "date": "2018-01-01T12:00:00.123456789+01:00",
        "sensor": "services", "source-ip": "198.51.100.7", "source-port": 4000, "destination-ip": "192.0.2.8",
        "destination-port": 23, **fields,
    }  # fmt: skip
    return list(read([json.dumps(record).encode()], "s"))


@pytest.mark.parametrize(
    ("said", "kind", "expected"),
    [
        (("telnet", "connect", {"telnet.sessionid": "b1"}), "session.open",
         {"session": "b1", "service": "telnet"}),
        (("telnet", "CONNECTION:CLOSED", {}), "session.close", {}),
        (("telnet", "password-authentication", {"telnet.username": "root", "telnet.password": "x"}),
         "login.attempt", {"username": "root", "password": "x", "method": "password"}),
        (("ssh", "publickey-authentication", {"ssh.username": "u"}), "login.attempt",
         {"method": "publickey"}),
        (("telnet", "session", {"telnet.command": "ls"}), "command.input", {"command": "ls"}),
        (("ssh", "ssh-request", {"ssh.exec": ["uname -a"]}), "command.input", {"command": "uname -a"}),
        (("ssh", "ssh-channel",
          {"ssh.direct-tcpip.host-to-connect": "h", "ssh.direct-tcpip.port-to-connect": "25"}),
         "tunnel.requested", {"target_host": "h", "target_port": 25}),
        (("http", "request", {"http.method": "GET", "http.url": "/x", "http.host": "h"}), "request.received",
         {"method": "GET", "target": "/x", "host": "h"}),
        (("tcp", "event", {"payload-hex": "0d0a", "payload": "\r\n"}), "payload.received", {"size": 2}),
    ],
)  # fmt: skip
def test_an_event_of_the_go_honeytrap_becomes_ours(
    said: tuple[str, str, dict[str, Any]], kind: str, expected: dict[str, Any]
) -> None:
    (event,) = _go(said[0], said[1], **said[2])
    assert event.kind == kind
    assert {name: getattr(event, name) for name in expected} == expected


def test_the_honeytraps_own_affairs_are_no_events() -> None:
    assert (
        list(read([b'{"category": "heartbeat", "date": "2018-01-01T00:00:00Z", "type": "info"}'], "s")) == []
    )
