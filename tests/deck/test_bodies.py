# SPDX-License-Identifier: Apache-2.0
"""Bodies are in the store before their events, leave the bus, and are counted where they are missing."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mead.bus import streams
from mead.bus.bodies import BodySender
from mead.bus.client import Bus, BusAwayError, BusFullError, Stored
from mead.bus.events import Batch, EventReader
from mead.bus.publisher import Publisher
from mead.clock import SystemClock
from mead.deck.bodies import BodyMover
from mead.errors import StoreError
from mead.model.event import Event, FileUploaded, LossCounted, SampleCaptured, SessionClose
from mead.store.bodies import BodyStore

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BODY = b"benign marker body\n" * 100
DIGEST = hashlib.sha256(BODY).hexdigest()


def captured(sha256: str = DIGEST, origin: str | None = None) -> Event:
    return SampleCaptured(
        time=NOW, sensor="s1", session="x", sha256=sha256, size=len(BODY), how="echo", origin=origin
    )


def batch(*events: Event, sequence: int = 1) -> Batch:
    return Batch("EVENTS_s1", sequence, events)


@pytest.fixture
def store(tmp_path: Path) -> BodyStore:
    return BodyStore(tmp_path / "bodies")


@pytest.fixture
async def mover(bus: Bus, store: BodyStore) -> AsyncIterator[BodyMover]:
    await bus.ensure(streams.bodies_stream(bus.settings))
    async with Publisher(bus, "hub") as publisher:
        yield BodyMover(bus, store, publisher, SystemClock())


async def on_bus(bus: Bus) -> int:
    info = await bus.stream_info(streams.BODIES)
    assert info
    return info.state.messages


async def losses(bus: Bus) -> list[LossCounted]:
    info = await bus.stream_info("EVENTS_hub")
    if info is None:
        return []
    async with EventReader(bus, "EVENTS_hub") as reader:
        events = [event for _ in range(info.state.messages) for event in (await anext(reader)).events]
    assert all(isinstance(event, LossCounted) for event in events)
    return events  # type: ignore[return-value]  # just checked


async def test_a_body_that_several_events_name_is_moved(bus: Bus, mover: BodyMover, store: BodyStore) -> None:
    await BodySender(bus).put(BODY)
    uploaded = FileUploaded(time=NOW, sensor="s1", path="/tmp/x", sha256=DIGEST, size=len(BODY), tool="echo")
    await mover.keep([batch(uploaded, captured()), batch(captured(), sequence=2)])
    assert store.read(DIGEST) == BODY
    assert await on_bus(bus) == 0
    assert await losses(bus) == []


async def test_a_body_that_is_sent_again_leaves_the_bus_again(
    bus: Bus, mover: BodyMover, store: BodyStore
) -> None:
    """Sensors forget what they sent; if the hub left it there, the bus would fill up."""
    store.put(BODY)
    await BodySender(bus).put(BODY)
    assert await on_bus(bus) == 1
    await mover.keep([batch(captured())])
    assert await on_bus(bus) == 0


@pytest.mark.parametrize("kind", ["sample", "transcript"])
async def test_a_body_that_is_nowhere_is_counted_once(bus: Bus, mover: BodyMover, kind: str) -> None:
    closed = SessionClose(time=NOW, sensor="s1", session="x", reason="peer", duration_ms=1, transcript=DIGEST)
    lost = batch(captured() if kind == "sample" else closed)
    for _ in range(2):  # the second time after a crash
        await mover.keep([lost])
    (loss,) = await losses(bus)
    assert (loss.count, loss.unit, loss.session) == (1, "bodies", "x")
    assert DIGEST in loss.what
    assert "neither on the bus nor in the store" in loss.reason


async def test_a_body_of_a_foreign_log_is_not_missed(bus: Bus, mover: BodyMover) -> None:
    await mover.keep([batch(captured(origin="of a line"))])
    assert await losses(bus) == []


@pytest.mark.parametrize("text", ["", "*", "a" * 63, "../../etc/passwd", "A" * 64, "é" * 64])
async def test_what_is_no_digest_names_no_body(bus: Bus, mover: BodyMover, text: str) -> None:
    await mover.keep([batch(captured(text))])
    assert await losses(bus) == []


async def test_a_body_that_cannot_be_written_stays_on_the_bus(
    bus: Bus, mover: BodyMover, store: BodyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await BodySender(bus).put(BODY)

    def full(_: bytes) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "put", full)
        with pytest.raises(StoreError, match="full"):
            await mover.keep([batch(captured())])
    assert await on_bus(bus) == 1
    await mover.keep([batch(captured())])
    assert store.read(DIGEST) == BODY


async def test_what_is_left_over_is_kept_or_cleared_and_counted(
    bus: Bus, mover: BodyMover, store: BodyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = b"known already"
    store.put(known)
    sender = BodySender(bus)
    await sender.put(known)
    await sender.put(BODY)
    await bus.publish(streams.body_subject("0" * 64, 0), b"part", headers={"Mead-Chunks": "2"})
    assert await mover.sweep() == 0, "all of it is new"
    monkeypatch.setattr("mead.deck.bodies._LEFT_OVER_SECONDS", 0.0)
    assert await mover.sweep() == 3
    assert await on_bus(bus) == 0
    assert store.read(DIGEST) == BODY
    whole, part = await losses(bus)
    assert (whole.what, whole.unit) == (f"sighting of {DIGEST}", "events")
    assert (part.what, part.unit) == (f"body {'0' * 64}", "bodies")


async def test_a_leftover_is_counted_once_whatever_is_killed(
    bus: Bus, mover: BodyMover, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bus.publish(streams.body_subject("0" * 64, 0), b"part", headers={"Mead-Chunks": "2"})
    monkeypatch.setattr("mead.deck.bodies._LEFT_OVER_SECONDS", 0.0)

    async def dies(*_: object, **__: object) -> None:
        raise StoreError("killed before the bus forgot it")

    with monkeypatch.context() as patch:
        patch.setattr(mover._receiver, "done", dies)
        with pytest.raises(StoreError):
            await mover.sweep()
    assert await mover.sweep() == 1
    assert len(await losses(bus)) == 1


async def test_a_loss_waits_for_the_bus_but_not_for_room(
    bus: Bus, mover: BodyMover, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, troubles = Bus.publish, [BusAwayError("away"), BusFullError("full")]

    async def troubled(self: Bus, *args: object, **options: object) -> Stored:
        if troubles:
            raise troubles.pop(0)
        return await real(self, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Bus, "publish", troubled)
    await mover.keep([batch(captured())])
    assert troubles == []
    await mover._publisher.flush()
    assert len(await losses(bus)) == 1
