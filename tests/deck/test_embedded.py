# SPDX-License-Identifier: Apache-2.0
"""Commands that bring events find the running deck, or bring a hub of their own."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from mead.bus.client import BusAddress
from mead.bus.publisher import Publisher
from mead.deck import embedded
from mead.deck.embedded import Way, way_in
from mead.deck.hub import Hub
from mead.deck.layout import Layout
from mead.deck.settings import Settings
from mead.errors import StoreError
from mead.model.event import LoginAttempt

EVENT = LoginAttempt(
    time=datetime(2026, 1, 1, tzinfo=UTC), sensor="s1", username="root", method="password", success=False
)


async def _publish(way: Way) -> None:
    async with Publisher(way.bus, "s1") as publisher:
        await publisher.publish_durably([EVENT])


async def test_what_was_published_is_settled_in_a_hub_of_our_own(settings: Settings) -> None:
    async with way_in(settings) as way:
        assert way.own
        await _publish(way)
        await way.settled("s1")
        assert await way.behind() == []
    async with way_in(settings) as way:
        await way.settled("s1")
        await way.settled("never-seen")


async def test_the_running_deck_is_used(settings: Settings) -> None:
    async with way_in(settings), way_in(settings) as second:
        assert not second.own
        await _publish(second)
        await second.settled("s1")


async def test_the_address_of_a_deck_that_ended_costs_no_time(
    settings: Settings, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with way_in(settings):
        pass
    assert BusAddress.load(layout.bus)
    monkeypatch.setattr(embedded, "_CONNECT_SECONDS", 1_000.0)
    async with asyncio.timeout(60), way_in(settings) as way:
        assert way.own


async def test_what_the_hub_did_not_store_is_named_and_waited_for_in_vain(
    bus: object, layout: Layout, settings: Settings
) -> None:
    way = Way(bus, layout, settings)  # type: ignore[arg-type]  # the fixture
    assert not way.own
    await _publish(way)
    assert await way.behind() == ["EVENTS_s1"]
    began = time.monotonic()
    with pytest.raises(StoreError, match=r"has not stored all of EVENTS_s1 within 0\.2 s"):
        await way.settled("s1", timeout_seconds=0.2)
    assert time.monotonic() - began < 30


async def test_a_hub_that_fails_is_not_waited_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: Hub) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(Hub, "run", fail)

    async def bring() -> None:
        async with way_in(settings) as way:
            await _publish(way)
            await way.settled("s1", timeout_seconds=1_000)

    with pytest.raises(StoreError, match="the disk is full"):
        await bring()
