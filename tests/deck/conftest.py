# SPDX-License-Identifier: Apache-2.0
"""A bus and a hub on it, for as long as a test runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest

from mead.bus.client import Bus
from mead.bus.server import NatsServer
from mead.deck.hub import Hub
from mead.deck.layout import Layout
from mead.deck.settings import HubSettings, Settings

RunHub = Callable[[], AbstractAsyncContextManager[Hub]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "var", hub=HubSettings(commit_seconds=0.02))


@pytest.fixture
def layout(settings: Settings) -> Layout:
    layout = Layout(settings.data_dir)
    layout.make()
    return layout


@pytest.fixture
async def bus(layout: Layout) -> AsyncIterator[Bus]:
    async with NatsServer(layout.bus) as server, Bus.connect(server.credentials) as connected:
        yield connected


@pytest.fixture
def run_hub(bus: Bus, layout: Layout, settings: Settings) -> RunHub:
    """A hub that works as long as the block runs; what it raises, the block raises."""

    @asynccontextmanager
    async def running() -> AsyncIterator[Hub]:
        async with Hub(bus, layout, settings) as hub:
            task = asyncio.create_task(hub.run())
            try:
                yield hub
            finally:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    return running
