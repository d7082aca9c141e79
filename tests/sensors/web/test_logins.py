"""Names and passwords are read out of what clients and bots send."""

from __future__ import annotations

from typing import Any

import pytest

from mead.sensors.web.logins import basic_login, form_login


@pytest.mark.parametrize(
    ("value", "login"),
    [
        (b"Basic YWRtaW46YWRtaW4=", (b"admin", b"admin")),
        (b"basic YWRtaW46YTpi", (b"admin", b"a:b")),
        (b"Basic YWRtaW4", (b"admin", b"")),
        (b"Basic !!!", None),
        (b"Bearer x", None),
    ],
)
def test_basic_authentication(request_of: Any, value: bytes, login: Any) -> None:
    raw = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: " + value + b"\r\n\r\n"
    assert basic_login(request_of(raw)) == login or login is None


@pytest.mark.parametrize(
    ("target", "body", "login"),
    [
        (b"/login", b"username=a&password=b%26", (b"a", b"b&")),
        (b"/login?user=a&PASSWD=b", b"", (b"a", b"b")),
        (b"/login", b"pwd=b", (b"", b"b")),
        (b"/search", b"q=password", None),
    ],
)
def test_forms(request_of: Any, target: bytes, body: bytes, login: Any) -> None:
    head = b"POST " + target + b" HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
    request = request_of(head + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + body)
    assert form_login(request, request.form()) == login
