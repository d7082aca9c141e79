# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mead.egress.certificate import Certificate
from mead.egress.policy import EgressSettings
from mead.egress.result import Failed, Fetched, Outcome, Trace
from mead.egress.stream import Body, FetchError, connect

Fetch = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def expired(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A server context with an expired, self-signed certificate, and the certificate's digest."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "somewhere.else")])
    past = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(past).not_valid_after(past + dt.timedelta(1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (tmp_path / "c.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem")
    return context, hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


async def test_a_bad_certificate_is_recorded_and_no_obstacle(
    fetch: Fetch, servers: Any, expired: tuple[ssl.SSLContext, str]
) -> None:
    names: list[str | None] = []
    context, digest = expired
    context.sni_callback = lambda channel, name, ctx: names.append(name)
    port = await servers.web(b"HTTP/1.1 200 OK\r\n\r\nbody", context=context)
    for host in ("loop.example", "127.0.0.1"):
        got = await fetch(f"https://{host}:{port}/")
        assert isinstance(got, Fetched), got
        name = "CN=somewhere.else"
        assert (got.body, got.trace.certificate) == (b"body", Certificate(digest, name, name))
    assert names == ["loop.example", None]


@pytest.mark.tool("openssl")
@pytest.mark.parametrize("version", ["-tls1", "-tls1_1", "-tls1_2", "-tls1_3"])
async def test_old_versions_and_weak_keys_are_no_obstacle(
    fetch: Fetch, tmp_path: Path, unused_tcp_port: int, version: str
) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-md5", "-nodes", "-keyout", "k.pem", "-out",
         "c.pem", "-days", "1", "-subj", "/O=Nobody/CN=old.example"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    (tmp_path / "x").write_bytes(b"body of an old server" * 1000)
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{unused_tcp_port}", "-key", "k.pem", "-cert",
               "c.pem", "-cipher", "ALL:@SECLEVEL=0", version, "-WWW", "-quiet"]  # fmt: skip
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        try:
            async with asyncio.timeout(20):
                while isinstance(got := await fetch(f"https://127.0.0.1:{unused_tcp_port}/x"), Failed):
                    assert got.reason == "Connection refused"
                    await asyncio.sleep(0.05)
        finally:
            server.terminate()
    assert isinstance(got, Fetched), got
    assert got.body == b"body of an old server" * 1000
    assert got.trace.certificate
    assert got.trace.certificate.subject == "CN=old.example,O=Nobody"


async def test_a_server_without_tls_fails_with_the_reason(fetch: Fetch, servers: Any) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10)
        await writer.drain()
        await reader.read()

    got = await fetch(f"https://127.0.0.1:{await servers.talk(talk)}/")
    assert isinstance(got, Failed)
    assert got.reason.startswith("TLS: ")


async def test_a_closed_port_is_a_refused_connection(fetch: Fetch, unused_tcp_port: int) -> None:
    got = await fetch(f"http://127.0.0.1:{unused_tcp_port}/")
    assert isinstance(got, Failed)
    assert got.reason == "Connection refused"


async def test_a_peer_that_is_silent_runs_out_of_time(fetch: Fetch, servers: Any) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab")
        await reader.read(1 << 20)
        await reader.read()

    got = await fetch(f"http://127.0.0.1:{await servers.talk(talk)}/", timeout_seconds=0.2)
    assert isinstance(got, Failed)
    assert (got.reason, got.trace.size) == ("time is up", 2)


@pytest.mark.parametrize(
    ("rate", "reason"), [(0, "time is up"), (1000, "peer is too slow"), (10, "time is up")]
)
async def test_a_peer_that_drips_is_given_up(fetch: Fetch, servers: Any, rate: int, reason: str) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    limits = {"total_seconds": 0.6, "timeout_seconds": 0.2, "min_bytes_per_second": rate}
    got = await fetch(f"http://127.0.0.1:{await servers.talk(talk)}/", **limits)
    assert isinstance(got, Failed)
    assert got.reason == reason
    assert got.trace.size > 0


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n\r\n", b""])
async def test_a_body_without_an_announced_end_ends_when_its_server_is_silent(
    fetch: Fetch, servers: Any, head: bytes
) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head + b"body")
        await reader.read()

    got = await fetch(f"http://127.0.0.1:{await servers.talk(talk)}/", timeout_seconds=0.2)
    assert isinstance(got, Fetched), got
    assert got.body == b"body"


async def test_a_line_is_bounded(servers: Any) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"short\n" + b"x" * 50 + b"\n" + b"y" * 200_000)
        await writer.drain()
        await reader.read()

    port = await servers.talk(talk)
    async with connect("127.0.0.1", port, EgressSettings(), Trace()) as stream:
        assert await stream.line(max_bytes=20) == b"short\n"
        for _ in range(2):
            with pytest.raises(FetchError, match="too long"):
                await stream.line(max_bytes=20)


def test_a_body_counts_what_arrived_and_stops_at_its_limit() -> None:
    trace = Trace()
    body = Body(trace, max_bytes=5)
    body.add(b"abc")
    assert body.whole() == b"abc"
    with pytest.raises(FetchError, match="larger than 5"):
        body.add(b"def")
    assert trace.size == 6
    with pytest.raises(FetchError, match="announced body is larger than 5"):
        body.expect(6)
    with pytest.raises(FetchError, match="empty"):
        Body(Trace(), max_bytes=5).whole()
