# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from typing import Any

from mead.sensors.logs.heralding import read

SESSION: dict[str, Any] = {
    "timestamp": "2019-04-13 08:29:09.019394", "duration": 9,
    "session_id": "4ba1fc0a-872c-46bb-a2f8-80c38453c74f", "source_ip": "198.51.100.7", "source_port": 52192,
    "destination_ip": "192.0.2.8", "destination_port": 2222, "protocol": "ssh", "num_auth_attempts": 2,
    "auth_attempts": [
        {"timestamp": "2019-04-13 08:29:12.732530", "username": "rewt", "password": "PASSWORD"},
        {"timestamp": "2019-04-13 08:29:15.686619", "username": "rewt", "password": "P@ssw0rd12345"},
    ],
    "session_ended": True,
    "auxiliary_data": {"client_version": "SSH-2.0-OpenSSH_7.7p1 Ubuntu-4ubuntu0.3"},
}  # fmt: skip


def _read(*records: dict[str, Any]) -> list[Any]:
    return list(read([json.dumps(record).encode() + b"\n" for record in records], "s"))


def test_a_session_line_carries_its_logins() -> None:
    opened, seen, first, second, closed = _read(SESSION)
    assert (opened.kind, opened.service, opened.src_port) == ("session.open", "ssh", 52192)
    assert seen.client_version == "SSH-2.0-OpenSSH_7.7p1 Ubuntu-4ubuntu0.3"
    assert (first.password, second.password) == ("PASSWORD", "P@ssw0rd12345")
    assert second.time.second == 15
    assert (closed.kind, closed.duration_ms, closed.time.second) == ("session.close", 9000, 18)
    assert not first.success


def test_a_session_logged_at_its_beginning_and_end_is_opened_once() -> None:
    begun = SESSION | {"session_ended": False, "auth_attempts": [], "num_auth_attempts": 0, "duration": 0}
    assert [event.kind for event in _read(begun, SESSION)] == [
        "session.open", "client.seen", "login.attempt", "login.attempt", "session.close",
    ]  # fmt: skip


def test_logins_are_read_from_csv_with_and_without_header() -> None:
    header = b"timestamp,auth_id,session_id,source_ip,source_port,destination_ip,destination_port,"
    header += b"protocol,username,password\n"
    row = b'2019-04-13 08:29:12.732530,a1,s1,198.51.100.7,52192,192.0.2.8,21,ftp,"ro,ot","x ""y"\n'
    for text in (header + row, row):
        (login,) = list[Any](read([text], "s"))
        assert (login.username, login.password, login.service) == ("ro,ot", 'x "y', "ftp")
        assert (login.session, login.src, login.dst_port) == ("s1", "198.51.100.7", 21)


def test_sessions_are_read_from_csv() -> None:
    row = b"2019-04-13 08:29:12.732530,3,s1,198.51.100.7,52192,192.0.2.8,21,ftp,0\n"
    assert [event.kind for event in read([row], "s") if not hasattr(event, "reason") or event.reason] == [
        "session.open", "session.close",
    ]  # fmt: skip


def test_what_cannot_be_used_is_counted() -> None:
    (broken,) = _read({"session_id": "x"})
    assert broken.reason == "no timestamp"
    assert [event.reason for event in list[Any](read([b"a,b\n"], "s"))] == ["wrong number of columns"]


def test_a_duration_beyond_all_time_is_bounded() -> None:
    assert (
        _read(SESSION | {"timestamp": "9999-12-31 23:59:59", "duration": 10**30})[-1].kind == "session.close"
    )
