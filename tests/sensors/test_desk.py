"""Work beside the sessions is waited for, and one failure stays its own."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from mead.sensors.desk import Desk


async def test_drain_waits_for_what_was_started(bench: Any) -> Any:
    done = []

    async def work() -> Any:
        await asyncio.sleep(0.01)
        done.append(1)

    desk = Desk(bench("telnet").bodies)
    desk.start(work())
    assert await desk.drain(5) == 0
    assert done == [1]


async def test_drain_gives_up_in_time_and_says_how_much(bench: Any) -> Any:
    desk = Desk(bench("telnet").bodies)
    said = []

    async def work() -> Any:
        try:
            await asyncio.sleep(60)
        finally:
            said.append("given up")

    desk.start(work())
    assert await desk.drain(0.01) == 1
    assert said == ["given up"]


async def test_stopping_is_passed_on(bench: Any) -> Any:
    told: list[str] = []
    Desk(bench("telnet").bodies).stop()
    Desk(bench("telnet").bodies, on_stop=lambda: told.append("stop")).stop()
    assert told == ["stop"]


async def test_a_failure_is_logged_and_ends_nothing_else(bench: Any, caplog: Any) -> Any:
    async def fail() -> Any:
        raise RuntimeError("ours")

    desk = Desk(bench("telnet").bodies)
    with caplog.at_level(logging.ERROR):
        desk.start(fail())
        await desk.drain(5)
    assert "ours" in caplog.text
    assert desk.failed == 1
