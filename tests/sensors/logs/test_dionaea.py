# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from mead.model.codec import decode_batch, encode_batch
from mead.sensors.logs import BrokenLine
from mead.sensors.logs.dionaea import read

CAPTURE = Path(__file__).parents[2] / "captures" / "logs/uqo-dionaea_20k.json.gz"
RECORD: dict[str, Any] = {
    "connection": {"protocol": "ftpd", "transport": "tls", "type": "accept"}, "dst_ip": "::ffff:192.0.2.8",
    "dst_port": 21, "src_hostname": "", "src_ip": "198.51.100.7", "src_port": 38980,
    "timestamp": "2025-02-12T09:35:48.086399",
}  # fmt: skip


def _read(**more: Any) -> list[Any]:
    return list(read([json.dumps(RECORD | more).encode()], "s"))


def test_the_broken_array_gives_every_record() -> None:
    with CAPTURE.open("rb") as stream:
        events: list[Any] = list(read(stream, "s"))
    assert not [event for event in events if isinstance(event, BrokenLine)]
    opened = [event for event in events if event.kind == "session.open"]
    assert len(opened) == 20799
    assert len({event.src for event in opened}) == 1394
    ports = Counter(event.dst_port for event in opened)
    assert [ports[port] for port in (445, 81, 27017, 3306, 135, 1433, 21, 1883)] == [
        17411, 736, 715, 382, 365, 354, 321, 209,
    ]  # fmt: skip
    services = Counter(event.service for event in opened)
    assert services["smb"] == 17411
    assert services["http"] == 736
    assert len({event.session for event in events if event.kind == "login.attempt"}) == 246
    assert len({event.origin for event in events}) == len(events)
    assert list(decode_batch(encode_batch(events[-500:]))) == events[-500:]


@pytest.mark.parametrize(
    ("credentials", "commands"),
    [
        ([{"username": "u", "password": "p"}], [{"command": "USER", "arguments": ["u", "x"]}]),
        ({"username": ["u"], "password": ["p"]}, {"command": ["USER"], "arguments": ["u x"]}),
    ],
)
def test_credentials_and_commands_are_read_in_both_forms(credentials: Any, commands: Any) -> None:
    opened, login, request = _read(credentials=credentials, ftp={"commands": commands})
    assert (opened.transport, opened.dst, opened.service) == ("tcp", "192.0.2.8", "ftp")
    assert (login.username, login.password, login.success) == ("u", "p", False)
    assert (request.method, request.target) == ("USER", "u x")
    assert login.session == opened.session


def test_the_system_that_p0f_guessed_is_a_fingerprint() -> None:
    _, seen = _read(p0f={"genre": "Windows", "detail": "XP"})
    assert (seen.fingerprint_kind, seen.fingerprint) == ("p0f", "Windows XP")


@pytest.mark.parametrize(
    ("more", "reason"),
    [({"connection": "x"}, "no connection"), ({"timestamp": None}, "no timestamp")],
)
def test_a_record_without_connection_or_time_is_counted(more: dict[str, Any], reason: str) -> None:
    assert [broken.reason for broken in _read(**more)] == [reason]


@pytest.mark.parametrize("odd", [5, "x", [], {}, [5], {"username": "u"}, None])
def test_odd_parts_are_left_out(odd: Any) -> None:
    (opened,) = _read(credentials=odd, ftp=odd, p0f=odd)
    assert opened.kind == "session.open"
