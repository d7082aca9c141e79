# SPDX-License-Identifier: Apache-2.0
"""The recorded server says what it is, and whom it let in."""

from __future__ import annotations

import pytest

from mead.sensors.recorded import RecordedCredentials, service_of
from mead.sensors.replay import PORTS


@pytest.mark.parametrize(
    ("first", "said", "port", "service"),
    [
        (b"root\r\n", b"\xff\xfd\x18\xff\xfd\x20", 7001, "telnet"),
        (b"root\r\n", b"Welcome to the camera\r\n\r\nIPC login: ", 7001, "telnet"),
        (b"SSH-2.0-x\r\n", b"\xff\xfb\x01", 22, "telnet"),
        (b"odd", b"SSH-2.0-OpenSSH_9.2\r\n", 23, "ssh"),
        (b"\r\n\r\n", b"HTTP/1.0 400 Bad Request\r\n", 22, "http"),
        (b"\x16\x03\x01\x00\x05junk", b"\x15\x03\x01\x00\x02\x02F", 7001, "https"),
        (b"GET / HTTP/1.0\r\n\r\n", b"", 23, "http"),
        (b"GET / HTTP/1.0\r\n\r\n", b"220 mail ESMTP\r\n", 25, "http"),
        (b"root\r\n", b"", 23, "telnet"),
        (b"USER x\r\n", b"", 21, None),
        (b"\x00\x01", b"\x00\x02", 7001, None),
        (b"EHLO x\r\n", b"220 mail\r\n", 80, None),
    ],
)
def test_the_service_of_a_connection(first: bytes, said: bytes, port: int, service: str | None) -> None:
    assert service_of(first, said, port, PORTS) == service


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [
        (b"\r\nLogin incorrect\r\nlogin: ", False),
        (b"\r\n% Login invalid\r\n\r\nUsername: ", False),
        (b"\r\nAccess denied\r\n", False),
        (b"\r\nBad Password!!!\r\n", False),
        (b"\r\nRouter login:", False),
        (b"\r\nLast login: Tue Nov 24 10:00:00 on pts/0\r\n# ", True),
        (b"\r\nThere were 3 failed login attempts since\r\n$ ", True),
        (b"\r\nBusyBox v1.19.4 built-in shell (ash)\r\n/ # ", True),
        (b"", True),
        (b"HTTP/1.1 401 Unauthorized\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nlogin: ", True),
    ],
)
def test_who_was_let_in(answer: bytes, accepted: bool) -> None:
    credentials = RecordedCredentials(b"r" * 32)
    credentials.heard(answer)
    assert credentials.accepts("198.51.100.7", b"root", b"some word") is accepted


def test_of_logins_sent_at_once_as_many_fail_as_were_refused() -> None:
    credentials = RecordedCredentials(b"r" * 32)
    credentials.heard(b"Login incorrect\r\nlogin: Login incorrect\r\nlogin: \r\n# ")
    assert [credentials.accepts("s", b"root", word) for word in (b"a", b"b", b"c")] == [False, False, True]
    credentials.heard(b"Login incorrect\r\n")
    assert not credentials.accepts("s", b"root", b"c")
