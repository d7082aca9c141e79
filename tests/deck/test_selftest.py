# SPDX-License-Identifier: Apache-2.0
"""The self-test comes as attackers come, and believes only what the store says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncssh
import msgspec
import pytest

from mead.clock import SystemClock
from mead.deck import selftest
from mead.deck.embedded import way_in
from mead.deck.layout import Layout
from mead.deck.selftest import STAGES, Visit, run, telnet_login
from mead.deck.sensor import Identity, running_host
from mead.deck.settings import SensorSettings, Settings
from mead.deck.status import Door
from mead.sensors.listeners import bind
from mead.sensors.services import SERVICES, prepare
from mead.store.reader import StoredEvents

PORTS = {"telnet": (0,), "ssh": (0,), "http": (0,), "https": (0,)}


@pytest.mark.parametrize("policy", ["observe", "queue", "fetch"])
async def test_a_marker_goes_through_every_door_whatever_the_policy(settings: Settings, policy: str) -> None:
    settings = msgspec.structs.replace(
        settings,
        sensor=SensorSettings(addresses=("127.0.0.1",), services=PORTS),
        egress=msgspec.structs.replace(settings.egress, policy=policy),
    )
    async with way_in(settings) as way:
        clock = SystemClock()
        identity = Identity.load(settings, clock)
        services = {name: SERVICES.load(name) for name in PORTS}
        prepare(services, identity.persona)
        async with running_host(settings, way.bus, "s1", identity, clock) as host:
            (doors,) = bind(["127.0.0.1"], PORTS)
            await host.start([(door, services[door.service]) for door in doors])
            visits = await run(
                [Door(door.service, "127.0.0.1", door.port) for door in doors],
                StoredEvents(way.layout.events, settings.store),
            )
            await host.stop()
    assert {visit.door.service: visit.reached for visit in visits} == dict.fromkeys(PORTS, STAGES)
    assert not [visit.note for visit in visits if visit.note]


@asynccontextmanager
async def _serving(answer: Callable[..., object]) -> AsyncIterator[Door]:
    served: set[asyncio.Task[None] | None] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await answer(reader, writer)  # type: ignore[misc]  # it is a coroutine function
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    async with server:
        yield Door("telnet", "127.0.0.1", server.sockets[0].getsockname()[1])
    await asyncio.gather(*(task for task in served if task))


async def test_it_refuses_every_option_and_comes_back_when_hung_up_on() -> None:
    calls: list[bytes] = []

    async def moody(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\xff\xfd\x01\xff\xfb\x03\xff\xf1\r\nrouter login: ")
        heard = await reader.readuntil(b"root\r\n")
        writer.write(b"Password: ")
        heard += await reader.readuntil(b"\r\n")
        calls.append(heard)
        if len(calls) < 3:
            writer.write(b"\r\nLogin incorrect\r\n")
            return
        writer.write(b"\r\nBusyBox\r\n# ")
        await writer.drain()

    async with _serving(moody) as door:
        _, writer = await telnet_login(door.address, door.port)
        writer.close()
        await writer.wait_closed()
    assert len(calls) == 3
    assert calls[0].startswith(b"\xff\xfc\x01\xff\xfe\x03")
    assert len({call.split(b"root\r\n")[1] for call in calls}) == 3


async def test_a_door_that_lets_nobody_in_is_said() -> None:
    async def strict(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"login: ")
        while True:
            await reader.readuntil(b"\n")
            writer.write(b"Password: ")
            await reader.readuntil(b"\n")
            writer.write(b"incorrect\r\nlogin: ")

    async with _serving(strict) as door:
        visited = await selftest._visit(selftest._new(door))
    assert "none of the usual passwords was accepted" in visited.note


async def test_what_went_wrong_at_a_door_is_a_note(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def visitor(error: Exception) -> Callable[[Visit], object]:
        async def fail(_: Visit) -> None:
            raise error

        return fail

    async def slow(_: Visit) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(selftest, "_VISIT_SECONDS", 0.05)
    monkeypatch.setattr(selftest, "VISITORS", {
        "refused": visitor(ConnectionRefusedError("refused")),
        "denied": visitor(asyncssh.PermissionDenied("denied")),
        "slow": slow,
    })  # fmt: skip
    doors = [Door(name, "127.0.0.1", 1) for name in ("refused", "denied", "slow", "gopher")]
    notes = {visit.door.service: visit.note for visit in await run(doors, StoredEvents(tmp_path))}
    assert notes == {
        "refused": "ConnectionRefusedError: refused",
        "denied": "PermissionDenied: denied",
        "slow": "the service did not go on within 0.05 s",
        "gopher": "no visitor knows the service gopher",
    }


async def test_what_the_store_never_shows_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def quiet(_: Visit) -> None:
        pass

    monkeypatch.setattr(selftest, "_STORE_SECONDS", 0.0)
    monkeypatch.setattr(selftest, "VISITORS", {"telnet": quiet})
    (visit,) = await run([Door("telnet", "127.0.0.1", 1)], StoredEvents(Layout(tmp_path).events))
    assert visit.reached == ()
    assert not visit.complete
    assert visit.note == "not seen in the store: session, entered, offer, body; is the hub running?"


def test_every_visit_has_a_token_and_a_marker_of_its_own() -> None:
    door = Door("telnet", "127.0.0.1", 1)
    first, second = selftest._new(door), selftest._new(door)
    assert first.token != second.token
    assert first.sha256 != second.sha256
    assert first.token in first.url
    assert first.token.encode() in first.marker
