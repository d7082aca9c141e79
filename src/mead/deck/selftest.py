# SPDX-License-Identifier: Apache-2.0
"""Is the trap set? A benign marker is brought to every open service as an attacker would bring it.

Each visit logs in or asks, offers a URL that leads nowhere, and brings a marker body with a token of its
own. Then the store is asked how far it came: session → login or exploit → offer → body.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import asyncssh

from mead.deck.status import Door
from mead.errors import StoreError
from mead.store.reader import StoredEvents

__all__ = ["STAGES", "Visit", "run", "telnet_login"]

STAGES = ("session", "entered", "offer", "body")
PASSWORDS = ("root", "admin", "12345", "123456", "password", "vizxv", "xc3511", "1234", "default", "system")
_VISIT_SECONDS = 30.0
_STORE_SECONDS = 30.0
_PROMPT_SECONDS = 5.0
_CLOCKS = timedelta(minutes=5)
"""How far the clocks of a sensor and of the one who tests it may be apart."""
_COMMANDS = re.compile(rb"\xff[\xfb-\xfe].", re.DOTALL)
_LOGIN = (b"ogin:", b"sername:", b"ser:")
_PROMPT = (b"#", b"$", b">")


@dataclass(frozen=True, slots=True)
class Visit:
    """One marker brought to one door, and how far it came."""

    door: Door
    token: str
    marker: bytes
    reached: tuple[str, ...] = ()
    note: str = ""

    @property
    def sha256(self) -> str:
        """Digest of the marker."""
        return hashlib.sha256(self.marker).hexdigest()

    @property
    def url(self) -> str:
        """An offer that nobody serves: port 9 is discard."""
        return f"http://127.0.0.1:9/{self.token}"

    @property
    def complete(self) -> bool:
        """Whether every stage was reached."""
        return set(self.reached) == set(STAGES)


async def run(doors: Iterable[Door], stored: StoredEvents) -> list[Visit]:
    """Visit every door, then read from the store how far each visit came."""
    began = datetime.now(UTC) - _CLOCKS
    visits = [_new(door) for door in doors]
    noted = await asyncio.gather(*(_visit(visit) for visit in visits))
    deadline = time.monotonic() + _STORE_SECONDS
    while True:
        judged = [await asyncio.to_thread(_judge, visit, stored, began) for visit in noted]
        if all(visit.complete or visit.note for visit in judged) or time.monotonic() > deadline:
            return [_explain(visit) for visit in judged]
        await asyncio.sleep(0.3)


def _new(door: Door) -> Visit:
    token = f"mead-selftest-{secrets.token_hex(8)}"
    return Visit(door, token, f"benign MEAD self-test marker {token}\n".encode() * 8)


async def _visit(visit: Visit) -> Visit:
    bring = VISITORS.get(visit.door.service)
    if bring is None:
        return replace(visit, note=f"no visitor knows the service {visit.door.service}")
    try:
        async with asyncio.timeout(_VISIT_SECONDS):
            await bring(visit)
    except TimeoutError:
        return replace(visit, note=f"the service did not go on within {_VISIT_SECONDS:g} s")
    except (OSError, asyncssh.Error, EOFError, asyncio.IncompleteReadError) as error:
        return replace(visit, note=f"{type(error).__name__}: {error}")
    return visit


def _judge(visit: Visit, stored: StoredEvents, began: datetime) -> Visit:
    reached = []
    with suppress(StoreError):
        snapshot = stored.snapshot()
        connection = snapshot.connect(since=began)
        try:
            sessions = [
                row[0]
                for row in connection.execute(
                    "SELECT DISTINCT session FROM events WHERE session IS NOT NULL AND dst_port = ? "
                    "AND (sha256 = ? OR contains(url, ?) OR contains(command, ?) OR contains(target, ?))",
                    [visit.door.port, visit.sha256, visit.token, visit.token, visit.token],
                ).fetchall()
            ]
            kinds = connection.execute(
                "SELECT DISTINCT kind, success, sha256, url FROM events WHERE list_contains(?, session)",
                [sessions],
            ).fetchall()
        finally:
            connection.close()
            snapshot.close()
        tests = {
            "session": bool(sessions),
            "entered": any(
                kind in {"command.input", "exploit.seen", "request.received"}
                or (kind == "login.attempt" and ok)
                for kind, ok, _, _ in kinds
            ),
            "offer": any(kind == "offer.seen" and visit.token in (url or "") for kind, _, _, url in kinds),
            "body": any(kind == "sample.captured" and digest == visit.sha256 for kind, _, digest, _ in kinds),
        }
        reached = [stage for stage in STAGES if tests[stage]]
    return replace(visit, reached=tuple(reached))


def _explain(visit: Visit) -> Visit:
    if visit.complete or visit.note:
        return visit
    missing = [stage for stage in STAGES if stage not in visit.reached]
    return replace(visit, note=f"not seen in the store: {', '.join(missing)}; is the hub running?")


def _commands(visit: Visit) -> list[str]:
    return [f"wget {visit.url} -O /tmp/{visit.token}.sh"]


async def _telnet(visit: Visit) -> None:
    """Log in with the passwords that bots know, then write the marker with echo."""
    reader, writer = await telnet_login(visit.door.address, visit.door.port)
    try:
        path = f"/tmp/{visit.token}"  # noqa: S108 - a path of the emulated system
        lines = _commands(visit)
        for start in range(0, len(visit.marker), 64):
            piece = "".join(f"\\x{byte:02x}" for byte in visit.marker[start : start + 64])
            lines.append(f"echo -ne '{piece}' {'>>' if start else '>'} {path}")
        for line in (*lines, "exit"):
            writer.write(line.encode() + b"\r\n")
            await writer.drain()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PROMPT_SECONDS):
                while await reader.read(4096):
                    pass
    finally:
        writer.close()


async def telnet_login(address: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Log in as bots do: root with the usual passwords, coming back when the service hangs up.

    Raises:
        ConnectionError: none was accepted.
    """
    passwords = iter((*PASSWORDS, *PASSWORDS))
    while True:
        reader, writer = await asyncio.open_connection(address, port)
        try:
            await _logged_in(reader, writer, passwords)
        except EOFError:
            writer.close()
        except BaseException:
            writer.close()
            raise
        else:
            return reader, writer


async def _logged_in(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, passwords: Iterator[str]
) -> None:
    """Try passwords on one connection until one is accepted."""
    await _until(reader, writer, _LOGIN)
    for password in passwords:
        writer.write(b"root\r\n")
        await _until(reader, writer, (b"assword:",))
        writer.write(password.encode() + b"\r\n")
        if await _until(reader, writer, (*_LOGIN, *_PROMPT)) >= len(_LOGIN):
            return
    raise ConnectionError("none of the usual passwords was accepted")


async def _until(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, endings: tuple[bytes, ...]
) -> int:
    """Read until the text ends with one of `endings`, refusing every Telnet option; which one."""
    seen = b""
    while True:
        data = await reader.read(4096)
        if not data:
            raise EOFError("the service closed the connection")
        writer.write(_refusals(data))
        seen = (seen + _COMMANDS.sub(b"", data))[-512:]
        for number, ending in enumerate(endings):
            if seen.rstrip(b" ").endswith(ending):
                return number


def _refusals(data: bytes) -> bytes:
    """WONT for every DO, DONT for every WILL (RFC 854)."""
    answers = {0xFD: 0xFC, 0xFB: 0xFE}
    return b"".join(
        bytes((0xFF, answers[found[1]], found[2]))
        for found in (match.group() for match in _COMMANDS.finditer(data))
        if found[1] in answers
    )


async def _ssh(visit: Visit) -> None:
    """Bring the marker on the standard input of `cat`."""
    last: Exception = ConnectionError("none of the usual passwords was accepted")
    for password in PASSWORDS:
        try:
            async with asyncssh.connect(
                visit.door.address, visit.door.port, username="root", password=password,
                known_hosts=None, client_keys=None, agent_path=None, config=None,
            ) as connection:  # fmt: skip
                for command in _commands(visit):
                    await connection.run(command, stdin=asyncssh.DEVNULL)
                await connection.run(f"cat > /tmp/{visit.token}", input=visit.marker, encoding=None)
                return
        except asyncssh.PermissionDenied as error:
            last = error
    raise last


async def _http(visit: Visit, *, tls: bool = False) -> None:
    """Inject a command, then upload the marker as a form's file."""
    boundary = visit.token
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{visit.token}.bin"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + visit.marker + f"\r\n--{boundary}--\r\n".encode()  # fmt: skip
    injected = f"/cgi-bin/ping.cgi?host=127.0.0.1;wget+{visit.url}+-O+/tmp/{visit.token}.sh"
    head = "Host: localhost\r\nUser-Agent: mead-selftest\r\nConnection: close\r\n"
    form = f"Content-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {len(body)}\r\n"
    for request in (
        f"GET {injected} HTTP/1.1\r\n{head}\r\n".encode(),
        f"POST /upload/{visit.token} HTTP/1.1\r\n{head}{form}\r\n".encode() + body,
    ):
        await _exchange(visit.door, request, tls=tls)


async def _exchange(door: Door, request: bytes, *, tls: bool) -> None:
    context = None
    if tls:
        import ssl  # noqa: PLC0415 - only the TLS door needs it

        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    reader, writer = await asyncio.open_connection(door.address, door.port, ssl=context)
    try:
        writer.write(request)
        await writer.drain()
        while await reader.read(65536):
            pass
    finally:
        writer.close()


async def _https(visit: Visit) -> None:
    await _http(visit, tls=True)


VISITORS: dict[str, Callable[[Visit], Awaitable[None]]] = {
    "telnet": _telnet,
    "ssh": _ssh,
    "http": _http,
    "https": _https,
}
"""How to bring a marker, by service."""
