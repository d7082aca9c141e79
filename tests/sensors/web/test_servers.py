"""The programs answer as the real ones do: as was observed, and as those on this machine answer now."""

# ruff: noqa: E501 - tables: a row is a line

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mead.sensors.services import http
from mead.sensors.web.servers import APACHE, BOA, GOAHEAD, LIGHTTPD, MINI_HTTPD, NGINX, plain_to_tls
from mead.sensors.web.software import Moment

NOT_AS_REAL = {
    "nginx-debian": set(),
    # what is answered before the head is whole, and connections that the core closes
    "apache-debian": {"connect", "version 2", "version 9", "bad chunk"},
    "mini-httpd-router": {"get, 0.9", "options, rtsp", "word", "ssh", "tls", "empty lines", "nul"},
}

OBSERVED = [
    (NGINX, "get", 200, "Server Date Content-Type Content-Length Last-Modified Connection ETag Accept-Ranges"),
    (NGINX, "put", 404, "Server Date Content-Type Content-Length Connection"),
    (NGINX, "options", 405, "Server Date Content-Type Content-Length Connection"),
    (NGINX, "version 2", 505, "Server Date Content-Type Content-Length Connection"),
    (NGINX, "long line", 414, "Server Date Content-Type Content-Length Connection"),
    (APACHE, "missing", 404, "Date Server Content-Length Content-Type"),
    (APACHE, "get, closing", 200, "Date Server Vary Content-Length Connection Content-Type"),
    (APACHE, "get, staying", 200, "Date Server Vary Content-Length Keep-Alive Connection Content-Type"),
    (APACHE, "put", 405, "Date Server Allow Content-Length Content-Type"),
    (APACHE, "unknown method", 501, "Date Server Allow Content-Length Connection Content-Type"),
    (APACHE, "options", 200, "Date Server Allow Content-Length Content-Type"),
    (APACHE, "options, star", 200, "Date Server Content-Length"),
    (LIGHTTPD, "missing", 404, "Content-Type Content-Length Date Server"),
    (LIGHTTPD, "options", 200, "Allow Content-Length Date Server"),
    (LIGHTTPD, "trace", 501, "Content-Type Content-Length Date Server"),
    (LIGHTTPD, "post, missing", 404, "Content-Type Content-Length Connection Date Server"),
    (MINI_HTTPD, "missing", 404, "Server Date Cache-Control Content-Type Connection"),
    (MINI_HTTPD, "unknown method", 501, "Server Date Cache-Control Content-Type Connection"),
    (BOA, "get", 200, "Date Server Connection Content-Length Last-Modified Content-Type"),
    (BOA, "missing", 404, "Date Server Connection Content-Type"),
    (BOA, "put", 501, "Date Server Connection Content-Type"),
    (GOAHEAD, "get", 200, "Server Date Last-modified Content-length Content-type"),
    (GOAHEAD, "missing", 404, "Server Date Pragma Cache-Control Content-Type"),
    (GOAHEAD, "delete", 400, "Server Date Pragma Cache-Control Content-Type"),
]  # fmt: skip
NAMES = {
    "nginx": "nginx-debian", "apache": "apache-ubuntu", "lighttpd": "lighttpd-gateway",
    "mini_httpd": "mini-httpd-router", "boa": "boa-router", "goahead": "goahead-camera",
}  # fmt: skip


async def answered(bench: Any, product: Any, raw: bytes, **site: Any) -> tuple[bytes, bool]:
    """What the web door says to `raw`, and whether it hangs up."""
    b = bench("http", port=site.pop("port", 80))
    b.persona.product = product
    values = replace(b.persona.site(b.session.port), **site)
    b.persona.site = lambda _: values
    http._site.cache_clear()
    b.open()
    answer = b.send(raw)
    await b.finish()
    return answer, b.closed is not None


@pytest.mark.parametrize(("software", "what", "status", "names"), OBSERVED)
async def test_status_and_headers_are_those_that_were_observed(
    bench: Any, product: Any, requests: Any, software: Any, what: str, status: int, names: str
) -> None:
    chosen = replace(product(NAMES[software.name]), realm=None)
    answer, _ = await answered(bench, chosen, requests[what])
    first, *headers = answer.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    assert int(first.split()[1]) == status
    assert [line.partition(":")[0] for line in headers] == names.split()


@pytest.mark.parametrize("name", sorted(NAMES.values()))
async def test_every_request_is_answered_whole_and_without_what_would_be_run(
    bench: Any, product: Any, requests: Any, name: str
) -> None:
    for raw in (*requests.values(), b"GET /<script>{line}{server} HTTP/1.1\r\nHost: <b>{port}\r\n\r\n"):
        answer, _ = await answered(bench, product(name), raw)
        assert b"<script>" not in answer
        assert b"<b>" not in answer
        assert not re.search(rb"\{(status|reason|line|server|host|port|path|title|method)\}", answer)


def test_only_some_programs_talk_to_who_forgets_to_encrypt(product: Any, site_of: Any) -> None:
    said = {}
    for name in sorted(NAMES.values()):
        software, page = product(name).software, plain_to_tls(product(name).software)
        if page is not None:
            moment = Moment(site_of(product(name)).installed, None, stays=False)
            said[software.name] = software.write(site_of(product(name)), page, moment)
    assert set(said) == {"nginx", "apache"}
    assert b"The plain HTTP request was sent to HTTPS port" in said["nginx"]
    assert b"You're speaking plain HTTP to an SSL-enabled server port" in said["apache"]


# The real ones of this machine

APACHE_CONF = """
ServerRoot /usr/lib/apache2
PidFile {root}/pid
DefaultRuntimeDir {root}
ErrorLog /dev/null
Listen 127.0.0.1:{port}
LoadModule mpm_event_module modules/mod_mpm_event.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule mime_module modules/mod_mime.so
LoadModule filter_module modules/mod_filter.so
LoadModule deflate_module modules/mod_deflate.so
LoadModule alias_module modules/mod_alias.so
LoadModule autoindex_module modules/mod_autoindex.so
TypesConfig /dev/null
ServerName 127.0.1.1:{port}
ServerTokens OS
ServerSignature On
TraceEnable Off
AddOutputFilterByType DEFLATE text/html
IndexOptions FancyIndexing VersionSort HTMLTable NameWidth=* DescriptionWidth=* Charset=UTF-8
AddIcon /icons/blank.gif ^^BLANKICON^^
AddIcon /icons/folder.gif ^^DIRECTORY^^
DocumentRoot {root}/list
<Directory {root}/list>
  Options Indexes FollowSymLinks
</Directory>
"""
NGINX_CONF = """
daemon off; pid {root}/pid; error_log /dev/null;
events {{}}
http {{
  include /etc/nginx/mime.types; access_log off;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  server {{
    listen 127.0.0.1:{port}; root {root}/www; index index.html;
    location / {{ try_files $uri $uri/ =404; }}
  }}
}}
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A directory that any user may read, as these servers change theirs."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.asynccontextmanager
async def real(root: Path, *argv: str, port: int) -> AsyncIterator[None]:
    """A web server of this machine, for as long as the block runs."""
    process = await asyncio.create_subprocess_exec(
        *argv, cwd=root, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                assert process.returncode is None, (await process.communicate())[1]
                await asyncio.sleep(0.02)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def said(port: int, raw: bytes) -> tuple[bytes, bool]:
    """What the real one says, and whether it hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    answer, closed = b"", False
    try:
        async with asyncio.timeout(10):
            while not closed:
                more = await asyncio.wait_for(reader.read(65536), 0.3 if answer else 0.6)
                answer, closed = answer + more, not more
    except TimeoutError:
        pass
    except ConnectionError:
        closed = True
    writer.close()
    return answer, closed


def comparable(answer: bytes) -> bytes:
    """Without what differs between any two installs, or between releases of the program."""
    for pattern, with_ in (
        (rb"(?m)^(Date|Last-Modified|ETag|Content-Length): [^\r]*", rb"\1: -"),
        (rb"(?m)^Allow: [^\r]+", b"Allow: -"),
        (rb"<!DOCTYPE[^>]*>", b"<!DOCTYPE>"),
        (rb"\d{4}-\d\d-\d\d \d\d:\d\d", b"WHEN"),
    ):
        answer = re.sub(pattern, with_, answer)
    head, end, body = answer.partition(b"\r\n\r\n")
    return head + end if b"Content-Encoding" in head else head + end + body


async def compare(bench: Any, product: Any, requests: Any, port: int, **site: Any) -> None:
    wrong = []
    for what, raw in requests.items():
        if what in NOT_AS_REAL[product.name]:
            continue
        theirs, ours = await said(port, raw), await answered(bench, product, raw, port=port, **site)
        if (comparable(theirs[0]), theirs[1]) != (comparable(ours[0]), ours[1]):
            wrong.append(f"{what}: {theirs[0][:300]!r} {theirs[1]} is {ours[0][:300]!r} {ours[1]} here")
    assert not wrong, "\n".join(wrong)


def version(answer: bytes) -> str:
    return answer.partition(b"Server: ")[2].partition(b"\r\n")[0].partition(b"/")[2].decode()


@pytest.mark.tool("nginx")
async def test_nginx_of_this_machine_answers_the_same(
    bench: Any, product: Any, requests: Any, site_of: Any, public: Path, unused_tcp_port: int
) -> None:
    port, ours = unused_tcp_port, product("nginx-debian")
    (public / "www").mkdir()
    (public / "c").write_text(NGINX_CONF.format(root=public, port=port))
    async with real(public, "nginx", "-c", str(public / "c"), port=port):
        shipped = version((await said(port, requests["missing"]))[0])
        page = ours.index(replace(site_of(ours), version=shipped))
        (public / "www" / "index.html").write_text(page)
        await compare(bench, ours, requests, port, version=shipped)


@pytest.mark.tool("apache2")
async def test_apache_of_this_machine_answers_the_same(
    bench: Any, product: Any, requests: Any, public: Path, unused_tcp_port: int
) -> None:
    port, ours = unused_tcp_port, product("apache-debian")
    (public / "list" / "data").mkdir(parents=True)
    (public / "c").write_text(APACHE_CONF.format(root=public, port=port))
    async with real(public, "/usr/sbin/apache2", "-X", "-f", str(public / "c"), port=port):
        shipped = version((await said(port, requests["missing"]))[0]).partition(" ")[0]
        await compare(bench, ours, requests, port, version=shipped, host="data", own_name="127.0.1.1")


@pytest.mark.tool("mini_httpd")
async def test_mini_httpd_of_this_machine_answers_the_same(
    bench: Any, product: Any, requests: Any, site_of: Any, public: Path, unused_tcp_port: int
) -> None:
    port, ours = unused_tcp_port, replace(product("mini-httpd-router"), realm=None)
    (public / "index.html").write_text(ours.index(site_of(ours)))
    program = shutil.which("mini_httpd") or "/usr/sbin/mini_httpd"
    async with real(public, program, "-D", "-p", str(port), "-h", "127.0.0.1", "-d", ".", port=port):
        await compare(bench, ours, requests, port, version=version((await said(port, requests["get"]))[0]))
