# SPDX-License-Identifier: Apache-2.0
"""A way into the store for commands that bring events: the running deck's, or one of their own.

While the deck runs, its hub is the store's one writer and events go to it over the bus. When it does not,
the command starts bus and hub itself for as long as it needs them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from mead.bus.bodies import BodySender
from mead.bus.client import Bus, BusAddress
from mead.bus.server import NatsServer, is_held
from mead.bus.streams import event_stream_name
from mead.deck.hub import Hub
from mead.deck.layout import Layout
from mead.deck.settings import Settings, catalogue_of
from mead.errors import BusError, StoreError
from mead.store.catalogue import Catalogue
from mead.store.reader import StoredEvents
from mead.store.sequences import Sequences

__all__ = ["Way", "way_in"]

_CONNECT_SECONDS = 3.0
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Way:
    """A connection to the bus behind which a hub stores."""

    bus: Bus
    layout: Layout
    settings: Settings
    hub: asyncio.Task[None] | None = None
    """The hub, when it was started for this command."""

    @property
    def own(self) -> bool:
        """Whether bus and hub were started for this command."""
        return self.hub is not None

    def bodies(self) -> BodySender:
        """Where bodies become durable."""
        return BodySender(self.bus)

    async def behind(self) -> list[str]:
        """The event streams of which the store does not have everything yet; the bus keeps it."""
        return [
            stream
            for stream in await self.bus.event_streams()
            if not await asyncio.to_thread(self._stored, stream, await self._last(stream))
        ]

    async def settled(self, sensor: str, *, timeout_seconds: float = 600.0) -> None:
        """Wait until all that was published for `sensor` is in the event store and the catalogue.

        Raises:
            StoreError: the hub did not come that far in time; nothing is lost, it will.
        """
        stream = event_stream_name(sensor)
        wanted = await self._last(stream)
        deadline = time.monotonic() + timeout_seconds
        while not await asyncio.to_thread(self._stored, stream, wanted):
            if self.hub is not None and self.hub.done():
                await self.hub
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the hub has not stored all of {stream} within {timeout_seconds:g} s; the bus keeps it: "
                    "is `mead hub` running, is the disk full?"
                )
            await asyncio.sleep(_POLL_SECONDS)

    async def _last(self, stream: str) -> int:
        """The last message that the hub has to store; 0: the bus holds none, so the hub has them all."""
        info = await self.bus.stream_info(stream)
        return info.state.last_seq if info and info.state.messages else 0

    def _stored(self, stream: str, wanted: int) -> bool:
        if not wanted:
            return True
        try:
            stored = StoredEvents(self.layout.events, self.settings.store).snapshot().position
        except StoreError:
            return False
        if Sequences(stored.get(stream, ())).complete_until() < wanted:
            return False
        catalogue = Catalogue.open(catalogue_of(self.settings))
        try:
            with catalogue.ask() as queries:
                position = queries.positions()
        finally:
            catalogue.close()
        return bool(position.get(stream, 0) >= wanted)


@asynccontextmanager
async def way_in(settings: Settings) -> AsyncIterator[Way]:
    """Connect to the running deck, or start bus and hub for as long as the block runs."""
    layout = Layout(settings.data_dir)
    layout.make()
    running = await _running(layout)
    if running is not None:
        async with Bus.connect(running) as bus:
            yield Way(bus, layout, settings)
        return
    async with (
        NatsServer(layout.bus, settings.bus) as server,
        Bus.connect(server.credentials) as bus,
        Hub(bus, layout, settings) as hub,
    ):
        task = asyncio.create_task(hub.run())
        try:
            yield Way(bus, layout, settings, task)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _running(layout: Layout) -> BusAddress | None:
    """The address of the running deck's bus, if there is one that answers."""
    if not is_held(layout.bus):
        return None
    try:
        address = BusAddress.load(layout.bus)
        async with asyncio.timeout(_CONNECT_SECONDS), Bus.connect(address) as bus:
            await bus.wait_connected()
    except (BusError, TimeoutError, OSError):
        return None
    return address
