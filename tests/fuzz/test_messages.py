# SPDX-License-Identifier: Apache-2.0
"""Any SSH messages and SFTP requests after a login: what the encrypted part of a session can be sent."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any

import asyncssh
import pytest
from tests.fuzz.test_doors import mutated, watched

CLIENT = {"known_hosts": None, "config": None, "client_keys": None, "username": "root", "password": "admin"}


def text(value: bytes) -> bytes:
    return len(value).to_bytes(4) + value


def number(value: int) -> bytes:
    return (value & 0xFFFFFFFF).to_bytes(4)


WINDOW = number(1 << 21) + number(1 << 15)
MESSAGES = [
    (2, text(b"x")), (3, number(1)), (4, b"\1" + text(b"m") + text(b"")),
    (50, text(b"root") + text(b"ssh-connection") + text(b"none")),
    (80, text(b"keepalive@openssh.com") + b"\1"),
    (20, b"\0" * 16 + text(b"curve25519-sha256") * 10 + b"\0" * 5),
    (80, text(b"tcpip-forward") + b"\1" + text(b"") + number(0)),
    (80, text(b"cancel-tcpip-forward") + b"\1" + text(b"") + number(8)),
    (80, text(b"hostkeys-prove-00@openssh.com") + b"\1" + text(b"k")),
    (80, text(b"no-more-sessions@openssh.com") + b"\0"),
    (90, text(b"session") + number(9) + WINDOW),
    (90, text(b"direct-tcpip") + number(8) + WINDOW + text(b"192.0.2.1") + number(8) + text(b"") + number(1)),
    (90, text(b"direct-streamlocal@openssh.com") + number(7) + WINDOW + text(b"/x") + text(b"") + number(0)),
    (90, text(b"x11") + number(6) + number(99) + number(99) + text(b"h") + number(6000)),
    (90, text(b"tun@openssh.com") + number(5) + number(0) * 4),
    (93, number(0) + number(0xFFFFFFFF)), (94, number(0) + text(b"id\n")),
    (95, number(0) + number(1) + text(b"err")), (96, number(0)), (97, number(0)),
    (98, number(0) + text(b"shell") + b"\1"),
    (98, number(0) + text(b"exec") + b"\1" + text(b"cat > a; \xff`id`")),
    (98, number(0) + text(b"subsystem") + b"\1" + text(b"sftp")),
    (98, number(0) + text(b"pty-req") + b"\1" + text(b"vt100") + number(80) * 4 + text(b"\x01\0\0\0\x03\0")),
    (98, number(0) + text(b"env") + b"\1" + text(b"A\xff") + text(b"B")),
    (98, number(0) + text(b"window-change") + b"\0" + number(0) * 4),
    (98, number(0) + text(b"signal") + b"\0" + text(b"KILL")),
    (98, number(0) + text(b"x11-req") + b"\1\0" + text(b"a") * 2 + number(0)),
    (98, number(0) + text(b"auth-agent-req@openssh.com") + b"\1"),
]  # fmt: skip
LAST_MESSAGES = [
    (81, b""), (82, b""), (91, number(0) * 4), (92, number(0) * 2 + text(b"") * 2), (99, number(0)),
    (100, number(0)),
    (21, b""), (30, text(b"\0" * 32)), (34, number(1024) * 3), (61, number(1) + text(b"x")),
    (192, text(b"p")), (0, b""), (255, b""),
    (5, text(b"ssh-userauth")), (7, number(1) + text(b"a") + text(b"b")),
    (1, number(2) + text(b"bye") + text(b"")),
]  # fmt: skip
"""What nobody sends after a login."""
REQUESTS = [
    (1, number(3)), (3, text(b"a") + number(0x1A) + number(0)),
    (3, text(b"/etc/passwd") + number(1) + number(4) + number(0o777)),
    (4, text(b"0")), (4, text(b"\0\0\0\0")), (5, text(b"\0\0\0\0") + b"\0" * 8 + number(32768)),
    (6, text(b"\0\0\0\0") + b"\0" * 8 + text(b"data")),
    (6, text(b"\0\0\0\0") + b"\x7f" * 8 + text(b"data")), (7, text(b".")), (8, text(b"\0\0\0\0")),
    (9, text(b"a") + number(15) + b"\0" * 40),
    (10, text(b"\0\0\0\0") + number(1) + b"\xff" * 8), (11, text(b"/")), (12, text(b"\0\0\0\1")),
    (13, text(b"a")), (14, text(b"d") + number(0)),
    (15, text(b"d")), (16, text(b"../..")), (17, text(b"/x\xff")), (18, text(b"a") + text(b"b")),
    (19, text(b"l")), (20, text(b"l") + text(b"a")),
    (200, text(b"statvfs@openssh.com") + text(b"/")),
    (200, text(b"posix-rename@openssh.com") + text(b"a") + text(b"c")),
    (200, text(b"hardlink@openssh.com") + text(b"a") + text(b"c")),
    (200, text(b"fsync@openssh.com") + text(b"\0\0\0\0")),
    (200, text(b"limits@openssh.com")), (200, text(b"expand-path@openssh.com") + text(b"~")),
    (200, text(b"copy-data") + text(b"\0\0\0\0") + b"\0" * 16),
    (21, text(b"x")), (22, text(b"x") + number(0) * 3), (101, number(0)), (255, b""),
]  # fmt: skip


def altered(payload: bytes, dice: random.Random, often: float) -> bytes:
    """Mostly as it is: what is broken early hides what comes after."""
    words = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x80"]
    return mutated(payload, words, dice) if dice.random() < often else payload


async def send_messages(port: int, dice: random.Random) -> None:
    """Log in, and send any messages in any order."""
    with suppress(asyncssh.Error, OSError, asyncio.IncompleteReadError):
        async with asyncssh.connect("127.0.0.1", port, **CLIENT) as peer:
            if dice.random() < 0.7:
                with suppress(asyncssh.Error):
                    await peer.create_session(asyncssh.SSHClientSession, encoding=None)
            for _ in range(dice.randrange(1, 30)):
                kind, payload = dice.choice(MESSAGES if dice.random() < 0.98 else LAST_MESSAGES)
                peer.send_packet(kind, altered(payload, dice, 0.03))
                if dice.random() < 0.2:
                    await asyncio.sleep(0)
            with suppress(TimeoutError):
                async with asyncio.timeout(0.2):
                    await peer.wait_closed()
            peer.abort()


async def send_requests(port: int, dice: random.Random) -> None:
    """Open SFTP, and send any requests in any order."""
    with suppress(asyncssh.Error, OSError):
        async with asyncssh.connect("127.0.0.1", port, **CLIENT) as peer:
            process = await peer.create_process(subsystem="sftp", encoding=None)
            process.stdin.write(text(b"\1" + number(3)))
            for index in range(dice.randrange(1, 40)):
                kind, payload = dice.choice(REQUESTS)
                request = bytes([kind]) + (number(index) if kind != 1 else b"") + altered(payload, dice, 0.4)
                process.stdin.write(
                    text(request) if dice.random() < 0.98 else mutated(request, [b"\xff"], dice)
                )
            process.stdin.write_eof()
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    await process.stdout.read()
            peer.abort()


async def speak(send: Any, count: int) -> None:
    async with watched("ssh") as sensor:
        for start in range(0, count, 8):
            many = (send(sensor.ports["ssh"], random.Random(start + index)) for index in range(8))
            async with asyncio.timeout(60):
                await asyncio.gather(*many)
        assert len(sensor.events.of("session.open")) >= count


@pytest.mark.parametrize("send", [send_messages, send_requests])
async def test_any_messages_after_a_login(send: Any) -> None:
    await speak(send, 40)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("send", [send_messages, send_requests])
async def test_thousands_of_messages_after_a_login(send: Any) -> None:
    await speak(send, 4_000)
