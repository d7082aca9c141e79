# SPDX-License-Identifier: Apache-2.0
"""Processes run until told to stop, and end in order."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from datetime import UTC, datetime

import pytest

from mead.bus.client import Bus
from mead.bus.publisher import Publisher
from mead.deck import processes
from mead.deck.layout import Layout
from mead.deck.processes import until_told
from mead.deck.settings import Settings
from mead.errors import BusError, ConfigError
from mead.model.event import LoginAttempt
from mead.store.reader import StoredEvents


@pytest.fixture(autouse=True)
def quieted(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """How often the collector was told to wait; it goes on as before, for the sake of other tests."""
    calls: list[None] = []
    monkeypatch.setattr(processes, "quiet_collector", lambda: calls.append(None))
    return calls


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_cancels_the_work_and_waits_for_its_end(name: signal.Signals) -> None:
    ended = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            ended.append("in order")

    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), name)
    await until_told(work())
    assert ended == ["in order"]


async def test_the_work_goes_on_until_it_is_finished_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_FINISH_SECONDS", 0.2)
    steps: list[str] = []

    async def work() -> None:
        while True:
            await asyncio.sleep(0.01)
            steps.append("worked")

    async def finish() -> None:
        steps.append("told")
        await asyncio.sleep(0.05)
        steps.append("finished")

    async def never() -> None:
        await asyncio.sleep(60)

    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    await until_told(work(), finish=finish)
    assert steps[-1] in {"finished", "worked"}
    assert "worked" in steps[steps.index("told") : steps.index("finished")]
    asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    await until_told(work(), finish=never)


async def _parts(*errors: Exception) -> None:
    async def fails(error: Exception) -> None:
        raise error

    async with asyncio.TaskGroup() as inner:
        inner.create_task(asyncio.sleep(60))
        for error in errors:
            inner.create_task(fails(error))


@pytest.mark.parametrize("others", [[], [KeyError("first")]])
async def test_the_error_that_is_meant_for_people_is_raised(others: list[Exception]) -> None:
    async def nested() -> None:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(_parts(*others, BusError("the bus refuses")))

    with pytest.raises(BusError, match="the bus refuses"):
        await until_told(nested())


async def test_a_bug_stays_a_bug() -> None:
    with pytest.raises(ZeroDivisionError):
        await until_told(_parts(ZeroDivisionError()))


async def test_work_that_ends_or_fails_by_itself_is_not_waited_for() -> None:
    async def done() -> None:
        pass

    async def failed() -> None:
        raise BusError("away")

    await until_told(done())
    with pytest.raises(BusError, match="away"):
        await until_told(failed())


async def test_the_hub_stores_until_told(
    bus: Bus, layout: Layout, settings: Settings, quieted: list[None]
) -> None:
    running = asyncio.create_task(processes.hub(settings))
    event = LoginAttempt(
        time=datetime(2026, 1, 1, tzinfo=UTC), sensor="s", username="u", method="password", success=False
    )
    async with asyncio.timeout(30):
        while signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:  # not at work yet
            await asyncio.sleep(0.02)
        async with Publisher(bus, "s") as publisher:
            await publisher.publish_durably([event])
        os.kill(os.getpid(), signal.SIGTERM)  # what is on the bus by now is stored all the same
        await running
    assert [row["username"] for row in StoredEvents(layout.events).select()] == ["u"]
    assert len(quieted) == 1


@pytest.mark.usefixtures("bus")
async def test_a_worker_works_until_told(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        running = asyncio.create_task(processes.worker(settings, ("analysis", "fetch"), 2))
        await asyncio.sleep(0.5)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(30):
            await running
    assert ("stays root" in caplog.text) is (os.geteuid() == 0)


async def test_an_unknown_queue_and_a_missing_bus_are_said(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="no queue is called nope; known: analysis, fetch"):
        await processes.worker(settings, ("nope", "fetch"))
    for work in (processes.worker(settings, ("analysis",)), processes.hub(settings)):
        with pytest.raises(BusError, match="mead run"):
            await work
